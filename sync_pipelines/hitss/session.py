"""One open load: months one by one, each loaded, proved, recorded; the counts that its execution closes with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync_pipelines.hitss.loading import MonthLoader, Outcome
from sync_pipelines.lib.executions import Execution
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.ledger import Landing, Ledger
from sync_pipelines.lib.proof import Proof


@dataclass
class LoadSession:
    """An open load: call `load` month by month, then `finish`."""

    loader: MonthLoader
    ledger: Ledger
    landing: Landing
    run_id: str
    execution: Execution
    failures: dict[str, str] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    progress: Callable[[str], None] = lambda sentence: None

    def load(self, month: str) -> dict[str, Outcome]:
        """Load, prove and record one month; a failure is recorded too, and raised."""
        try:
            outcomes = self.loader.load(month)
        except SyncError as error:
            self.failures[month] = str(error)
            problem = [
                (f"hitss/{name}", month, "", Proof({}, {}), str(error)) for name in self.loader.selected
            ]
            self.ledger.record_proofs(self.run_id, problem)
            self.execution.log("ERROR", str(error), {"month": month})
            raise
        self.ledger.record_proofs(
            self.run_id,
            [(f"hitss/{name}", month, o.version, o.proof, None) for name, o in outcomes.items()],
        )
        self._count(outcomes)
        rows = sum(outcome.changes.touched for outcome in outcomes.values())
        self.progress(f"{month[:7]}: {rows} rows written, proved.")
        return outcomes

    def _count(self, outcomes: Mapping[str, Outcome]) -> None:
        for name, outcome in outcomes.items():
            self.totals[f"{name} loaded"] += outcome.changes.written
            self.totals[f"{name} unchanged"] += outcome.changes.unchanged
            self.totals[f"{name} deleted"] += outcome.changes.deleted
            self.totals[f"{name} rejected"] += outcome.rejected
        # The rows a person means by "processed": those of the first table of the chain that was asked for.
        first = next(iter(outcomes.values()))
        self.execution.processed += first.changes.written + first.changes.unchanged
        self.execution.failed += first.rejected
        self.execution.details = {"months_failed": sorted(self.failures), **self.totals}
