"""What became of the arrivals that a drain worked on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Outcome = Literal["inserted", "changed", "unchanged", "rejected", "unread"]


class LeadResult(NamedTuple):
    """What reading and merging a lead did; `unread` means that its detail did not come, and the lead still waits.

    The reason quotes no value of the lead.
    """

    lead_id: int
    outcome: Outcome
    reason: str | None = None


@dataclass
class DrainReport:
    """Counts of a drain: of leads by what became of each, and of arrivals.

    arrivals decided = inserted + changed + unchanged + rejected + superseded.
    """

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Leads that could not be used, by reason.
    rejected: Counter[str] = field(default_factory=Counter)
    #: Leads whose detail did not come, by reason.
    unread: Counter[str] = field(default_factory=Counter)
    #: Arrivals of a lead that a newer one of the same lead answers.
    superseded: int = 0

    @property
    def leads(self) -> int:
        """Leads that were asked for."""
        return self.applied + self.rejected.total() + self.unread.total()

    @property
    def written(self) -> int:
        return self.inserted + self.changed

    @property
    def applied(self) -> int:
        """Leads that are as the CRM has them."""
        return self.written + self.unchanged

    @property
    def decided(self) -> int:
        """Arrivals that do not wait any more."""
        return self.applied + self.rejected.total() + self.superseded

    def add(self, result: LeadResult, arrivals: int) -> None:
        """Count a lead with so many arrivals."""
        if result.outcome == "unread":
            self.unread[result.reason or ""] += 1
            return
        self.superseded += arrivals - 1
        if result.outcome == "rejected":
            self.rejected[result.reason or ""] += 1
        elif result.outcome == "inserted":
            self.inserted += 1
        elif result.outcome == "changed":
            self.changed += 1
        else:
            self.unchanged += 1
