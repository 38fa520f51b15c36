"""What became of the arrivals that a drain worked on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class ReadLeads(NamedTuple):
    """What reading and merging some leads did; those that are neither rejected nor unread are as the CRM has them.

    Reasons quote no value of a lead.
    """

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Leads that cannot be used, with the reason.
    rejected: Mapping[int, str] = {}
    #: Leads whose detail did not come.
    unread: Collection[int] = ()
    #: Why the last of these did not.
    problem: str = ""


@dataclass
class DrainReport:
    """Counts of a drain: of leads by what became of each, and of arrivals.

    decided = inserted + changed + unchanged + rejected + superseded.
    """

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Leads that could not be used, by reason.
    rejected: Counter[str] = field(default_factory=Counter)
    #: Leads whose detail did not come; they wait.
    unread: int = 0
    problem: str = ""
    #: Arrivals of a lead that a newer one of the same lead answers.
    superseded: int = 0

    @property
    def leads(self) -> int:
        """Leads that were asked for."""
        return self.applied + self.rejected.total() + self.unread

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

    def add(self, read: ReadLeads, superseded: int) -> None:
        """Count a batch."""
        self.inserted += read.inserted
        self.changed += read.changed
        self.unchanged += read.unchanged
        self.rejected.update(read.rejected.values())
        self.unread += len(read.unread)
        self.problem = read.problem or self.problem
        self.superseded += superseded
