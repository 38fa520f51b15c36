"""The complete list of a segment, read while nothing moved, its raw pages kept before anybody looks at them.

Pages are cut by position, newest lead first, so what happens at the CRM between two pages shifts rows: a lead that
enters is read twice, and one that leaves lets a neighbour slip through unread (contract of SprintHub, section 3).
Counting alone does not show it: one that was read and left makes up for one that was missed. So a pass over the pages
counts only if nothing moved while it went on, or if everything that moved is accounted for; otherwise another pass
follows. A failed page fails the run, and an empty or short page is the end only where the CRM's own count says so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from sync_pipelines.lib.exact_json import loads_any
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore
from sync_pipelines.sprinthub.client import Page, SprinthubClient

FOLDER = "sprinthub/segment_leads"
SUFFIX = ".jsonl.zst"
#: Passes over the pages until one is complete; a segment in which leads come and go all the time needs two or three.
PASSES = 5
#: Times that a page is read again because something left the list meanwhile.
STEPS_BACK = 3
#: Largest number of a lead: the key of `api.leads` is a bigint.
LARGEST_ID = 2**63 - 1

#: Called after each page with leads read so far and leads in the segment.
OnPage = Callable[[int, int], None]


class ListMismatchError(PermanentError):
    """The CRM's own count and its list disagree again and again; a person may accept the list as it is."""


class SegmentList(NamedTuple):
    """A complete list: the leads' numbers, how often each bad item stands in it, and the file of its raw pages."""

    ids: frozenset[int]
    total: int
    unidentified: int
    passes: int
    file: LandedFile


@dataclass
class _Pass:
    """One pass over all pages."""

    ids: set[int] = field(default_factory=set)
    #: Items without a usable number, which cannot be told apart, by page.
    without_number: dict[int, int] = field(default_factory=dict)
    totals: list[int] = field(default_factory=list)
    #: Leads that stood on the first page when it was read again at the end, and not before.
    late: int = 0
    doubled: int = 0

    @property
    def total(self) -> int:
        return self.totals[-1]

    @property
    def unidentified(self) -> int:
        return sum(self.without_number.values())

    @property
    def is_whole(self) -> bool:
        return len(self.ids) + self.unidentified == self.total

    @property
    def is_still(self) -> bool:
        """Whether nothing moved, or nothing but leads that entered on top, each of which was read at the end."""
        fell = any(after < before for before, after in zip(self.totals, self.totals[1:], strict=False))
        return not fell and self.total - self.totals[0] == self.late and self.doubled <= self.late


