"""A lead as it was read for a merge, on each side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.scouter.local_lead import is_same_moment
from sync_pipelines.scouter.reverse.base import Reading
from sync_pipelines.scouter.stored_lead import Stored
from sync_pipelines.scouter.sync_source import is_ours


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

    def is_of(self, here: Here | None) -> bool:
        """Whether it is marked as ours, and was made when the lead of TabuladorMax was."""
        if here is None or not is_ours(self.sync_source):
            return False
        return is_same_moment(here.created_at, self.created_at)

    def row(self, stored: Stored) -> Reading:
        """The row, with what is kept of its lead telling whether it is still as our last write was read back."""
        is_as_written = stored.base.seen_version is None and stored.digest == self.digest
        return replace(self.reading, is_as_written=is_as_written)
