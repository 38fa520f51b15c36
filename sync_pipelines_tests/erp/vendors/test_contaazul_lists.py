"""How Conta Azul's lists end, on answers that no fake gives: without a total, or with a senseless one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sync_pipelines.erp.vendors.contaazul_lists import InvoiceList, TotalledList
from sync_pipelines.erp.vendors.paging import MovedListError
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.json import JsonAnswer

Body = Mapping[str, Any]


def number_of(row: Mapping[str, Any]) -> str | None:
    return str(row["id"]) if row.get("id") else None


TOTALLED = TotalledList("Conta Azul (lista)", "itens", number_of, total="itens_totais")
UNCOUNTED = TotalledList("Conta Azul (lista)", "itens", number_of, total="itens_totais", is_total_sure=False)
INVOICES = InvoiceList("Conta Azul (notas)", "itens", number_of, size=2)


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


def counted(total: object, *numbers: int) -> Body:
    return {"itens": rows(*numbers), "itens_totais": total}


def paged(total: object, *numbers: int) -> Body:
    return {"itens": rows(*numbers), "paginacao": {"total_itens": total}}


def answering(*pages: object) -> tuple[Callable[[int], JsonAnswer], list[int]]:
    """Answers in their order, the last one for ever, and the numbers of the pages that were asked for."""
    asked: list[int] = []

    def ask(number: int) -> JsonAnswer:
        body = pages[min(len(asked), len(pages) - 1)]
        asked.append(number)
        return JsonAnswer(200, body, is_json=True)

    return ask, asked


def listed(of: TotalledList | InvoiceList, *pages: object) -> tuple[list[int], list[int]]:
    """The numbers of the rows that came, and of the pages that were asked for."""
    ask, asked = answering(*pages)
    return [row["id"] for page in of.pages(ask) for row in page.items], asked


def test_a_list_with_a_total_ends_where_all_of_it_came() -> None:
    assert listed(TOTALLED, counted(3, 1, 2), counted("3", 3)) == ([1, 2, 3], [1, 2])
    assert listed(TOTALLED, {"itens": None, "itens_totais": 0}) == ([], [1])


def test_a_list_without_a_total_ends_with_a_page_that_brings_nothing_new() -> None:
    first, second = {"itens": rows(1, 2)}, {"itens": rows(3)}
    assert listed(UNCOUNTED, first, second, {"itens": []}) == ([1, 2, 3], [1, 2, 3])
    # A vendor that knows no pages gives the same ones again.
    assert listed(UNCOUNTED, first) == ([1, 2], [1, 2])
    assert listed(UNCOUNTED, counted(2, 1, 2)) == ([1, 2], [1])


def test_a_list_that_counts_otherwise_while_it_is_read_is_read_again() -> None:
    """A row of page 1 is gone, and one of page 2 moved to page 1: the sum alone would be right."""
    moved = counted(4, 1, 2), counted(3, 4), counted(3, 2, 3), counted(3, 4)
    assert listed(TOTALLED, *moved) == ([1, 2, 2, 3, 4], [1, 2, 1, 2])
    for pages in ([counted(3, 1, 2), counted(3)], [counted(4, 1, 2), counted(4, 2, 3)]):
        with pytest.raises(MovedListError):
            listed(TOTALLED, *pages, *pages, *pages)


@pytest.mark.parametrize(
    "body",
    [
        {"itens": rows(1)},
        {"itens": rows(1), "itens_totais": "many"},
        {"itens": {"id": 1}, "itens_totais": 1},
        {"itens": [{"nome": "sem id"}], "itens_totais": 1},
        {"itens": ["1"], "itens_totais": 1},
        None,
    ],
)
def test_what_is_no_page_is_an_error(body: object) -> None:
    with pytest.raises(TransientError):
        listed(TOTALLED, body)
    if not isinstance(body, Mapping) or "itens_totais" in body:
        with pytest.raises(TransientError):
            listed(INVOICES, body)


def test_pages_of_invoices_may_be_short_or_empty_before_the_last() -> None:
    pages = paged(6, 1), paged(6), paged(6, 2)
    assert listed(INVOICES, *pages, *pages) == ([1, 2], [1, 2, 3, 1, 2, 3])
    # A full page may be followed by another one, though the count says that it is the last.
    assert listed(INVOICES, paged(1, 1, 2), paged(1, 3), paged(1, 1, 2), paged(1, 3)) == (
        [1, 2, 3],
        [1, 2, 1, 2],
    )
    assert listed(INVOICES, paged(1, 1)) == ([1], [1])


def test_a_list_of_invoices_is_read_until_it_was_the_same_twice() -> None:
    first = paged(3, 1, 2), paged(3, 4)
    again = paged(3, 2, 3), paged(3, 4)
    assert listed(INVOICES, *first, *again, *again) == ([1, 2, 4, 3], [1, 2] * 3)
    with pytest.raises(MovedListError, match="repeats the rows before it"):
        listed(INVOICES, paged(3, 1, 2), paged(3, 1))


@pytest.mark.parametrize("total", [None, "", -1, 9_223_372_036_854_775_807])
def test_a_senseless_count_of_invoices_is_an_error_and_no_endless_list(total: object) -> None:
    with pytest.raises(TransientError, match="how many rows are counted"):
        listed(INVOICES, paged(total))
