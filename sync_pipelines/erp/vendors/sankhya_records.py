"""The answers of Sankhya's `loadRecords` (contract of the ERPs, section 8): rows by name, page by page.

A page has its rows under `responseBody.entities.entity`: a list, one object where there is one row, nothing where there
is none. The columns of a row are `f0`, `f1` …, named by `metadata.fields.field`, whose order is the vendor's own. There
are pages, from 0, as long as `hasMoreResult` is true; how many rows there are in all is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.erp.vendors.values import group, text_of
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.json import JsonAnswer

Row = Mapping[str, str | None]


@dataclass(frozen=True)
class RecordList:
    """The records of an entity, called `what` in errors. `fields` are those that are read, the first is the key."""

    what: str
    fields: tuple[str, ...]

    def pages(self, ask: Callable[[int], JsonAnswer]) -> Iterator[Page[Row]]:
        """Every page; `ask` gives the answer for a page number, from 0.

        A row that moved to a later page while the list was read comes once. Raises TransientError for what is no page,
        for one that repeats those before it, and for one in the middle that is not as full as the first.
        """
        seen, number, size = set[str](), 0, 0
        while True:
            answer = ask(number)
            rows, has_more = self._read(answer.body, number)
            if number and has_more and len(rows) != size:
                raise TransientError(
                    f"{self.what}: page {number} has {len(rows)} rows, the first has {size}."
                )
            new = {key: row for row in rows if (key := row[self.fields[0]] or "") not in seen}
            if rows and not new:
                raise TransientError(f"{self.what}: page {number} repeats the rows before it.")
            seen |= new.keys()
            yield Page(answer.content, list(new.values()))
            if not has_more:
                return
            if not rows:
                raise TransientError(
                    f"{self.what}: page {number} has no rows, and there are said to be more."
                )
            number, size = number + 1, size or len(rows)

    def _read(self, body: object, number: int) -> tuple[list[Row], bool]:
        """The rows of a page, and whether there are more."""
        found = group(body if isinstance(body, Mapping) else {}, "responseBody", "entities")
        more = (text_of(found, "hasMoreResult") or _word(found.get("hasMoreResult"))).casefold()
        if more not in {"true", "false"}:
            raise TransientError(f"{self.what}: page {number} is no page of a list.")
        entities = _listed(found.get("entity"))
        if not entities:
            return [], more == "true"
        columns = self._columns(found, number)
        rows = [self._row(one, columns) for one in entities]
        if any(row[self.fields[0]] is None for row in rows):
            raise TransientError(f"{self.what}: page {number} has a row without its {self.fields[0]}.")
        return rows, more == "true"

    def _columns(self, found: Mapping[str, Any], number: int) -> dict[str, str]:
        """The position of each field, such as `f0`."""
        described = _listed(group(found, "metadata", "fields").get("field"))
        names = [text_of(one, "name") if isinstance(one, Mapping) else None for one in described]
        columns = {name: f"f{place}" for place, name in enumerate(names) if name is not None}
        if missing := [name for name in self.fields if name not in columns]:
            raise TransientError(f"{self.what}: page {number} does not say where {', '.join(missing)} stand.")
        return columns

    def _row(self, entity: object, columns: Mapping[str, str]) -> Row:
        """An empty value is an object without `$`, or is left out."""
        cells = entity if isinstance(entity, Mapping) else {}
        return {name: text_of(group(cells, columns[name]), "$") for name in self.fields}


def _listed(value: object) -> list[Any]:
    """What is a list where there are several, an object where there is one, and is left out where there is none."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, Mapping) and value else []


def _word(value: object) -> str:
    return str(value) if isinstance(value, bool) else ""
