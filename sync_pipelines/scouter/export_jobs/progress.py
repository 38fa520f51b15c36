"""How far an export job has come: its counters, and the changes that a worker makes to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sync_pipelines.scouter.export_jobs.job import Phase, Status
from sync_pipelines.scouter.lead import Position


class Counters(NamedTuple):
    """The counters of a job; `exported` and `errors` together never exceed `total`."""

    total: int
    exported: int
    errors: int

    def advanced(self, exported: int, errors: int, *, within_total: bool) -> Counters:
        """The counters after these leads. `within_total` keeps the total: leads beyond it were created later."""
        rejected = max(self.errors + errors, 0)
        accepted = max(self.exported + exported, 0)
        if within_total:
            total = max(self.total, rejected)
            return Counters(total, min(accepted, total - rejected), rejected)
        return Counters(max(self.total, accepted + rejected), accepted, rejected)


class Held(NamedTuple):
    """A job whose row is locked until a transaction ends."""

    status: Status
    counters: Counters


@dataclass(frozen=True)
class Step:
    """One change to a job: more leads, a new checkpoint. `within_total` is that of `Counters.advanced`.

    A completed day, or a new phase, clears the checkpoint within the day.
    """

    exported: int = 0
    errors: int = 0
    within_total: bool = False
    processing_date: date | None = None
    last_completed_date: date | None = None
    phase: Phase | None = None
    cursor: Position | None = None

    @property
    def clears_cursor(self) -> bool:
        return self.last_completed_date is not None or self.phase is not None
