"""The list of an ERP's titles over contiguous months, and its categories; their raw pages are kept first.

One list for all months of a sync. Titles that are listed later than today are read with the current month, up to a
horizon: what is due in five years is known today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from sync_pipelines.erp.financials.validate import Key, Problem, TitleRow, key_of, list_hash, row_of
from sync_pipelines.erp.invoices.extract import last_day, partition_key
from sync_pipelines.erp.raw_pages import RawList, read_list
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Category, Title
from sync_pipelines.erp.window import month_of

ASSET: Final = "erp/financeiro"
#: Years after the current one whose titles are read: Bling is asked in periods of less than a year each.
HORIZON_YEARS: Final = 5


@dataclass
class Entry:
    """A title of the list; `month` is its partition. `row` or `problem` says what became of it, once it is judged."""

    title: Title
    month: date
    list_hash: UUID
    #: The month that it is written with: its own, but for a title that moved out of the months that are read.
    written_with: date
    row: TitleRow | None = None
    problem: Problem | None = None
    #: Whether its stored row says it already, detail and all.
    is_kept: bool = False
    #: Whether its detail did not come.
    is_unread: bool = False
    #: Whether its detail was read by this sync.
    has_read_detail: bool = False

    @property
    def key(self) -> Key:
        return key_of(self.title)

    def judge(self, title: Title) -> None:
        """Take what the ERP says of the title as its row, or as its problem."""
        judged = row_of(title)
        self.row, self.problem = (None, judged) if isinstance(judged, Problem) else (judged, None)


@dataclass
class TitleList:
    """The titles of some months, each once, and the file of the raw pages."""

    raw: RawList[Title]
    #: The last of its months.
    newest: date
    entries: dict[Key, Entry] = field(default_factory=dict)
    #: Titles without a number, which nobody could find again.
    nameless: list[Entry] = field(default_factory=list)
    #: Rows of the list that repeat a title, by month.
    repeated: dict[date, int] = field(default_factory=dict)

    def of(self, month: date) -> list[Entry]:
        return [one for one in (*self.entries.values(), *self.nameless) if one.written_with == month]


def current_month(session: SyncSession) -> date:
    """The month in which the sync began, in the calendar of the companies."""
    return month_of(session.started.astimezone(session.zone).date())


def range_of(session: SyncSession, months: Sequence[date]) -> tuple[date, date]:
    """The first and the last day that contiguous months are asked for."""
    current = current_month(session)
    last = last_day(months[-1])
    return months[0], last if months[-1] < current else date(current.year + HORIZON_YEARS, 12, 31)


def partition_month(listed_on: date, current: date) -> date:
    """The month whose partition a title is of: that of its date in the list, at most the current one."""
    return min(month_of(listed_on), current)


def read_titles(session: SyncSession, months: Sequence[date]) -> TitleList:
    """Read the list of contiguous months. Raises SyncError if a page does not come; what came is kept all the same."""
    first, last = range_of(session, months)
    raw = read_list(session, ASSET, session.vendor.titles(first, last), stage="titles")
    read = TitleList(raw, months[-1])
    current = current_month(session)
    for title in read.raw.items:
        # A title without a date is a reject of the newest month.
        month = months[-1] if title.listed_on is None else partition_month(title.listed_on, current)
        entry = Entry(title, month, list_hash(title), written_with=month)
        if not entry.key.vendor_id:
            read.nameless.append(entry)
            continue
        # A list that moves while it is read shows a row again; the later reading is the newer one.
        if entry.key in read.entries:
            read.repeated[month] = read.repeated.get(month, 0) + 1
        read.entries[entry.key] = entry
    _mark_usable(session, read, months)
    return read


def read_categories(session: SyncSession) -> list[Category]:
    """Every category of the account. Raises SyncError if a page does not come."""
    read = read_list(session, ASSET, session.vendor.categories(), stage="categories")
    session.records.landings.mark_usable(
        read.landed_id,
        content_digest="",
        sheet_digest="",
        details={},
        contents=_contents(session, read.items),
    )
    return read.items


def _contents(session: SyncSession, categories: Iterable[Category]) -> Mapping[str, Mapping[str, int]]:
    return {session.key: {"categories": sum(1 for _ in categories)}}


def _mark_usable(session: SyncSession, read: TitleList, months: Sequence[date]) -> None:
    counts = dict.fromkeys(months, 0)
    for entry in (*read.entries.values(), *read.nameless):
        if entry.month in counts:
            counts[entry.month] += 1
    session.records.landings.mark_usable(
        read.raw.landed_id,
        content_digest="",
        sheet_digest="",
        details={},
        contents={partition_key(session, month): {"titles": count} for month, count in counts.items()},
    )
