"""A call of Bling's that may be answered, and its answers for any kind of row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from starlette.responses import Response

from sync_pipelines.sandbox.erp import bling_lists
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import Json

Row = TypeVar("Row")


@dataclass(frozen=True)
class Served:
    """Its method, its company, what was asked for, the day in Brazil. `subject` is a page or an id."""

    method: str
    company: ErpCompany
    asked: Mapping[str, str]
    subject: int
    today: date
    strikes: Callable[[str], bool]

    def page(self, found: Sequence[Any]) -> list[Any]:
        """The rows of the page that was asked for; by a fault those of the one before it."""
        page = self.subject
        if page > 1 and self.strikes("repeats"):
            page -= 1
        return list(bling_lists.page_of(found, page, self.asked))

    def one(self, find: Callable[[int], Row], everything: Callable[[], Sequence[Row]]) -> Row | None:
        """The row of the id that was asked for; by a fault the one before it."""
        try:
            found = find(self.subject)
        except KeyError:
            return None
        if self.strikes("of_another"):
            rows = everything()
            return rows[rows.index(found) - 1]
        return found

    def rows(self, rows: list[dict[str, Any]]) -> Response:
        """The answer of a list."""
        if self.strikes("lost"):
            rows = []
        if self.strikes("short"):
            rows = rows[:-1]
        if self.strikes("ids_as_text"):
            rows = [{**row, "id": str(row["id"])} for row in rows]
        return Json({"data": rows})