@dataclass
class ListReader:
    """Reads the list of one segment into the landing store."""

    crm: SprinthubClient
    store: LandingStore
    segment_id: int
    page_size: int
    on_page: OnPage = lambda _done, _total: None
    accept_mismatch: bool = False
    #: The raw pages, once they are kept: also those of a list that was not complete.
    file: LandedFile | None = None
    has_pages: bool = False

    def read(self) -> SegmentList:
        """Raises TransientError if no pass was complete, ListMismatchError if the CRM's count cannot be true."""
        import zstandard

        with self.store.incoming(FOLDER, SUFFIX) as path:
            try:
                with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as pages:
                    ids, last, passes = self._passes(pages)
            except SyncError:
                if self.has_pages:
                    self.file = self.store.keep(path, FOLDER, SUFFIX)
                raise
            self.file = self.store.keep(path, FOLDER, SUFFIX)
        return SegmentList(
            ids=frozenset(ids),
            total=last.total,
            unidentified=last.unidentified,
            passes=passes,
            file=self.file,
        )

    def _passes(self, pages: BinaryIO) -> tuple[set[int], _Pass, int]:
        """The ids of the list, the pass that settled it, and its number."""
        before: _Pass | None = None
        for number in range(1, PASSES + 1):
            now = self._read_pass(pages)
            if now.is_whole and now.is_still:
                self._refuse_false_emptiness(now)
                return now.ids, now, number
            if before is not None and before.ids <= now.ids:
                # What was there all the time is in it; what came and went meanwhile, the next run finds.
                if now.is_whole:
                    return now.ids, now, number
                if now.is_still and before.is_still and before.ids == now.ids:
                    return self._mismatch(now), now, number
            before = now
        raise TransientError(
            f"The list of segment {self.segment_id} moved during each of {PASSES} passes over its pages, and no two"
            " of them agree. Nothing was changed; the next run reads it again."
        )

    def _refuse_false_emptiness(self, now: _Pass) -> None:
        """An error may be answered as a list without leads: then the segment itself says that it has some."""
        if now.total or self.accept_mismatch:
            return
        said = (self.crm.segment(self.segment_id) or {}).get("totalLeads")
        if isinstance(said, int) and said > 0:
            raise ListMismatchError(
                f"The list of segment {self.segment_id} is empty, and the CRM says that the segment has {said} leads."
                " Nothing was changed. If the list is right, accept total_mismatch."
            )

    def _mismatch(self, now: _Pass) -> set[int]:
        if self.accept_mismatch:
            return now.ids
        raise ListMismatchError(
            f"The CRM says that segment {self.segment_id} has {now.total} leads, and its list has {len(now.ids)}, twice"
            " the same. Nothing was changed. If the list is right, accept total_mismatch."
        )

    def _read_pass(self, pages: BinaryIO) -> _Pass:
        now = _Pass()
        size = number = steps_back = 0
        while True:
            page = self._page(pages, number)
            size = size or len(page.items)  # the CRM may lower the limit without a word
            if now.totals and page.total < now.total and number and steps_back < STEPS_BACK:
                # Something left the list: the first rows of this page may stand on the page before by now.
                steps_back += 1
                now.totals.append(page.total)
                number -= 1
                continue
            brought_new = self._take(now, number, page)
            self.on_page(len(now.ids), page.total)
            reached = number * size + len(page.items)
            if not page.items or reached == page.total or (reached > page.total and not brought_new):
                break
            number += 1
        if number:
            self._top_up(now, pages)
        return now

    def _top_up(self, now: _Pass, pages: BinaryIO) -> None:
        """Read the first pages again until one holds a lead that is known: what entered meanwhile stands on top."""
        known, number = frozenset(now.ids), 0
        while True:
            page = self._page(pages, number)
            now.totals.append(page.total)
            fresh = {lead_id for item in page.items if (lead_id := lead_number(item))} - known
            now.ids |= fresh
            now.late += len(fresh)
            if len(fresh) < len(page.items) or not page.items:
                return
            number += 1

    def _take(self, now: _Pass, number: int, page: Page) -> bool:
        """Add a page to the pass; returns whether it brought a lead that was not known."""
        now.totals.append(page.total)
        found = [lead_id for item in page.items if (lead_id := lead_number(item)) is not None]
        now.without_number[number] = len(page.items) - len(found)
        known = len(now.ids)
        now.ids.update(found)
        brought = len(now.ids) - known
        now.doubled += len(found) - brought
        return brought > 0

    def _page(self, pages: BinaryIO, number: int) -> Page:
        page = self.crm.page(self.segment_id, number, limit=self.page_size)
        self.has_pages = True
        # JSON has no line breaks inside of a text.
        pages.write(page.raw.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
        return page


def lead_number(item: Any) -> int | None:
    """The number of a lead in a list or detail; None where it has none that is a key."""
    found = item.get("id") if isinstance(item, dict) else None
    if isinstance(found, bool) or not isinstance(found, int) or not 0 < found <= LARGEST_ID:
        return None
    return found


def read_items(store: LandingStore, file: LandedFile) -> Iterator[Any]:
    """The items of a kept list in the order in which they were read; of a lead that stands twice the last counts."""
    import zstandard

    with store.fetch(file.path) as path, zstandard.open(path, "rb") as pages:
        for line in io.BufferedReader(pages):
            yield from loads_any(line)["data"]["leads"]
