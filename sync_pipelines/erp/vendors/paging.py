"""Lists whose pages are numbered and counted: every row once, or an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.erp.vendors.values import text_of
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import TransientError

Row = Mapping[str, Any]
#: How often a list is read that changes meanwhile, before that is an error.
_MOST_PASSES = 2
logger = logging.getLogger(__name__)


class MovedListError(TransientError):
    """Rows of a list are missing, or come twice: it changed while it was read, or was cut."""


def again_if_moved(read: Callable[[], Iterator[Page[Row]]]) -> Iterator[Page[Row]]:
    """The pages of a list; all of them once more if it changed while it was read. Raises MovedListError after that."""
    for passed in range(1, _MOST_PASSES + 1):
        try:
            yield from read()
            return
        except MovedListError as error:
            if passed == _MOST_PASSES:
                raise
            logger.warning("%s The list is read again.", error)


@dataclass(frozen=True)
class Counted:
    """The names of what a page says of itself: its number, how many pages there are, its rows, the rows of all."""

    page: str
    pages: str
    rows: str
    total: str


@dataclass(frozen=True)
class NumberedList:
    """A list of a vendor. `what` names it in errors; `identity` tells two of its rows apart; `field` holds the rows."""

    what: str
    field: str
    counted: Counted
    identity: Callable[[Row], object]

    def pages(self, ask: Callable[[int], tuple[bytes, object]]) -> Iterator[Page[Row]]:
        """Every page. `ask` gives the answer for a page number, from 1: its bytes and its body, which is
        None where there are no records.

        A list that changes meanwhile is read once more: then its rows come again, and the last time counts. Raises
        MovedListError if that does not help.
        """
        return again_if_moved(lambda: self._pass(ask))

    def _pass(self, ask: Callable[[int], tuple[bytes, object]]) -> Iterator[Page[Row]]:
        number, seen = 1, set[object]()
        while True:
            raw, body = ask(number)
            if body is None and number == 1:
                yield Page(raw, [])
                return
            rows, pages, total = self._read(body, number)
            before = len(seen)
            seen |= {self.identity(row) for row in rows}
            if len(seen) != before + len(rows):
                raise MovedListError(f"{self.what}: page {number} repeats rows of the list.")
            yield Page(raw, rows)
            if number >= pages:
                break
            number += 1
        if len(seen) != total:
            raise MovedListError(
                f"{self.what}: the list gave {len(seen)} rows of the {total} that it counts."
            )

    def _read(self, body: object, number: int) -> tuple[list[Row], int, int]:
        """The rows of a page, how many pages and rows there are in all."""
        body = body if isinstance(body, Mapping) else {}
        found, names = body.get(self.field), self.counted
        said = [text_of(body, name) or "" for name in (names.page, names.pages, names.rows, names.total)]
        if found is None and number == 1 and said[2:] == ["0", "0"]:
            found = []  # null, or left out: where the page says that there are none, it is no page that was cut
        if not isinstance(found, list) or not all(text.isascii() and text.isdigit() for text in said):
            raise MovedListError(f"{self.what}: page {number} is no page of a list.")
        page, pages, count, total = map(int, said)
        if page != number:
            raise MovedListError(f"{self.what}: page {page} came when page {number} was asked for.")
        rows = [row for row in found if isinstance(row, Mapping)]
        if len(rows) != len(found) or len(rows) != count:
            raise MovedListError(f"{self.what}: page {number} has {len(rows)} of its {count} rows.")
        return rows, pages, total
