"""Documents: each asked for once, kept, and what becomes of an invoice whose document does not come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from sync_pipelines.erp.invoices.work_list import READ_AGAIN_AFTER, SPREAD
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines_tests.erp.invoices.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill

DAY = date(2026, 11, 3)


def failing(book: Book, error: SyncError, *numbers: int) -> None:
    """The documents of these invoices, or of all, do not come."""
    ids = {str(7000 + number) for number in numbers}

    def fail(invoice: Invoice) -> None:
        if not ids or invoice.vendor_id in ids:
            raise error

    book.before_xml = fail


def test_documents_that_came_are_not_asked_for_again(account: Account, book: Book) -> None:
    fill(book, 30)

    def killed(_connection: object) -> None:
        raise TransientError("The database is gone.")

    account.fence = killed
    assert account.sync().status == "error"
    assert account.value("select count(*) from public.xml_imports") == 0
    account.fence = lambda _connection: None
    book.asked.clear()
    assert account.synced().inserted == 30
    assert book.asked == []


def test_one_document_that_does_not_come_costs_no_other(account: Account, book: Book) -> None:
    fill(book, 20)
    failing(book, TransientError("The vendor answered 500.", retry_after=7.0), 5)
    outcome = account.sync()
    assert (outcome.status, outcome.counts.inserted, outcome.counts.unread) == ("error", 19, 1)
    assert isinstance(outcome.error, TransientError)
    assert outcome.error.retry_after == 7.0
    book.before_xml = lambda _invoice: None
    book.asked.clear()
    assert (account.synced().inserted, book.asked) == (1, ["7005"])


def test_a_vendor_that_throttles_is_not_called_again(account: Account, book: Book) -> None:
    fill(book, 5, OCTOBER)
    account.synced(OCTOBER)
    fill(book, 20, first=10)
    fill(book, 5, date(2026, 9, 1), first=50)
    book.asked.clear()
    failing(book, ThrottledError("API blocked.", retry_after=1678))
    outcomes = account.sync_months(NOVEMBER, OCTOBER, date(2026, 9, 1))
    assert len(book.asked) == 1
    assert {month.month: one.status for month, one in outcomes.items()} == {
        **{9: "error", 10: "success", 11: "error"}
    }
    assert isinstance(outcomes[NOVEMBER].error, ThrottledError)
    assert outcomes[NOVEMBER].counts.unread == 20


def test_a_vendor_that_is_down_is_not_asked_for_every_document(account: Account, book: Book) -> None:
    fill(book, 100)
    book.before_xml = lambda _invoice: None

    def fail(invoice: Invoice) -> None:
        if len(book.asked) > 3:
            raise TransientError("No answer.")

    book.before_xml = fail
    outcome = account.sync()
    assert outcome.counts.inserted >= 1
    assert outcome.counts.unread >= 90
    # Calls under way, and their repeats, come on top: fewer than one for each of 100 documents.
    assert len(set(map(str, book.asked))) < 50


def test_refused_credentials_are_refused_once(account: Account, book: Book) -> None:
    fill(book, 20)
    failing(book, RefusedError("Renew the credentials.", 401))
    with pytest.raises(RefusedError):
        account.sync()
    assert len(book.asked) == 1


def test_an_authorised_invoice_without_a_document_is_a_reject_and_asked_for_while_it_may_be_late(
    account: Account, book: Book
) -> None:
    key = book.add(1, account.now.date())
    document, book.xml["7001"] = book.xml["7001"], None
    assert account.synced().rejected == 1
    assert account.rejects() == [(key, "document_is_there")]
    book.xml["7001"] = document
    assert account.synced().inserted == 1


def test_a_document_that_an_old_invoice_does_not_have_is_asked_for_once_a_week(
    account: Account, book: Book
) -> None:
    """A vendor counts each vain question as an error, and closes the call to those who ask too often."""
    book.add(1, DAY)
    book.xml["7001"] = None
    assert account.synced().rejected == 1
    book.asked.clear()
    assert (account.synced().rejected, book.asked) == (1, [])
    account.now += timedelta(days=8)
    assert (account.synced().rejected, len(book.asked)) == (1, 1)


def test_an_answer_that_no_retry_changes_is_that_invoices_reject(account: Account, book: Book) -> None:
    fill(book, 3)
    failing(book, PermanentError("The vendor answered 404."), 2)
    counts = account.synced()
    assert (counts.inserted, counts.rejected) == (2, 1)
    assert [rule for _, rule in account.rejects()] == ["document_is_answered"]


@pytest.mark.parametrize("state", [InvoiceState.CANCELLED, InvoiceState.DENIED])
def test_a_void_invoice_without_a_document_is_marked_from_the_list(
    account: Account, book: Book, state: InvoiceState
) -> None:
    book.add(1, DAY, state=state)
    book.xml["7001"] = None
    counts = account.synced()
    assert (counts.skipped, counts.rejected) == (1, 0)
    assert account.value("select count(*) from public.xml_imports") == 0
    assert account.rows("select decision, state from sync_private.invoices") == [("marked", state.value)]
    book.asked.clear()
    assert (account.synced().skipped, book.asked) == (1, [])


def test_a_cancelled_invoice_with_a_document_is_stored_as_cancelled(account: Account, book: Book) -> None:
    book.add(1, DAY, state=InvoiceState.CANCELLED)
    assert account.synced().inserted == 1
    assert account.value("select nfe_status from public.xml_imports") == "cancelada"
    assert account.value("select count(*) from sync_private.credit_analyses") == 1


def test_what_the_detail_says_of_the_state_counts(account: Account, book: Book) -> None:
    book.add(1, DAY)
    book.states["7001"] = InvoiceState.CANCELLED
    account.synced()
    for _ in range(2):
        assert account.value("select nfe_status from public.xml_imports") == "cancelada"
        assert account.synced().unchanged == 1
    del book.states["7001"]
    assert account.synced().changed == 1
    assert account.value("select nfe_status from public.xml_imports") == "autorizada"


def test_the_document_of_another_invoice_is_a_reject(account: Account, book: Book) -> None:
    key = book.add(1, DAY)
    book.add(2, DAY)
    book.xml["7001"] = book.xml["7002"]
    counts = account.synced()
    assert (counts.inserted, counts.rejected) == (1, 1)
    assert account.rejects() == [(key, "key_is_the_lists")]


def test_a_rejected_document_is_kept_and_not_asked_for_again_for_a_week(account: Account, book: Book) -> None:
    book.add(1, DAY, protocol="")
    assert account.synced().rejected == 1
    raw = account.ops.execute("select raw ->> 'document' from ops.rejects").fetchone()
    assert raw is not None
    with account.landing.fetch(raw[0]) as path:
        assert path.read_bytes() == book.xml["7001"]
    book.asked.clear()
    for _ in range(5):
        assert account.synced().rejected == 1
    assert (book.asked, len(account.rejects())) == ([], 1)
    book.add(1, DAY)
    for _ in range(3):
        account.sync()
    assert account.value("select count(*) from public.xml_imports") == 1


@pytest.mark.parametrize("harm", ["lost", "cut", "all"])
def test_lost_xml_is_fetched_again(account: Account, book: Book, harm: str) -> None:
    keys = fill(book, 10)
    account.synced()
    book.asked.clear()
    folder = account.home / "xml" / str(account.user)
    harmed = keys if harm == "all" else keys[:1]
    for key in harmed:
        path = folder / f"{key}.xml"
        path.write_bytes(path.read_bytes()[:-1]) if harm == "cut" else path.unlink()
    counts = account.synced()
    assert (len(book.asked), counts.unchanged) == (len(harmed), 10)
    assert {path.name for path in folder.glob("*.xml")} == {f"{key}.xml" for key in keys}
    assert folder.joinpath(f"{keys[0]}.xml").read_bytes() == book.xml["7001"]


def test_a_document_that_was_changed_in_the_store_is_found_within_weeks(account: Account, book: Book) -> None:
    """With its size as it was nothing else tells."""
    key = fill(book, 5)[0]
    account.synced()
    path = account.home / "xml" / str(account.user) / f"{key}.xml"
    path.write_bytes(path.read_bytes().replace(b"EMPRESA", b"EMPRESO"))
    book.asked.clear()
    assert (account.synced().unchanged, book.asked) == (5, [])
    account.now += timedelta(days=READ_AGAIN_AFTER + SPREAD)
    counts = account.synced()
    assert (counts.unchanged, book.asked, path.read_bytes()) == (5, ["7001"], book.xml["7001"])
    assert counts.oldest_reading == account.now


def test_a_link_in_the_store_is_no_document(account: Account, book: Book, tmp_path: Path) -> None:
    key = book.add(1, DAY)
    account.synced()
    path = account.home / "xml" / str(account.user) / f"{key}.xml"
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * path.stat().st_size)
    path.unlink()
    path.symlink_to(secret)
    assert account.synced().unchanged == 1
    assert (path.is_symlink(), path.read_bytes(), secret.read_bytes()[:1]) == (False, book.xml["7001"], b"x")


def test_a_store_that_does_not_work_fails_the_month_without_naming_a_key(
    account: Account, book: Book
) -> None:
    key = book.add(1, DAY)
    folder = account.home / "xml" / str(account.user)
    folder.mkdir(parents=True)
    (folder / f"{key}.xml").mkdir()
    (folder / f"{key}.xml" / "x").touch()
    outcome = account.sync()
    assert outcome.status == "error"
    assert (key in str(outcome.error), account.rejects()) == (False, [])


def test_a_month_that_fails_beside_its_calls_leaves_the_next_month_alone(
    account: Account, book: Book
) -> None:
    fill(book, 3, OCTOBER)
    fill(book, 30, first=10)
    account.report = failing_report(2)
    outcomes = account.sync_months(OCTOBER, NOVEMBER)
    assert [one.status for one in outcomes.values()] == ["error", "success"]


def failing_report(number: int) -> Callable[..., None]:
    """A report of progress that fails once, at its call of that number of the stage `xml`."""
    calls = iter(range(1, 1000))

    def report(stage: str, **_done: object) -> None:
        if stage == "xml" and next(calls) == number:
            raise TransientError("The lock could not be looked at.")

    return report


def test_a_damaged_document_of_a_dead_sync_is_replaced(account: Account, book: Book) -> None:
    key = book.add(1, DAY)
    folder = account.home / "xml" / str(account.user)
    folder.mkdir(parents=True)
    (folder / f"{key}.xml").write_bytes(b"<nfeProc>")
    assert account.synced().inserted == 1
    assert (folder / f"{key}.xml").read_bytes() == book.xml["7001"]
