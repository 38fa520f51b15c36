"""`erp/nfe`: the invoices of a connection, month by month, each stored and proved in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.invoices import report
from sync_pipelines.erp.invoices.documents import Documents
from sync_pipelines.erp.invoices.extract import InvoiceList, ranges, read_list
from sync_pipelines.erp.invoices.fetch import Fetcher
from sync_pipelines.erp.invoices.load import InvoiceLoader
from sync_pipelines.erp.invoices.month_run import MonthRun
from sync_pipelines.erp.invoices.nfe_reader import Calculate, NfeReader
from sync_pipelines.erp.invoices.numbering import gaps
from sync_pipelines.erp.invoices.reading import Reader
from sync_pipelines.erp.invoices.validate import MonthList, month_lists
from sync_pipelines.erp.outcome import ModuleOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError


def sync_invoices(
    session: SyncSession,
    months: Sequence[date],
    *,
    calculate: Calculate | None = None,
    reader: Reader | None = None,
) -> dict[date, ModuleOutcome]:
    """Sync these months, each by its first day; the newest first, because that is what a person looks for.

    A month that fails is an outcome with status error and does not stop the others. Raises RefusedError and
    ConnectionBusyError, which concern all of them. `calculate` calls `calculate-rtc`, where the taxes of the
    reform are wanted from there; `reader` takes the place of the reader of NF-e.
    """
    documents = Documents(session.xml_store, session.connection.user_id)
    fetcher = Fetcher(
        session.vendor, reader or NfeReader(calculate), documents=documents, landing=session.landing
    )
    sync = _InvoiceSync(session, fetcher)
    for run in reversed(ranges(months)):
        sync.sync_range(run)
    return sync.outcomes


@dataclass
class _InvoiceSync:
    """The months of one sync."""

    session: SyncSession
    fetcher: Fetcher
    outcomes: dict[date, ModuleOutcome] = field(default_factory=dict)

    def sync_range(self, months: Sequence[date]) -> None:
        """Sync contiguous months, whose list is read at once."""
        began = self.session.clock()
        try:
            listed = read_list(self.session, months)
            with postgres.errors_about(ERP):
                loader = InvoiceLoader.open(self.session, self.fetcher.documents)
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            self.outcomes |= {month: _failed(error) for month in months}
            return
        lists = month_lists(listed.invoices)
        ids = {entry.vendor_id: month for month, one in lists.items() for entry in one.entries}
        done = 0
        for month in reversed(months):
            run = MonthRun(
                session=self.session,
                month=lists.get(month, MonthList(month)),
                listed=ids,
                landed=listed.landed,
                fetcher=self.fetcher,
                loader=loader,
                done=done,
                total=len(ids),
            )
            self.outcomes[month] = self._outcome(run, listed)
            done += len(run.month.entries)
            ended = self.session.clock()
            self.outcomes[month].seconds = (ended - began).total_seconds()
            began = ended

    def _outcome(self, run: MonthRun, listed: InvoiceList) -> ModuleOutcome:
        """Sync one month. Raises RefusedError, and whatever is no SyncError."""
        try:
            with postgres.errors_about(ERP):
                # Listed once, before threads ask for it.
                _ = self.fetcher.documents.sizes
                run.sync()
                found = gaps(self.session, [run.month.month])
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            outcome = _failed(error)
        else:
            outcome = ModuleOutcome(
                message=report.message(run.counts),
                counts=run.counts,
                warnings=report.warnings(run.month, list(run.entries.values()), found),
            )
            if run.problems:
                outcome.status, outcome.error = "error", _unread(run)
        outcome.raw_path = self.session.landing.describe(listed.file.path)
        outcome.bytes = run.bytes
        return outcome


def _failed(error: SyncError) -> ModuleOutcome:
    return ModuleOutcome(status="error", message=report.failure(error), error=error)


def _unread(run: MonthRun) -> SyncError:
    """The newest reason why documents did not come: its kind says when to try again."""
    last = run.problems[-1]
    sentence = (
        f"{len(run.problems)} invoices of {run.partition} have no document yet, the others are stored. {last}"
    )
    kind = ThrottledError if isinstance(last, ThrottledError) else TransientError
    return kind(sentence, retry_after=last.retry_after)
