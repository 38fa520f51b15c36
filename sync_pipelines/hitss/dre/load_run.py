"""One open load: its months are loaded in the background, and given out, recorded and counted in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sync_pipelines.hitss.dre.figures import SummaryHistory
from sync_pipelines.hitss.dre.live_tables import read_live_tables
from sync_pipelines.hitss.dre.loader_pool import LoaderPool
from sync_pipelines.hitss.dre.plan import LoadPlan, Outcome
from sync_pipelines.hitss.dre.report import LoadReport
from sync_pipelines.lib.failures import SyncError

Outcomes = dict[str, Outcome]


@dataclass
class LoadRun:
    """An open load; call `load` for each of its months, in order, and `confirm` after the last."""

    url: str
    plan: LoadPlan
    report: LoadReport
    pool: LoaderPool
    #: Months whose tables hold what they should already: nothing is written for them.
    up_to_date: Mapping[str, Outcomes]
    summaries: SummaryHistory
    _written: set[str] = field(default_factory=set)
    _proved: set[str] = field(default_factory=set)
    _outdated: dict[str, dict[str, str]] = field(default_factory=dict)

    def load(self, month: str) -> Outcomes:
        """The outcomes of a month: loaded, proved and recorded. A failure is recorded too, and raised."""
        outcomes = self.up_to_date.get(month)
        if outcomes is None:
            outcomes = self._result(month)
            self.report.proved(month, outcomes)
            rows = sum(outcome.changes.touched for outcome in outcomes.values())
            if rows:
                self._written.add(month)
            self.report.progress(f"{month[:7]}: {rows} rows written, proved.")
        self._proved.add(month)
        self.report.count(outcomes)
        if "dre_summary" in outcomes:
            self.summaries.add(month, outcomes["dre_summary"].figures)
        return outcomes

    def outdated(self, month: str) -> Mapping[str, str]:
        """Tables that were not selected and are no longer what their inputs say, with what is wrong."""
        return self._outdated.get(month, {})

    def confirm(self) -> dict[str, str]:
        """Read every month of the run once more: those that are no longer as they were proved, with what is wrong.

        The transaction of a month cannot see what a trigger of a later month does to it. That concerns months that
        needed no write as well.
        """
        if not self._written:
            return {}
        months = sorted(self._proved)
        live = read_live_tables(self.url, self.plan.empresa, months)
        changed: dict[str, str] = {}
        for month in months:
            problems = live.problems(month, self.plan.expected_lines(month, live.lines_of(month)))
            wrong = [f"{name} {problems[name]}" for name in self.plan.selected if name in problems]
            if wrong:
                changed[month] = f"Changed after it was proved: {'; '.join(wrong)}."
                self.report.failed(month, changed[month], "não está mais provada")
        return changed

    def _result(self, month: str) -> Outcomes:
        try:
            proved = self.pool.result(month)
        except SyncError as error:
            self.report.failed(month, str(error), "falhou; o mês ficou como estava")
            raise
        if proved.outdated:
            self._outdated[month] = proved.outdated
            self.report.outdated(month, proved.outdated)
        return proved.outcomes


@contextmanager
def open_load(url: str, months: Sequence[str], plan: LoadPlan, *, report: LoadReport) -> Iterator[LoadRun]:
    """Begin to load `months`: those that are up to date at once, the others in the background."""
    up_to_date = {
        month: found for month in months if month not in plan.blocked and (found := plan.up_to_date(month))
    }
    with LoaderPool(url, plan) as pool:
        pool.begin(month for month in months if month not in up_to_date)
        run = LoadRun(
            url=url,
            plan=plan,
            report=report,
            pool=pool,
            up_to_date=up_to_date,
            summaries=SummaryHistory(plan.live.stored),
        )
        for month, outcomes in up_to_date.items():
            report.proved(month, outcomes)
        try:
            with pool.cancelled_on_interruption():
                yield run
        finally:
            report.flush()
