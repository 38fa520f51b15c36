"""The complete list of a segment, read until two readings agree, its raw pages kept before anybody looks at them.

Pages are cut by position, newest lead first, so what happens at the CRM between two pages shifts rows: a lead that
enters is read twice, and one that leaves lets a neighbour slip through unread (contract of SprintHub, section 3).
Counting does not show it: a lead that enters further down makes up for the one that was missed. So the list is read
once more for its numbers alone, in large pages, until two readings in a row have the same leads; one that came in a
single page stands by itself. A failed page fails the run, and an empty page is the end only where the count says so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NamedTuple

from sync_pipelines.lib.exact_json import loads_odd
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore
from sync_pipelines.sprinthub.client import NUMBERS, PROJECTION, Page, SprinthubClient
from sync_pipelines.sprinthub.leads.lead_number import lead_number

FOLDER = "sprinthub/segment_leads"
SUFFIX = ".jsonl.zst"
#: Readings of the list until two agree; a segment in which leads come and go all the time needs three or four.
READINGS = 6
#: Leads in a page that has nothing but their numbers, as one of the application's scripts asked for them.
NUMBERS_IN_A_PAGE = 1000
#: Leads, or the share of a segment, in which the last two readings may differ: so many come and go in some minutes.
FEW, SMALL_SHARE = 10, 0.01
#: So many leads come in a page that is asked for as many, as the application did. A CRM that holds less in a page than
#: was asked for says nothing: a page that is shorter, and not shorter than this, need not be the last.
PROVEN_LIMIT = 100

#: Called after each page with leads read so far and leads in the segment.
OnPage = Callable[[int, int], None]


class ListMismatchError(PermanentError):
    """The CRM's own count and its list disagree again and again; a person may accept the list as it is."""


class SegmentList(NamedTuple):
    """A complete list: the leads' numbers, items without one, how often it was read, the file of its raw pages."""

    ids: frozenset[int]
    total: int
    unidentified: int
    passes: int
    file: LandedFile


@dataclass
class _Reading:
    """One reading of the list, page after page."""

    ids: set[int] = field(default_factory=set)
    #: Items without a usable number, which cannot be told apart.
    unidentified: int = 0
    #: The CRM's own count with the last page.
    total: int = 0
    pages: int = 0
    #: The last page was not full, so that the list ends there whatever the CRM counts.
    has_end: bool = False

    @property
    def leads(self) -> int:
        return len(self.ids) + self.unidentified

    @property
    def is_whole(self) -> bool:
        return self.leads == self.total

    @property
    def is_at_once(self) -> bool:
        """Whether one answer holds the whole list: nothing moved while it was read."""
        return self.pages == 1 and self.has_end


