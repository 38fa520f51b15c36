"""The list of an ERP's invoices over contiguous months, its raw pages kept before anybody looks at them.

One list for all months of a sync, because each month without invoices costs an error at some vendors. A page that
fails fails every month of the list: a list that was read in part looks like invoices that vanished.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Invoice
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.storage.landing import LandedFile

ASSET = "erp/nfe"
FOLDER = "erp/nfe"
SUFFIX = ".jsonl.zst"


class InvoiceList(NamedTuple):
    """Every invoice that the ERP lists for some months, and the file of its raw pages with its landing number."""

    invoices: Sequence[Invoice]
    file: LandedFile
    landed: int


def month_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def last_day(month: date) -> date:
    """The last day of the month that begins on `month`."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def ranges(months: Iterable[date]) -> list[list[date]]:
    """The months, each by its first day, as runs without a gap, in their order."""
    runs: list[list[date]] = []
    for month in sorted({month_of(one) for one in months}):
        if runs and last_day(runs[-1][-1]) + timedelta(days=1) == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    return runs


def partition_key(session: SyncSession, month: date) -> str:
    """The key of a connection's month as Dagster writes that of two dimensions."""
    return f"{session.key}|{month.isoformat()}"


def read_list(session: SyncSession, months: Sequence[date]) -> InvoiceList:
    """Read the list of contiguous months. Raises SyncError if a page does not come; what came is kept all the same."""
    import zstandard

    invoices: list[Invoice] = []
    pages = 0
    with session.landing.incoming(FOLDER, SUFFIX) as path:
        try:
            with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as kept:
                for page in session.vendor.invoices(months[0], last_day(months[-1])):
                    # JSON has no line breaks inside of a text.
                    kept.write(page.raw.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
                    pages += 1
                    invoices.extend(page.items)
                    session.report("invoices", done=len(invoices), total=None)
        except SyncError as error:
            if pages:
                landed = _record(session, session.landing.keep(path, FOLDER, SUFFIX), months)
                session.records.landings.mark_refused(landed, str(error))
            raise
        file = session.landing.keep(path, FOLDER, SUFFIX)
    landed = _record(session, file, months)
    _mark_usable(session, landed, months=months, invoices=invoices)
    return InvoiceList(invoices, file, landed)


def _record(session: SyncSession, file: LandedFile, months: Sequence[date]) -> int:
    details = {"connection": session.key, "first": months[0].isoformat(), "last": months[-1].isoformat()}
    return session.records.landings.record(ASSET, file, run_id=session.run_id, details=details)


def _mark_usable(
    session: SyncSession, landed: int, *, months: Sequence[date], invoices: Sequence[Invoice]
) -> None:
    counts = dict.fromkeys(months, 0)
    for invoice in invoices:
        if (month := month_of(invoice.issued_on)) in counts:
            counts[month] += 1
    session.records.landings.mark_usable(
        landed,
        content_digest="",
        sheet_digest="",
        details={},
        contents={partition_key(session, month): {"invoices": count} for month, count in counts.items()},
    )
