"""How a push knows that unchanged leads, which it does not send, are at the destination."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass
class UnchangedCheck:
    """Counts of leads that have not changed here since they were last synced.

    `seen` were read at the destination now and are equal. `believed` were not read now: they rest on an earlier
    reading, the oldest of `oldest` (seconds since 1970). `differed` were not there as we had left them, so they are
    sent; `left` of these wait for the reverse sync instead, because a person changed them there. `merged` were changed
    there and taken into TabuladorMax first.
    """

    seen: int = 0
    believed: int = 0
    oldest: float | None = None
    differed: int = 0
    left: int = 0
    merged: int = 0
    requests: int = 0

    def add(self, other: UnchangedCheck) -> None:
        """Add another's counts."""
        self.seen += other.seen
        self.believed += other.believed
        self.oldest = min((one for one in (self.oldest, other.oldest) if one is not None), default=None)
        self.differed += other.differed
        self.left += other.left
        self.merged += other.merged
        self.requests += other.requests

    @property
    def oldest_day(self) -> date | None:
        """The day (UTC) of the oldest earlier reading."""
        return None if self.oldest is None else datetime.fromtimestamp(self.oldest, UTC).date()

    def sentences(self) -> list[str]:
        """What is known of unchanged leads, without any value; nothing if there are none."""
        known = []
        if self.seen:
            known.append(f"{self.seen} unchanged leads were read there now and are equal.")
        if self.believed:
            known.append(
                f"{self.believed} unchanged leads were not read now: they rest on earlier readings, the oldest of"
                f" {self.oldest_day}."
            )
        if self.differed:
            known.append(
                f"{self.differed} leads were no longer there as they had been left, and were sent again."
            )
        if self.merged:
            known.append(f"{self.merged} leads were changed there and were merged, field by field.")
        if self.left:
            known.append(f"{self.left} leads were changed there and wait for the reverse sync.")
        return known
