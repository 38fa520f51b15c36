"""A lead on its way, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.lib.postgrest import Problem


class Position(NamedTuple):
    """Where a lead stands in the walk: newest first, the id among equal times."""

    updated_at: datetime | None
    id: int


@dataclass(frozen=True)
class Lead:
    """A lead as it is sent: `body` is the JSON text of its mapped fields and stamps.

    `is_suspect` where the doctor's types tell that it will be refused; `is_new` where nothing of it is known at the
    destination.
    """

    id: int
    updated_at: datetime | None
    content_hash: UUID
    body: str
    created_at: datetime | None = None
    is_suspect: bool = False
    is_new: bool = False


class Rejected(NamedTuple):
    """A lead that was not taken: by the server with its `problem`, or (None) held back by us for `reason`."""

    lead: Lead
    problem: Problem | None
    reason: str


@dataclass(frozen=True)
class Slice:
    """Consecutive leads of the walk: those to send, how many need nothing, and the position of the last."""

    last: Position
    clean: Sequence[Lead] = ()
    suspects: Sequence[Lead] = ()
    held_back: Sequence[Rejected] = ()
    unchanged: int = 0
    gone: int = 0


@dataclass
class Outcome:
    """What became of a slice: each of its leads is accepted, rejected, unchanged or gone."""

    slice: Slice
    accepted: list[Lead] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
