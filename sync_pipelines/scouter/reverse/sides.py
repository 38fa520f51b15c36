"""A lead as it was read for a merge, on each side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.scouter.reverse.base import Reading


class Here(NamedTuple):
    """A row of TabuladorMax."""

    hashes: Mapping[str, str]
    content_hash: UUID
    version: float | None
    updated_at: str | None
    created_at: str | None


class There(NamedTuple):
    """A row of Gestão Scouter."""

    reading: Reading
    content_hash: UUID | None
    created_at: str | None
    sync_source: str | None
    #: As the row says it.
    updated_at: str | None
    digest: UUID
