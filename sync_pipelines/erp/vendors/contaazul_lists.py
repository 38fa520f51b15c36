"""Conta Azul's lists, each of which ends in its own way (contract of the ERPs, section 6, trap 24)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.erp.vendors.paging import MovedListError
from sync_pipelines.erp.vendors.values import text_of
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.json import JsonAnswer

Row = Mapping[str, Any]
Ask = Callable[[int], JsonAnswer]
#: How often a list is read that changes meanwhile, before that is an error.
_MOST_PASSES = 3
#: Pages in a row without a row, after which a count is not believed: 5,000 notes of a fortnight, none of them shown.
MOST_EMPTY = 50
#: More invoices than anybody issues in a fortnight: a count beyond is none, as the size of an empty page is none.
_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class _List:
    """A list, called `what` in errors. `field` holds the rows, of which `identity` tells two apart."""

    what: str
    field: str
    identity: Callable[[Row], str | None]

    def rows(self, body: object, number: int) -> dict[str, Row]:
        """The rows of a page by what tells them apart; null where there are none."""
        found = body.get(self.field, ()) if isinstance(body, Mapping) else ()
        if found is None:
            return {}
        if not isinstance(found, list):
            raise TransientError(f"{self.what}: page {number} is no page of a list.")
        keys = [self.identity(row) if isinstance(row, Mapping) else None for row in found]
        named = {key: row for key, row in zip(keys, found, strict=True) if key is not None}
        if None in keys:
            raise TransientError(f"{self.what}: page {number} has a row without its number.")
        return named


@dataclass(frozen=True)
class TotalledList(_List):
    """A list that says how many rows it has (`total`), and not how many pages: it ends where all of them came.

    With `is_total_sure` false the total may be missing, and then the list ends with a page that brings nothing new.
    """

    total: str
    is_total_sure: bool = True

    def pages(self, ask: Ask) -> Iterator[Page[Row]]:
        """Every page, again if the list changed meanwhile: then the last time counts. Raises MovedListError."""
        for passed in range(1, _MOST_PASSES + 1):
            try:
                yield from self._pass(ask)
                return
            except MovedListError:
                if passed == _MOST_PASSES:
                    raise

    def _pass(self, ask: Ask) -> Iterator[Page[Row]]:
        number, seen, said = 1, set[str](), None
        while True:
            answer = ask(number)
            rows, total = self.rows(answer.body, number), self._total(answer.body, number)
            if number > 1 and total != said:
                # A row that went and one that came behind it may leave the sum right.
                raise MovedListError(f"{self.what}: the list counted {said} rows, and then {total}.")
            said = total
            new = [row for key, row in rows.items() if key not in seen]
            if total is not None and len(new) != len(rows):
                raise MovedListError(f"{self.what}: page {number} repeats rows of the list.")
            seen |= rows.keys()
            yield Page(answer.content, new)
            if total is None and not new:
                return
            if total is not None and (len(seen) >= total or not rows):
                break
            number += 1
        if len(seen) != total:
            raise MovedListError(
                f"{self.what}: the list gave {len(seen)} rows of the {total} that it counts."
            )

    def _total(self, body: object, number: int) -> int | None:
        total = _number(body if isinstance(body, Mapping) else {}, self.total)
        if total is None and self.is_total_sure:
            raise TransientError(f"{self.what}: page {number} does not say how many rows there are.")
        return total


@dataclass(frozen=True)
class InvoiceList(_List):
    """The list of invoices, whose `paginacao` counts notes in every state though it shows a part of them.

    A page may be short or empty before the last, so the pages that all of them would fill end it, and a page that is
    not full: an empty page says a size of 9223372036854775807, and a number of pages that follows from it. That no row
    is missing cannot be told by the count: a list of several pages is read until it was the same twice. A count that
    only empty pages follow is an error, because most numbers of rows that a vendor can write never end.
    """

    #: Rows of a page, as they are asked for.
    size: int

    def pages(self, ask: Ask) -> Iterator[Page[Row]]:
        """Every page, with each row once. Raises MovedListError if the list changes each time that it is read."""
        seen, before = set[str](), None
        for _ in range(_MOST_PASSES):
            listed, pages = list[str](), 0
            for page in self._pass(ask):
                rows = {self.identity(row) or "": row for row in page.items}
                listed += rows
                pages += 1
                yield Page(page.raw, [row for key, row in rows.items() if key not in seen])
                seen |= rows.keys()
            if pages == 1 or set(listed) == before:
                return
            before = set(listed)
        raise MovedListError(f"{self.what}: the list changed each time that it was read.")

    def _pass(self, ask: Ask) -> Iterator[Page[Row]]:
        number, empty, seen = 1, 0, set[str]()
        while True:
            answer = ask(number)
            rows, total = self.rows(answer.body, number), self._total(answer.body, number)
            if rows and rows.keys() <= seen:
                raise MovedListError(f"{self.what}: page {number} repeats the rows before it.")
            seen |= rows.keys()
            empty = 0 if rows else empty + 1
            yield Page(answer.content, list(rows.values()))
            # A full page may be followed by another one, whatever was counted.
            if number * self.size >= total and len(rows) < self.size:
                return
            if empty == MOST_EMPTY:
                raise TransientError(
                    f"{self.what}: {empty} pages in a row, up to page {number}, have no row, though the list counts"
                    f" {total} rows. The list was not taken as read."
                )
            number += 1

    def _total(self, body: object, number: int) -> int:
        """How many rows are counted."""
        paging = body.get("paginacao") if isinstance(body, Mapping) else None
        paging = paging if isinstance(paging, Mapping) else {}
        total = _number(paging, "total_itens")
        if total is None or total > _MOST_ROWS:
            raise TransientError(f"{self.what}: page {number} does not say how many rows are counted.")
        return total


def _number(row: Row, name: str) -> int | None:
    text = text_of(row, name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
