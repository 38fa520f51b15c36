"""Lists that do not say how long they are: a page with fewer rows than were asked for is the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.erp.vendors.values import text_of
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.json import JsonAnswer

Row = Mapping[str, Any]


@dataclass(frozen=True)
class UncountedList:
    """A list of a vendor, called `what` in errors. `field` holds the rows, `identity` is the field of a row's number.

    A list that is a multiple of `size` costs an empty page.
    """

    what: str
    field: str
    size: int
    identity: str = "id"

    def pages(self, ask: Callable[[int], JsonAnswer]) -> Iterator[Page[Row]]:
        """Every page; `ask` gives the answer for a page number, from 1.

        A row that moved to a later page while the list was read comes once. Raises TransientError for what is no page,
        and for a page that repeats those before it: the vendor did not turn it.
        """
        seen, number = set[str](), 1
        while True:
            answer = ask(number)
            rows = self._rows(answer.body, number)
            new = {key: row for key, row in rows if key not in seen}
            if rows and not new:
                raise TransientError(f"{self.what}: page {number} repeats the rows before it.")
            seen |= new.keys()
            yield Page(answer.content, list(new.values()))
            if len(rows) < self.size:
                return
            number += 1

    def _rows(self, body: object, number: int) -> list[tuple[str, Row]]:
        found = body.get(self.field) if isinstance(body, Mapping) else None
        if not isinstance(found, list):
            raise TransientError(f"{self.what}: page {number} is no page of a list.")
        keys = [text_of(row, self.identity) if isinstance(row, Mapping) else None for row in found]
        rows = [(key, row) for key, row in zip(keys, found, strict=True) if key is not None]
        if len(rows) != len(found):
            raise TransientError(f"{self.what}: page {number} has a row without its number.")
        return rows