@dataclass
class ListReader:
    """Reads the list of one segment into the landing store."""

    crm: SprinthubClient
    store: LandingStore
    segment_id: int
    page_size: int
    on_page: OnPage = lambda _done, _total: None
    accept_mismatch: bool = False
    numbers_in_a_page: int = NUMBERS_IN_A_PAGE
    #: The raw pages, once they are kept: also those of a list that was not complete.
    file: LandedFile | None = None
    has_pages: bool = False

    def read(self) -> SegmentList:
        """Raises TransientError if no two readings agree, ListMismatchError if the CRM's count cannot be true."""
        import zstandard

        with self.store.incoming(FOLDER, SUFFIX) as path:
            try:
                with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as pages:
                    agreed, readings = self._agreed(pages)
            except SyncError:
                if self.has_pages:
                    self.file = self.store.keep(path, FOLDER, SUFFIX)
                raise
            self.file = self.store.keep(path, FOLDER, SUFFIX)
        return SegmentList(
            ids=frozenset(agreed.ids),
            total=agreed.total,
            unidentified=agreed.unidentified,
            passes=readings,
            file=self.file,
        )

    def _agreed(self, pages: BinaryIO) -> tuple[_Reading, int]:
        """The reading that settled the list, and its number. The items of all its leads are in `pages`."""
        before, now = _Reading(), self._read(self._pages(pages))
        known = set(now.ids)
        for number in range(1, READINGS + 1):
            is_same = number > 1 and before.ids == now.ids
            if now.ids <= known and (is_same or now.is_at_once) and now.is_whole:
                self._refuse_false_emptiness(now)
                return now, number
            if is_same and now.total == before.total:
                return self._mismatch(now, known), number
            if number < READINGS:
                before, now = now, self._read(self._numbers())
                if missing := now.ids - known:
                    known |= self._read(self._pages(pages, to_the_end=True), until=missing).ids
        return self._last(before, now, known), READINGS

    def _last(self, before: _Reading, now: _Reading, known: set[int]) -> _Reading:
        """Whoever stands in one of the last two readings: who was there all the time does."""
        differing = len(before.ids ^ now.ids) + len(now.ids - known)
        allowed = max(FEW, SMALL_SHARE * len(now.ids))
        # A list of which only a part comes moves as well: that its readings resemble each other does not make it whole.
        if not differing or (differing <= allowed < abs(now.total - now.leads)):
            return self._mismatch(now, known)
        if differing <= allowed:
            return replace(now, ids=(before.ids | now.ids) & known)
        raise TransientError(
            f"The list of segment {self.segment_id} moved during each of {READINGS} readings, and no two of them"
            " agree. Nothing was changed; the next run reads it again."
        )

    def _refuse_false_emptiness(self, now: _Reading) -> None:
        """An error may be answered as a list without leads: then the segment itself says that it has some."""
        if now.total or self.accept_mismatch:
            return
        said = self.crm.said_of_segment(self.segment_id)
        if said.has is False:
            raise PermanentError(
                f"The CRM does not have segment {self.segment_id}: its list is empty, and no segment has that number."
                " Nothing was changed."
            )
        if said.leads:
            raise ListMismatchError(
                f"The list of segment {self.segment_id} is empty, and the CRM says that the segment has {said.leads}"
                " leads. Nothing was changed. If the list is right, accept total_mismatch."
            )

    def _mismatch(self, now: _Reading, known: set[int]) -> _Reading:
        if self.accept_mismatch:
            return replace(now, ids=now.ids & known)
        raise ListMismatchError(
            f"The CRM says that segment {self.segment_id} has {now.total} leads, and its list has"
            f" {now.leads}, twice the same. Nothing was changed. If the list is right, accept"
            " total_mismatch."
        )

    def _read(self, pages: Iterator[Page], until: Collection[int] = ()) -> _Reading:
        """Read pages to their end, or until these leads are found."""
        now, missing = _Reading(), set(until)
        for page in pages:
            found = [lead_id for item in page.items if (lead_id := lead_number(item)) is not None]
            now.ids.update(found)
            now.unidentified += len(page.items) - len(found)
            now.total, now.pages = page.total, now.pages + 1
            now.has_end = len(page.items) < min(page.limit, PROVEN_LIMIT)
            self.on_page(len(now.ids), page.total)
            missing.difference_update(found)
            if until and not missing:
                break
        return now

    def _pages(self, kept: BinaryIO, *, to_the_end: bool = False) -> Iterator[Page]:
        """Pages with what the list says of each lead, which are kept; they end where the CRM's count says so."""
        for page in self._one_by_one(self.page_size, PROJECTION, to_the_end=to_the_end):
            self.has_pages = True
            # JSON has no line breaks inside of a text.
            kept.write(page.raw.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
            yield page

    def _numbers(self) -> Iterator[Page]:
        """Pages with numbers alone, or as the first reading had them where the CRM takes no such page."""
        pages = self._one_by_one(self.numbers_in_a_page, NUMBERS, to_the_end=True)
        try:
            yield next(pages)
        except RefusedError:
            raise
        except PermanentError:
            pages = self._one_by_one(self.page_size, PROJECTION, to_the_end=True)
        yield from pages

    def _one_by_one(self, limit: int, projection: str, *, to_the_end: bool) -> Iterator[Page]:
        """Pages until the CRM's count is reached; to the end means until one is not full: the count may be too low."""
        number = reached = 0
        full = min(limit, PROVEN_LIMIT)
        while True:
            page = self.crm.page(self.segment_id, number, limit=limit, projection=projection)
            yield page
            reached += len(page.items)
            if not page.items or (reached >= page.total and (len(page.items) < full or not to_the_end)):
                return
            full = full if number else len(page.items)  # the CRM may lower the limit without a word
            number += 1


def read_items(store: LandingStore, file: LandedFile) -> Iterator[Any]:
    """The items of a kept list in the order in which they were read; of a lead that stands twice the last counts."""
    import zstandard

    with store.fetch(file.path) as path, zstandard.open(path, "rb") as pages:
        for line in io.BufferedReader(pages):
            yield from loads_odd(line)["data"]["leads"]
