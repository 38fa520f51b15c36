"""Numbers that no listed invoice has: a warning in the month of the invoice after them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sync_pipelines.erp.invoices.numbering import Gap
from sync_pipelines.erp.invoices.report import numbering
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines_tests.erp.invoices.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book

CHECK = "numbering_has_no_gaps"


def add(book: Book, *numbers: int, day: date = date(2026, 11, 3), **more: Any) -> None:
    for number in numbers:
        book.add(number, day, **more)


def test_missing_numbers_are_named_in_the_month_after_them(account: Account, book: Book) -> None:
    add(book, 1, 2, day=date(2026, 10, 3))
    add(book, 4, 8)
    outcomes = account.sync_months(OCTOBER, NOVEMBER)
    assert CHECK not in outcomes[OCTOBER].warnings
    assert outcomes[NOVEMBER].warnings[CHECK] == (
        "Faltam 4 número(s) na sequência das notas emitidas (modelo 55 série 1: 3; modelo 55 série 1: 5 a 7)."
    )


def test_months_that_were_not_asked_for_are_no_gap(account: Account, book: Book) -> None:
    add(book, 1, 2, day=date(2026, 7, 3))
    add(book, 30, day=date(2026, 9, 3))
    add(book, 50, day=date(2026, 11, 3))
    july = date(2026, 7, 1)
    assert CHECK not in account.sync_months(july, NOVEMBER)[NOVEMBER].warnings
    outcomes = account.sync_months(date(2026, 9, 1), OCTOBER)
    assert CHECK not in outcomes[date(2026, 9, 1)].warnings
    # With August, which has none, each number between is missing.
    outcomes = account.sync_months(july, date(2026, 8, 1), date(2026, 9, 1), OCTOBER, NOVEMBER)
    assert "3 a 29" in outcomes[date(2026, 9, 1)].warnings[CHECK]
    assert "31 a 49" in outcomes[NOVEMBER].warnings[CHECK]


def test_voided_cancelled_and_unreadable_numbers_are_no_gaps(account: Account, book: Book) -> None:
    add(book, 1, 5)
    add(book, 2, state=InvoiceState.CANCELLED)
    add(book, 3, protocol="")
    add(
        book,
        4,
        listed={"is_voided": True, "key": None, "direction": None, "series": "001", "number": "000004"},
    )
    outcome = account.sync()
    assert CHECK not in outcome.warnings
    assert outcome.counts.rejected == 1


def test_purchases_other_series_and_other_issuers_are_no_part_of_a_series(
    account: Account, book: Book
) -> None:
    add(book, 1, 2)
    add(book, 900, listed={"direction": 0}, issuer="12ABC34501DE35")
    add(book, 700, series="2", listed={"series": "2"})
    add(book, 800, issuer="99888777000191")
    assert CHECK not in account.sync().warnings


def test_a_vendor_whose_cancelled_invoices_vanish_has_no_gaps(account: Account, book: Book) -> None:
    add(book, 1, 4)
    assert CHECK in account.sync().warnings
    # Conta Azul lists issued invoices alone: a number that it lacks may be a cancelled one.
    assert CHECK not in account.another(book, "contaazul").sync().warnings


def test_a_long_list_of_gaps_is_cut() -> None:
    gaps = [Gap(NOVEMBER, "55", "1", first=number, last=number) for number in range(12)]
    assert numbering(gaps).endswith("e mais 2).")
    assert numbering([]) == ""
