"""The list: whole or not at all, its raw pages kept, and what in it is no invoice of ours."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.erp.invoices.extract import last_day, ranges
from sync_pipelines.erp.invoices.validate import access_key, month_lists
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines_tests.erp.invoices.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book, note


def fill(book: Book, count: int, month: date = NOVEMBER, first: int = 1) -> list[str]:
    return [book.add(number, month.replace(day=number % 28 + 1)) for number in range(first, first + count)]


def test_months_are_listed_in_runs_without_a_gap() -> None:
    months = [date(2026, 11, 1), date(2026, 9, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert ranges(months) == [[date(2026, 9, 1)], [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]]
    assert (last_day(date(2028, 2, 1)), ranges([])) == (date(2028, 2, 29), [])


@pytest.mark.parametrize("page", [0, 2])
def test_a_page_that_fails_fails_its_months_and_deletes_nothing(
    account: Account, book: Book, page: int
) -> None:
    fill(book, 30)
    account.synced()
    before = account.everything()
    book.page_size = 10

    def fail(number: int) -> None:
        if number == page:
            raise TransientError("The vendor answered 500.")

    book.before_page = fail
    outcomes = account.sync_months(OCTOBER, NOVEMBER)
    assert {month: (one.status, str(one.error)) for month, one in outcomes.items()} == {
        OCTOBER: ("error", "The vendor answered 500."),
        NOVEMBER: ("error", "The vendor answered 500."),
    }
    assert account.everything() == before
    landed = account.ops.execute("select status from ops.landed_files order by id").fetchall()
    assert landed == [("usable",), *([("refused",)] if page else [])]


def test_a_list_that_fails_leaves_the_months_of_another_list_alone(account: Account, book: Book) -> None:
    fill(book, 3)
    fill(book, 3, date(2026, 8, 1), first=10)

    def fail(_number: int) -> None:
        if book.lists[-1][0] == NOVEMBER:
            raise PermanentError("The vendor does not take the filter.")

    book.before_page = fail
    outcomes = account.sync_months(date(2026, 8, 1), NOVEMBER)
    assert {month: one.status for month, one in outcomes.items()} == {
        NOVEMBER: "error",
        date(2026, 8, 1): "success",
    }


def test_a_vendor_that_throttles_is_asked_for_no_other_list(account: Account, book: Book) -> None:
    def fail(_number: int) -> None:
        raise ThrottledError("API blocked.")

    book.before_page = fail
    outcomes = account.sync_months(date(2026, 8, 1), NOVEMBER)
    assert ([one.status for one in outcomes.values()], len(book.lists)) == (["error", "error"], 1)


def test_refused_credentials_end_the_sync(account: Account, book: Book) -> None:
    fill(book, 3)

    def refuse(_number: int) -> None:
        raise RefusedError("Renew the credentials.", 401)

    book.before_page = refuse
    with pytest.raises(RefusedError):
        account.sync()


def test_raw_pages_are_kept_with_their_months(account: Account, book: Book) -> None:
    book.page_size = 2
    fill(book, 3)
    outcome = account.sync()
    contents = account.ops.execute("select partition_key, content from ops.landed_partitions").fetchall()
    assert contents == [(f"{account.connection.key}|2026-11-01", {"invoices": 3})]
    assert outcome.raw_path is not None
    assert outcome.raw_path.endswith(".jsonl.zst")


def test_what_is_no_invoice_is_skipped_with_its_reason(account: Account, book: Book) -> None:
    day = date(2026, 11, 3)
    book.add(1, day)
    book.add(2, day, listed={"model": "65"})
    book.add(3, day, listed={"environment": "2"})
    book.add(4, day, state=InvoiceState.UNISSUED, listed={"key": None})
    book.add(5, day, listed={"is_voided": True, "key": None})
    book.add(6, day, listed={"model": None}, model="65")
    book.add(7, day, listed={"model": "57"})
    counts = account.synced()
    assert (counts.read, counts.inserted, counts.skipped) == (7, 1, 6)
    assert counts.skipped_because == {
        **{"nfc_e": 2, "test_environment": 1, "unissued": 1, "voided_number": 1, "other_model": 1}
    }
    assert book.asked == ["7001"]


def test_an_invoice_that_is_issued_at_last_is_stored(account: Account, book: Book) -> None:
    book.add(1, date(2026, 11, 3), state=InvoiceState.UNISSUED)
    assert account.synced().skipped == 1
    book.change(1, state=InvoiceState.AUTHORISED)
    assert account.synced().inserted == 1
    # What was issued stays so, whatever a list says meanwhile.
    book.change(1, state=InvoiceState.UNISSUED)
    assert account.synced().unchanged == 1


def test_a_row_that_a_moving_list_shows_twice_counts_once(account: Account, book: Book) -> None:
    key = book.add(1, date(2026, 11, 3))
    listed = book.invoices_by_id["7001"]
    later = listed._replace(total=Decimal(1))
    months = month_lists([listed._replace(issued_on=date(2026, 10, 31)), listed, listed, later])
    assert list(months) == [NOVEMBER]
    month = months[NOVEMBER]
    assert (len(month.entries), month.twice) == (1, ("7001",))
    assert (month.entries[0].key, month.entries[0].invoice.total) == (key, Decimal(1))


def test_a_key_that_the_list_has_twice_lands_once_and_is_named(account: Account, book: Book) -> None:
    key = book.add(1, date(2026, 11, 3))
    book.add(2, date(2026, 11, 3), listed={"key": key, "state": InvoiceState.CANCELLED})
    outcome = account.sync()
    assert outcome.error is None
    assert (outcome.counts.inserted, outcome.counts.skipped_because) == (1, {"duplicate_key": 1})
    assert "7002" in outcome.warnings["each_key_is_listed_once"]
    # The one that says that it is cancelled knows more.
    assert account.rows("select nfe_key, nfe_status from public.xml_imports") == [(key, "cancelada")]
    assert account.synced().unchanged == 1


def test_a_key_that_only_documents_show_twice_lands_once(account: Account, book: Book) -> None:
    key = book.add(1, date(2026, 11, 3), listed={"key": None})
    book.add(2, date(2026, 11, 3), listed={"key": None})
    book.xml["7002"] = book.xml["7001"]
    counts = account.synced()
    assert (counts.inserted, counts.skipped_because) == (1, {"duplicate_key": 1})
    assert account.rows("select nfe_key from public.xml_imports") == [(key,)]


def test_keys_of_lists_are_upper_case_and_plain() -> None:
    key = note(1, date(2026, 11, 3), "12ABC34501DE35").access_key
    assert access_key(f"NFe{key.lower()}") == key
    assert access_key(" ".join(key[place : place + 4] for place in range(0, 44, 4))) == key
    assert (access_key(""), access_key(None), access_key(key[1:])) == (None, None, None)


def test_what_postgres_cannot_hold_in_a_list_costs_nothing(account: Account, book: Book) -> None:
    book.add(1, date(2026, 11, 3), listed={"series": "1\x00", "number": "\ud800", "total": Decimal("NaN")})
    assert account.synced().inserted == 1
    assert account.synced().unchanged == 1


def test_an_empty_month_is_a_success_and_no_error_is_an_empty_month(account: Account, book: Book) -> None:
    counts = account.synced()
    assert (counts.read, account.ops.execute("select holds from ops.proofs").fetchall()) == (0, [(True,)])

    def fail(_number: int) -> None:
        raise SyncError("ERROR")

    book.before_page = fail
    assert account.sync().status == "error"
