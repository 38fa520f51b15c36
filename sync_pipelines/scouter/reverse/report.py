"""What became of the changes that a drain took from the inbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Outcome = Literal["created", "updated", "same", "ignored", "rejected"]


class Result(NamedTuple):
    """What became of one change; `fields` is how many columns TabuladorMax took."""

    id: int
    lead_id: int
    outcome: Outcome
    reason: str | None = None
    fields: int = 0


@dataclass
class DrainReport:
    """Counts of a drain; `ignored` and `rejected` by reason.

    `unknown` are keys that no side of the mapping knows, `one_way` are columns that cannot be reversed, `conflicts`
    are fields that both sides had changed, `settled` leads that an ended push had left to be looked at.
    """

    read: int = 0
    updated: int = 0
    created: int = 0
    batches: int = 0
    conflicts: int = 0
    settled: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    one_way: tuple[str, ...] = ()
    created_ids: list[int] = field(default_factory=list)

    @property
    def applied(self) -> int:
        return self.updated + self.created

    def add(self, results: Sequence[Result], unknown: Mapping[str, int]) -> None:
        """Count a batch."""
        self.batches += 1
        self.read += len(results)
        self.unknown.update(unknown)
        for one in results:
            if one.outcome == "created":
                self.created += 1
                self.created_ids.append(one.lead_id)
            elif one.outcome == "updated":
                self.updated += 1
            elif one.outcome == "rejected":
                self.rejected[one.reason or ""] += 1
            else:
                self.ignored[one.reason or ""] += 1

    def merge(self, other: DrainReport) -> None:
        """Add another's counts."""
        self.batches += other.batches
        self.read += other.read
        self.updated += other.updated
        self.created += other.created
        self.conflicts += other.conflicts
        self.unknown.update(other.unknown)
        self.ignored.update(other.ignored)
        self.rejected.update(other.rejected)
        self.created_ids += other.created_ids
