"""erp/financeiro: the receivables and payables of a connection, and the income statement that follows from them.

Grain: one row a title of an ERP account; partition: connection and month of the list. Done means: every title that the
ERP lists for a month is stored as it says it, or a reject with its rule; what it does not have any more is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.financials import dre_report, report
from sync_pipelines.erp.financials.categories import load_categories
from sync_pipelines.erp.financials.detail import Details
from sync_pipelines.erp.financials.dre import sync_dre
from sync_pipelines.erp.financials.extract import TitleList, current_month, read_categories, read_titles
from sync_pipelines.erp.financials.guard import missing
from sync_pipelines.erp.financials.known import read_known
from sync_pipelines.erp.financials.month_run import MonthRun, incomplete
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.invoices.extract import ranges
from sync_pipelines.erp.outcome import DreOutcome, FinancialsOutcome, ModuleOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError

_FUTURE = "O mês ainda não começou: os seus títulos são lidos com o mês atual."


def sync_financials(
    session: SyncSession, months: Sequence[date], *, full: bool, options: FinancialOptions
) -> FinancialsOutcome:
    """Sync the titles listed in these months, each by its first day, and rebuild the months of `company_dre`.

    Titles that are due later than today are read with the current month. A month that fails is an outcome with status
    error and does not stop the others. `full` reads every detail again. Raises RefusedError and ConnectionBusyError,
    which concern all of them.
    """
    sync = _FinancialsSync(session, full=full)
    sync.read_categories()
    current = current_month(session)
    for run in reversed(ranges(month for month in months if month <= current)):
        sync.sync_range(run)
    later = {month: ModuleOutcome("skipped", _FUTURE) for month in months if month > current}
    outcome = FinancialsOutcome({**sync.outcomes, **later})
    if sync.problem is not None:
        outcome.dre = DreOutcome("error", dre_report.failure(sync.problem), error=sync.problem)
    elif sync.has_read:
        outcome.dre = sync_dre(session, sync.outcomes, options=options)
        said = (outcome.dre.message, dre_report.unread(sync.outcomes))
        outcome.dre.message = " ".join(filter(None, said))
    return outcome


@dataclass
class _FinancialsSync:
    """The months of one sync."""

    session: SyncSession
    full: bool
    outcomes: dict[date, ModuleOutcome] = field(default_factory=dict)
    #: Why the categories did not come: without them no statement is made.
    problem: SyncError | None = None
    #: Why the vendor is not asked any more: at some of them each further call prolongs a block.
    stopped: SyncError | None = None
    has_read: bool = False

    def read_categories(self) -> None:
        try:
            categories = read_categories(self.session)
            with postgres.errors_about(ERP):
                load_categories(self.session, categories)
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            self.problem = error
            self.stopped = error if isinstance(error, ThrottledError) else None

    def sync_range(self, months: Sequence[date]) -> None:
        """Sync contiguous months, whose list is read at once; the newest first."""
        try:
            if self.stopped is not None:
                raise self.stopped
            listed = read_titles(self.session, months)
            with postgres.errors_about(ERP):
                known = read_known(self.session, months, listed.entries)
            lost = missing(self.session, months, listed, known=known)
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            self.stopped = error if isinstance(error, ThrottledError) else self.stopped
            self.outcomes |= {month: _failed(error) for month in months}
            return
        self.has_read = True
        details = Details(self.session, known, full=self.full)
        for month in reversed(months):
            run = MonthRun(self.session, month, listed, known=known, missing=lost, details=details)
            began = self.session.clock()
            self.outcomes[month] = self._outcome(run, listed)
            self.outcomes[month].seconds = (self.session.clock() - began).total_seconds()
        self.stopped = details.stopped if isinstance(details.stopped, ThrottledError) else self.stopped

    def _outcome(self, run: MonthRun, listed: TitleList) -> ModuleOutcome:
        """Sync one month. Raises RefusedError, and whatever is no SyncError."""
        try:
            with postgres.errors_about(ERP):
                run.sync()
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            outcome = _failed(error)
        else:
            outcome = ModuleOutcome(message=report.message(run.counts), counts=run.counts)
            current = current_month(self.session)
            unsure, unasked = (
                sum(run.known[key].home(current) == run.month for key in keys)
                for keys in (run.missing.unsure, run.missing.unasked)
            )
            outcome.warnings = report.warnings(
                run.counts, unsure=unsure, unasked=unasked, outdated=len(run.outdated)
            )
            outcome.error = incomplete(run)
            if outcome.error is not None:
                outcome.status = "error"
                outcome.message = report.incomplete(run.counts, outcome.error)
        outcome.raw_path = self.session.landing.describe(listed.raw.file.path)
        # The months of a list share its file.
        outcome.bytes = listed.raw.file.bytes if run.month == listed.newest else 0
        return outcome


def _failed(error: SyncError) -> ModuleOutcome:
    return ModuleOutcome(status="error", message=report.failure(error), error=error)
