"""Numbered and counted pages: every row once, whatever was cut or moved in between, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.vendors.paging import Counted, MovedListError, NumberedList

LIST = NumberedList(
    "The list", "rows", Counted("page", "pages", rows="count", total="total"), identity=lambda row: row["id"]
)


def body(
    ids: Sequence[int], page: int = 1, pages: int = 1, total: int | None = None, **changes: Any
) -> dict[str, Any]:
    rows = [{"id": number} for number in ids]
    counted = {"page": page, "pages": pages, "count": len(ids), "total": len(ids) if total is None else total}
    return {**counted, "rows": rows, **changes}


def read(*bodies: object) -> tuple[list[int], int]:
    """The ids of a list whose answers are these, the last one for ever, and how many were asked for."""
    answers, asked = list(bodies), 0

    def ask(_number: int) -> tuple[bytes, object]:
        nonlocal asked
        asked += 1
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return b"raw", answer

    return [row["id"] for page in LIST.pages(ask) for row in page.items], asked


@given(count=st.integers(0, 60), size=st.integers(1, 20))
def test_every_row_comes_once(count: int, size: int) -> None:
    chunks = [list(range(start, min(start + size, count))) for start in range(0, count, size)] or [[]]
    bodies = [body(ids, number, pages=len(chunks), total=count) for number, ids in enumerate(chunks, 1)]
    assert read(*bodies) == (list(range(count)), len(chunks))


def test_no_records_is_an_empty_list() -> None:
    assert read(None) == ([], 1)


@pytest.mark.parametrize("pages", [0, 1])
def test_rows_may_be_null_where_the_page_counts_none(pages: int) -> None:
    assert read(body([], pages=pages, rows=None)) == ([], 1)


def test_null_where_the_page_counts_rows_is_an_error() -> None:
    with pytest.raises(MovedListError):
        read(body([1], rows=None))
    with pytest.raises(MovedListError):
        read(body([], total=3, rows=None))


def test_numbers_may_be_texts() -> None:
    assert read(body([1], page="1", pages="1", count="1", total="1"))[0] == [1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        [],
        body([3], page=1, pages=2, total=3),
        body([2], page=2, pages=2, total=3),
        body([3], page=2, pages=2, total=4),
        body([3], page=2, pages=2, total=3, count=2),
        body([3], page=2, pages=2, total=3, rows=None),
        body([3], page=2, pages=2, total=3, rows=["3"]),
        body([3], page=2, pages=2, total=3, pages_=1) | {"pages": None},
        body([3], page=2, pages=2, total=3) | {"total": "-3"},
    ],
)
def test_a_list_that_was_cut_or_moved_is_read_once_more(bad: object) -> None:
    first, second = body([1, 2], pages=2, total=3), body([3], page=2, pages=2, total=3)
    assert read(first, bad, first, second) == ([1, 2, *(_ids(bad)), 1, 2, 3], 4)
    with pytest.raises(MovedListError, match=r"^The list: "):
        read(first, bad, first, bad)


def _ids(bad: object) -> list[int]:
    """What of a bad page came before it was known to be bad: rows whose sum is wrong only in the end."""
    is_whole = isinstance(bad, dict) and bad.get("total") == 4
    return [3] if is_whole else []
