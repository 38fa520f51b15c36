"""One open load: months loaded and proved over a few connections, recorded and counted in order.

While the database works on one month, this process prepares the next: two connections keep both cores busy.
Each month is a transaction of its own, so it does not matter in which order they end. What is committed counts, even
where our own database cannot take the record of it: the next run looks at the tables and not at the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue

import psycopg

from sync_pipelines.hitss.dre.load import LoadedMonth, MonthLoader
from sync_pipelines.hitss.dre.plan import LoadPlan, Outcome
from sync_pipelines.hitss.dre.prove import NO_LINES, read_live
from sync_pipelines.hitss.dre.report import MONTHS_SHOWN, MonthFigures
from sync_pipelines.hitss.dre.summary import Row
from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.lib import interruptions, postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.run_log import Execution

CONNECTIONS = 2
#: Proofs written to the ops database at a time: each write waits for a disk.
BATCH = 100

Outcomes = dict[str, Outcome]


@dataclass
class LoadSession:
    """An open load of `months`; call `load` for each of them, in order, and `confirm` after the last."""

    url: str
    plan: LoadPlan
    records: Records
    run_id: str
    execution: Execution
    progress: Callable[[str], None]
    settled: Mapping[str, Outcomes]
    _futures: Mapping[str, Future[LoadedMonth]]
    _summaries: dict[str, Row] = field(default_factory=dict)
    _failed: list[str] = field(default_factory=list)
    _written: set[str] = field(default_factory=set)
    _proved: set[str] = field(default_factory=set)
    _outdated: dict[str, dict[str, str]] = field(default_factory=dict)
    _totals: Counter[str] = field(default_factory=Counter)
    _unrecorded: list[RecordableProof] = field(default_factory=list)

    def load(self, month: str) -> Outcomes:
        """The outcomes of a month, loaded, proved and recorded; its failure is recorded too, and raised."""
        outcomes = self.settled.get(month)
        if outcomes is None:
            outcomes = self._result(month)
            self._remember(_proofs(month, outcomes))
            rows = sum(outcome.changes.touched for outcome in outcomes.values())
            if rows:
                self._written.add(month)
            self.progress(f"{month[:7]}: {rows} rows written, proved.")
        self._proved.add(month)
        self._count(outcomes)
        if "dre_summary" in outcomes:
            self._summaries[month] = outcomes["dre_summary"].figures
        return outcomes

    def outdated(self, month: str) -> Mapping[str, str]:
        """Tables that were not selected and are no longer what their inputs say, with what is wrong."""
        return self._outdated.get(month, {})

    def confirm(self) -> dict[str, str]:
        """Look once more at every month of the run: those no longer as they were proved, with what is wrong.

        A month's own transaction cannot see what a trigger of a later month did to it, and a month that needed no
        write is as exposed as one that was written.
        """
        if not self._written:
            return {}
        months = sorted(self._proved)
        live = read_live(self.url, self.plan.empresa, months)
        found: dict[str, str] = {}
        for month in months:
            lines = live.lines.get(month, NO_LINES).content
            problems = live.problems(month, self.plan.expected_lines(month, lines))
            wrong = [f"{name} {problems[name]}" for name in self.plan.selected if name in problems]
            if wrong:
                found[month] = f"Changed after it was proved: {'; '.join(wrong)}."
                self._fail(month, found[month], "não está mais provada")
        return found

    def history(self, month: str) -> list[MonthFigures]:
        """The summary up to a month, oldest first, as far back as its picture goes."""
        known = sorted(key for key in self._summaries if key <= month)[-MONTHS_SHOWN:]
        rows = (self._summaries[key] for key in known)
        return [
            MonthFigures(float(row["receita"]), float(row["custo"]), float(row["margem"])) for row in rows
        ]

    def month_before(self, month: str) -> Row | None:
        """The summary of the calendar month before, None where there is none."""
        year, number = int(month[:4]), int(month[5:7])
        before = (year - 1, 12) if number == 1 else (year, number - 1)
        return self._summaries.get(f"{before[0]}-{before[1]:02d}-01")

    def _result(self, month: str) -> Outcomes:
        try:
            loaded = self._futures[month].result()
        except SyncError as error:
            self._fail(month, str(error), "falhou; o mês ficou como estava")
            raise
        if loaded.outdated:
            self._outdated[month] = loaded.outdated
            self._remember(_no_proof(name, month, sentence) for name, sentence in loaded.outdated.items())
        return loaded.outcomes

    def _fail(self, month: str, sentence: str, verdict: str) -> None:
        self._failed.append(month)
        self._remember(_no_proof(name, month, sentence) for name in self.plan.selected)
        self.record()
        self.execution.details = {"months_failed": self._failed, **self._totals}
        # The record is no reason to lose what the month failed of.
        with suppress(SyncError, psycopg.Error):
            told = f"A carga de {month[:7]} {verdict}. {sentence}"
            self.execution.log("ERROR", told, {"month": month})

    def _remember(self, proofs: Iterator[RecordableProof]) -> None:
        """Keep proofs for the ops database; those lost in a crash are made again by the next run."""
        self._unrecorded += proofs
        if len(self._unrecorded) >= BATCH:
            self.record()

    def record(self) -> None:
        """Write what is kept to the ops database; if that cannot be reached, keep it for the next time."""
        try:
            self.records.proofs.record(self.run_id, self._unrecorded)
        except (SyncError, psycopg.Error):
            self.progress(
                "The ops database does not answer: what is proved is recorded later, or by the next run."
            )
            return
        self._unrecorded = []

    def _count(self, outcomes: Outcomes) -> None:
        for name, outcome in outcomes.items():
            self._totals[f"{name} loaded"] += outcome.changes.written
            self._totals[f"{name} unchanged"] += outcome.changes.unchanged
            self._totals[f"{name} deleted"] += outcome.changes.deleted
            self._totals[f"{name} rejected"] += outcome.rejected
        self.execution.advance(*counts_of(outcomes))
        self.execution.details = {"months_failed": self._failed, **self._totals}


def counts_of(outcomes: Outcomes) -> tuple[int, int]:
    """The rows a person means by "processed", and the rejected ones: those of the first table that was asked for."""
    first = next(iter(outcomes.values()))
    return first.changes.written + first.changes.unchanged, first.rejected


def _proofs(month: str, outcomes: Outcomes) -> Iterator[RecordableProof]:
    for name, outcome in outcomes.items():
        yield RecordableProof(
            asset=f"hitss/{name}", partition_key=month, source_version=outcome.version, proof=outcome.proof
        )


def _no_proof(name: str, month: str, problem: str) -> RecordableProof:
    return RecordableProof(
        asset=f"hitss/{name}", partition_key=month, source_version="", proof=Proof({}, {}), problem=problem
    )


class _Loaders:
    """A loader for each connection; one whose connection was lost begins its next month over a new one."""

    def __init__(self, url: str, plan: LoadPlan) -> None:
        self.url, self.plan = url, plan
        #: All that were opened, for whoever has to end what they wait for.
        self.connections: list[postgres.Connection] = []
        self._idle: SimpleQueue[tuple[ExitStack, MonthLoader] | None] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(None)

    def load(self, month: str) -> LoadedMonth:
        stack, loader = self._idle.get() or self._connect()
        try:
            return loader.load(month)
        finally:
            lost = loader.connection.closed or loader.connection.broken
            if lost:
                stack.close()
            self._idle.put(None if lost else (stack, loader))

    def _connect(self) -> tuple[ExitStack, MonthLoader]:
        stack = ExitStack()
        try:
            connection = stack.enter_context(postgres.connect(self.url, what=PROJECT))
        except BaseException:
            self._idle.put(None)
            raise
        self.connections.append(connection)
        return stack, MonthLoader(connection, self.plan)

    def close(self) -> None:
        for _ in range(CONNECTIONS):
            if opened := self._idle.get():
                opened[0].close()


@contextmanager
def open_session(
    url: str,
    months: Sequence[str],
    plan: LoadPlan,
    *,
    records: Records,
    execution: Execution,
    progress: Callable[[str], None],
) -> Iterator[LoadSession]:
    """Begin to load `months`: those that are settled at once, the others over CONNECTIONS connections."""
    settled = {
        month: found for month in months if month not in plan.blocked and (found := plan.settled(month))
    }
    open_months = [month for month in months if month not in settled]
    loaders = _Loaders(url, plan)
    with ExitStack() as stack:
        stack.callback(loaders.close)
        pool = ThreadPoolExecutor(max_workers=CONNECTIONS, thread_name_prefix="month")
        # What has not begun when the block ends is not begun any more; what has is waited for.
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        futures = {month: pool.submit(loaders.load, month) for month in open_months}
        summaries = dict(plan.live.stored)
        session = LoadSession(
            url,
            plan,
            records=records,
            run_id=execution.run_id,
            execution=execution,
            progress=progress,
            settled=settled,
            _futures=futures,
            _summaries=summaries,
        )
        for month, found in settled.items():
            session._remember(_proofs(month, found))
        try:
            with interruptions.cancelling(pool, loaders.connections):
                yield session
        finally:
            session.record()
