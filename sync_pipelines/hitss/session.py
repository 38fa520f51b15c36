"""One open load: months loaded and proved over a few connections, recorded and counted in order.

While the database works on one month, this process prepares the next: two connections keep both cores busy.
Each month is a transaction of its own, so it does not matter in which order they end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

from sync_pipelines.hitss.chart import MONTHS_SHOWN, MonthFigures
from sync_pipelines.hitss.loading import MonthLoader
from sync_pipelines.hitss.plan import LoadPlan, Outcome
from sync_pipelines.hitss.summary import Row
from sync_pipelines.hitss.tables import PROJECT
from sync_pipelines.lib import interruptions, postgres
from sync_pipelines.lib.executions import Execution
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.ledger import Ledger, RecordableProof
from sync_pipelines.lib.proof import Proof

CONNECTIONS = 2
#: Proofs written to the ledger at a time: each write waits for a disk.
BATCH = 100

Outcomes = dict[str, Outcome]


@dataclass
class LoadSession:
    """An open load of `months`; call `load` for each of them, in order."""

    plan: LoadPlan
    ledger: Ledger
    run_id: str
    execution: Execution
    progress: Callable[[str], None]
    settled: Mapping[str, Outcomes]
    _futures: Mapping[str, Future[Outcomes]]
    _summaries: dict[str, Row] = field(default_factory=dict)
    _failed: list[str] = field(default_factory=list)
    _totals: Counter[str] = field(default_factory=Counter)
    _unrecorded: list[RecordableProof] = field(default_factory=list)

    def load(self, month: str) -> Outcomes:
        """The outcomes of a month, loaded, proved and recorded; its failure is recorded too, and raised."""
        outcomes = self.settled.get(month)
        if outcomes is None:
            outcomes = self._result(month)
            self._record(month, outcomes)
            rows = sum(outcome.changes.touched for outcome in outcomes.values())
            self.progress(f"{month[:7]}: {rows} rows written, proved.")
        self._count(outcomes)
        if "dre_summary" in outcomes:
            self._summaries[month] = outcomes["dre_summary"].figures
        return outcomes

    def history(self, month: str) -> list[MonthFigures]:
        """The summary up to a month, oldest first, as far back as its picture goes."""
        known = sorted(key for key in self._summaries if key <= month)[-MONTHS_SHOWN:]
        rows = (self._summaries[key] for key in known)
        return [
            MonthFigures(float(row["receita"]), float(row["custo"]), float(row["margem"])) for row in rows
        ]

    def _result(self, month: str) -> Outcomes:
        try:
            return self._futures[month].result()
        except SyncError as error:
            self._failed.append(month)
            problem = Proof({}, {})
            names = (f"hitss/{name}" for name in self.plan.selected)
            self.ledger.record_proofs(self.run_id, [(name, month, "", problem, str(error)) for name in names])
            self.execution.log(
                "ERROR", f"A carga de {month[:7]} falhou; o mês ficou como estava. {error}", {"month": month}
            )
            self.execution.details = {"months_failed": self._failed, **self._totals}
            raise

    def _record(self, month: str, outcomes: Outcomes) -> None:
        """Remember a month's proofs for the ledger; one lost in a crash is made again by the next run."""
        self._unrecorded += _proofs(month, outcomes)
        if len(self._unrecorded) >= BATCH:
            self.record()

    def record(self) -> None:
        """Write what is remembered to the ledger."""
        proofs, self._unrecorded = self._unrecorded, []
        self.ledger.record_proofs(self.run_id, proofs)

    def _count(self, outcomes: Outcomes) -> None:
        for name, outcome in outcomes.items():
            self._totals[f"{name} loaded"] += outcome.changes.written
            self._totals[f"{name} unchanged"] += outcome.changes.unchanged
            self._totals[f"{name} deleted"] += outcome.changes.deleted
            self._totals[f"{name} rejected"] += outcome.rejected
        # The rows a person means by "processed": those of the first table of the chain that was asked for.
        first = next(iter(outcomes.values()))
        self.execution.advance(first.changes.written + first.changes.unchanged, first.rejected)
        self.execution.details = {"months_failed": self._failed, **self._totals}


def _proofs(month: str, outcomes: Outcomes) -> Iterator[RecordableProof]:
    for name, outcome in outcomes.items():
        yield f"hitss/{name}", month, outcome.version, outcome.proof, None


@contextmanager
def open_session(
    url: str,
    months: Sequence[str],
    plan: LoadPlan,
    *,
    ledger: Ledger,
    execution: Execution,
    progress: Callable[[str], None],
) -> Iterator[LoadSession]:
    """Begin to load `months`: those that are settled at once, the others over CONNECTIONS connections."""
    settled = {
        month: found for month in months if month not in plan.blocked and (found := plan.settled(month))
    }
    ledger.record_proofs(
        execution.run_id, [proof for month, found in settled.items() for proof in _proofs(month, found)]
    )
    open_months = [month for month in months if month not in settled]
    with ExitStack() as stack:
        idle: SimpleQueue[MonthLoader] = SimpleQueue()
        loaders = [
            MonthLoader(stack.enter_context(postgres.connect(url, what=PROJECT)), plan)
            for _ in range(min(CONNECTIONS, len(open_months)))
        ]
        for one in loaders:
            idle.put(one)

        def load(month: str) -> Outcomes:
            loader = idle.get()
            try:
                return loader.load(month)
            finally:
                idle.put(loader)

        pool = ThreadPoolExecutor(max_workers=CONNECTIONS, thread_name_prefix="month")
        # What has not begun when the block ends is not begun any more; what has is waited for.
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        futures = {month: pool.submit(load, month) for month in open_months}
        summaries = dict(plan.live.summaries)
        session = LoadSession(
            plan, ledger, execution.run_id, execution, progress, settled, futures, summaries
        )
        try:
            with interruptions.cancelling(pool, [one.connection for one in loaders]):
                yield session
        finally:
            session.record()
