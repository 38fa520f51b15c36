"""A lead on its way, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.lib.http.postgrest import Problem


class Position(NamedTuple):
    """Where a lead stands in the walk: newest first, the id among equal times."""

    updated_at: datetime | None
    id: int


@dataclass(frozen=True)
class Lead:
    """A lead as it is sent: `body` is the JSON text of its mapped fields and stamps.

    Its times are texts, as the database writes them: it holds moments that Python does not (infinity, the year 20225).
    `is_suspect` where the doctor's types tell that it will be refused; `is_new` where nothing of it is known at the
    destination.
    """

    id: int
    updated_at: str | None
    content_hash: UUID
    body: str
    created_at: str | None = None
    is_suspect: bool = False
    is_new: bool = False


#: Stands for a lead that could not even be read.
NO_CONTENT = UUID(int=0)


def unreadable(lead_id: int) -> Lead:
    """A lead of which there is a number only."""
    return Lead(id=lead_id, updated_at=None, content_hash=NO_CONTENT, body="{}")


class Rejected(NamedTuple):
    """A lead that was not taken: by the server with its `problem`, or (None) held back by us for `reason`."""

    lead: Lead
    problem: Problem | None
    reason: str


@dataclass
class Looked:
    """How it is known that unchanged leads are at the destination.

    `seen` were read there now and are equal; `believed` rest on an earlier reading, the oldest of `oldest` (seconds
    since 1970). `differed` were not as they had been left, so they are sent; `left` of them wait for the reverse sync
    instead, because a person changed them there.
    """

    seen: int = 0
    believed: int = 0
    oldest: float | None = None
    differed: int = 0
    left: int = 0
    requests: int = 0

    def add(self, other: Looked) -> None:
        """Add another's counts."""
        self.seen += other.seen
        self.believed += other.believed
        self.oldest = min((one for one in (self.oldest, other.oldest) if one is not None), default=None)
        self.differed += other.differed
        self.left += other.left
        self.requests += other.requests

    @property
    def oldest_day(self) -> date | None:
        """The day (UTC) of the oldest earlier reading."""
        return None if self.oldest is None else datetime.fromtimestamp(self.oldest, UTC).date()

    def sentences(self) -> list[str]:
        """What is known of unchanged leads, without any value; nothing where there are none."""
        told = []
        if self.seen:
            told.append(f"{self.seen} unchanged leads were read there now and are equal.")
        if self.believed:
            told.append(
                f"{self.believed} unchanged leads were not read now: they rest on earlier readings, the oldest of"
                f" {self.oldest_day}."
            )
        if self.differed:
            told.append(
                f"{self.differed} leads were no longer there as they had been left, and were sent again."
            )
        if self.left:
            told.append(f"{self.left} leads were changed there and wait for the reverse sync.")
        return told


@dataclass(frozen=True)
class Slice:
    """Consecutive leads of the walk: those to send, how many need nothing, and the position of the last."""

    last: Position
    clean: Sequence[Lead] = ()
    suspects: Sequence[Lead] = ()
    held_back: Sequence[Rejected] = ()
    unchanged: int = 0
    gone: int = 0
    looked: Looked = field(default_factory=Looked)


@dataclass
class Outcome:
    """What became of a slice: each of its leads is accepted, rejected, unchanged or gone."""

    slice: Slice
    accepted: list[Lead] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0.0
