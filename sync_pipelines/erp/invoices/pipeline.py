"""`erp/nfe`: the invoices of a connection, month by month, each stored and proved in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.invoices import guard, report
from sync_pipelines.erp.invoices.documents import Documents
from sync_pipelines.erp.invoices.extract import InvoiceList, ranges, read_list
from sync_pipelines.erp.invoices.fetch import Fetcher
from sync_pipelines.erp.invoices.load import InvoiceLoader
from sync_pipelines.erp.invoices.month_run import MonthRun
from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.erp.invoices.numbering import gaps
from sync_pipelines.erp.invoices.reading import Reader
from sync_pipelines.erp.invoices.validate import MonthList, month_lists
from sync_pipelines.erp.outcome import ModuleOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.registry import lists_all_numbers
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError


def sync_invoices(
    session: SyncSession,
    months: Sequence[date],
    *,
    reader: Reader | None = None,
) -> dict[date, ModuleOutcome]:
    """Sync these months, each by its first day; the newest first, because that is what a person looks for.

    A month that fails is an outcome with status error and does not stop the others. Raises RefusedError and
    ConnectionBusyError, which concern all of them. `reader` reads documents: NF-e, with the taxes of the
    reform that they state or the estimate, unless another one is given.
    """
    documents = Documents(session.xml_store, session.connection.user_id)
    fetcher = Fetcher(session.vendor, reader or NfeReader(), documents=documents, landing=session.landing)
    sync = _InvoiceSync(session, fetcher)
    for run in reversed(ranges(months)):
        sync.sync_range(run)
    sync.look_for_gaps()
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
            if self.fetcher.stopped is not None:
                raise self.fetcher.stopped
            listed = read_list(self.session, months)
            with postgres.errors_about(ERP):
                loader = InvoiceLoader.open(self.session, self.fetcher.documents)
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            # At some vendors each further call prolongs the block.
            self.fetcher.stopped = error if isinstance(error, ThrottledError) else self.fetcher.stopped
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

    def look_for_gaps(self) -> None:
        """Warn of numbers that are missing before invoices of these months; a gap may begin in another month."""
        if not lists_all_numbers(self.session.connection.erp_type):
            return
        months = [month for month, one in self.outcomes.items() if one.status == "success"]
        try:
            with postgres.errors_about(ERP):
                found = gaps(self.session, months) if months else []
        except SyncError:  # the months are stored and proved all the same
            return
        for month in months:
            if sentence := report.numbering(one for one in found if one.month == month):
                self.outcomes[month].warnings[report.NO_GAPS] = sentence

    def _outcome(self, run: MonthRun, listed: InvoiceList) -> ModuleOutcome:
        """Sync one month. Raises RefusedError, and whatever is no SyncError."""
        try:
            with postgres.errors_about(ERP):
                # Listed once, before threads ask for it.
                _ = self.fetcher.documents.sizes
                run.sync()
        except (RefusedError, ConnectionBusyError):
            raise
        except SyncError as error:
            outcome = _failed(error)
        else:
            outcome = ModuleOutcome(
                message=report.message(run.counts),
                counts=run.counts,
                warnings=report.warnings(run.month, list(run.entries.values()), uploads=run.uploads),
            )
            outcome.error = self._incomplete(run)
            if outcome.error is not None:
                outcome.status = "error"
                outcome.message = report.incomplete(run.counts, outcome.error)
        outcome.raw_path = self.session.landing.describe(listed.file.path)
        outcome.bytes = run.bytes
        return outcome

    def _incomplete(self, run: MonthRun) -> SyncError | None:
        """Why a month is no success although what came of it is stored."""
        if run.problems:
            return _unread(run)
        try:
            guard.refuse_mass_rejection(self.session, run.entries.values(), run.partition)
        except TransientError as error:
            return error
        return None


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
