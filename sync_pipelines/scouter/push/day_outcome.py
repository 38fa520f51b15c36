"""What a push did with the leads of a day, or of everything that belongs to no day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync_pipelines.scouter.push.batch import Outcome
from sync_pipelines.scouter.push.prove import ReadBack
from sync_pipelines.scouter.push.unchanged_check import UnchangedCheck

NOTHING_TO_DO = "Nothing to do: no lead in this range."


@dataclass
class DayOutcome:
    """read = accepted + unchanged + rejected + gone; `proof` is what was read back of the accepted leads."""

    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    gone: int = 0
    requests: int = 0
    seconds: float = 0.0
    proof: ReadBack = field(default_factory=ReadBack)
    unchanged_check: UnchangedCheck = field(default_factory=UnchangedCheck)

    @property
    def read(self) -> int:
        return self.accepted + self.unchanged + self.rejected + self.gone

    def sentence(self) -> str:
        """What is proved, and since when, without any value."""
        if not (self.read or self.proof.compared):
            return NOTHING_TO_DO
        sent = self.proof.sentence() if self.proof.compared else "Nothing was sent."
        return " ".join([sent, *self.unchanged_check.sentences()])

    def merge(self, other: DayOutcome) -> None:
        """Add another's counts."""
        self.accepted += other.accepted
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.gone += other.gone
        self.requests += other.requests
        self.seconds += other.seconds
        self.proof.add(other.proof)
        self.unchanged_check.add(other.unchanged_check)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Add what became of some batches; their proof comes later."""
        for outcome in outcomes:
            self.accepted += len(outcome.accepted)
            self.unchanged += outcome.batch.unchanged + len(outcome.left)
            self.rejected += len(outcome.rejected)
            self.gone += outcome.batch.gone
            self.requests += outcome.requests + outcome.batch.unchanged_check.requests
            self.unchanged_check.add(outcome.batch.unchanged_check)
            self.unchanged_check.left += len(outcome.left)
