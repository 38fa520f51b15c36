"""Lists that say how many pages they have, but not how many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sync_pipelines.erp.vendors.paging import MovedListError, Row, again_if_moved
from sync_pipelines.erp.vendors.values import group, text_of
from sync_pipelines.erp.vendors.vendor import Page


@dataclass(frozen=True)
class PagedList:
    """A list of a vendor, called `what` in errors. `field` holds the rows, each in a group `item` of its own.

    `page` and `pages` name its number and how many there are. Every page but the last has as many rows as the first.
    """

    what: str
    field: str
    item: str
    page: str
    pages: str
    identity: str = "id"

    def read(self, ask: Callable[[int], tuple[bytes, object]]) -> Iterator[Page[Row]]:
        """Every page. `ask` gives the answer for a page number, from 1: its bytes and its body, which is None where
        the list is empty.

        A row that moved to a later page while the list was read comes once: where rows are added every few minutes a
        long list would never be still. A list that may have lost rows is read once more: then its rows come again, and
        the last time counts. Raises MovedListError if that does not help.
        """
        return again_if_moved(lambda: self._pass(ask))

    def _pass(self, ask: Callable[[int], tuple[bytes, object]]) -> Iterator[Page[Row]]:
        number, pages, size, seen = 1, 0, 0, set[str]()
        while True:
            raw, body = ask(number)
            if body is None and number == 1:
                yield Page(raw, [])
                return
            rows, said = self._page(body, number)
            if said < pages:
                raise MovedListError(f"{self.what}: it had {pages} pages, and now has {said}.")
            pages, size = said, size or len(rows)
            is_whole = len(rows) == size if number < pages else len(rows) <= size
            if not is_whole or (pages > 1 and not rows):
                raise MovedListError(
                    f"{self.what}: page {number} of {pages} has {len(rows)} rows, not {size}."
                )
            new = {key: row for key, row in rows.items() if key not in seen}
            if rows and not new:
                raise MovedListError(f"{self.what}: page {number} repeats the rows before it.")
            seen |= new.keys()
            yield Page(raw, list(new.values()))
            if number >= pages:
                return
            number += 1

    def _page(self, body: object, number: int) -> tuple[dict[str, Row], int]:
        """The rows of a page by their number, and how many pages there are."""
        body = body if isinstance(body, Mapping) else {}
        found, page, pages = body.get(self.field), text_of(body, self.page), text_of(body, self.pages)
        if not isinstance(found, list) or not _is_number(page) or not _is_number(pages):
            raise MovedListError(f"{self.what}: page {number} is no page of a list.")
        if int(page or 0) != number:
            raise MovedListError(f"{self.what}: page {page} came when page {number} was asked for.")
        items = [group(one, self.item) or one for one in found if isinstance(one, Mapping)]
        rows = {key: row for row in items if (key := text_of(row, self.identity)) is not None}
        if len(rows) != len(found):
            raise MovedListError(
                f"{self.what}: page {number} has rows without a number, or one of them twice."
            )
        return rows, int(pages or 0)


def _is_number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdigit()
