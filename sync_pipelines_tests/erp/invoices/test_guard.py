"""Invoices that a list lacks: too many stop the month, the others are asked for and never assumed to be cancelled."""

from __future__ import annotations

from datetime import timedelta

from sync_pipelines.erp.invoices.guard import MASS_REJECTION
from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState
from sync_pipelines.lib.failures import PermanentError, ThrottledError, TransientError
from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill


def remove(book: Book, *numbers: int) -> None:
    for number in numbers:
        del book.invoices_by_id[str(7000 + number)]


def vanished(account: Account) -> list[str]:
    rows = account.rows(
        "select vendor_id from sync_private.invoices where vanished_at is not null order by 1"
    )
    return [vendor_id for (vendor_id,) in rows]


def test_far_too_many_stop_the_month_until_a_person_accepts_it(account: Account, book: Book) -> None:
    fill(book, 40)
    account.synced()
    before = account.everything()
    remove(book, *range(1, 12))
    outcome = account.sync()
    assert isinstance(outcome.error, PermanentError)
    assert MASS_VANISHING in str(outcome.error)
    assert account.everything() == before
    counts = account.synced(accept=frozenset({MASS_VANISHING}))
    assert (counts.vanished, counts.unchanged) == (11, 29)
    assert account.synced().vanished == 0
    assert account.value("select count(*) from public.xml_imports") == 40


def test_a_month_that_becomes_empty_is_a_question(account: Account, book: Book) -> None:
    fill(book, 5)
    account.synced()
    book.invoices_by_id.clear()
    assert isinstance(account.sync().error, PermanentError)


def test_a_few_are_marked_and_asked_for_once_each(account: Account, book: Book) -> None:
    fill(book, 20)
    account.synced()
    book.asked.clear()
    remove(book, 3, 4)
    counts = account.synced()
    assert (counts.vanished, counts.unchanged, book.asked) == (2, 18, ["7003", "7004"])
    assert vanished(account) == ["7003", "7004"]
    assert account.value("select count(*) from public.xml_imports where nfe_status <> 'autorizada'") == 0
    assert (account.synced().vanished, book.asked) == (0, ["7003", "7004"])


def test_a_cancellation_that_is_attached_later_is_found(account: Account, book: Book) -> None:
    """Conta Azul lists no cancelled invoice, and may answer with the document alone until the event is attached."""
    account = account.another(book, "contaazul")
    fill(book, 20)
    account.synced()
    remove(book, 3, 4)
    for _ in range(7):
        book.asked.clear()
        account.synced()
        assert book.asked == ["7003", "7004"]
    book.asked.clear()
    account.now -= timedelta(hours=18)  # six hours after the last sync
    account.synced()
    account.synced()
    assert book.asked == []
    assert account.value("select count(*) from public.xml_imports where nfe_status <> 'autorizada'") == 0
    # What stands in a document that is stored is read again after 30 to 39 days: so is this.
    book.states["7003"] = InvoiceState.CANCELLED
    account.now += timedelta(days=39)
    account.synced()
    assert sorted({"7003", "7004"} & set(book.asked)) == ["7003", "7004"]
    assert account.value("select count(*) from public.xml_imports where nfe_status = 'cancelada'") == 1
    book.asked.clear()
    account.now += timedelta(days=39)
    account.synced()
    assert "7003" not in book.asked  # no cancellation is ever undone
    assert "7004" in book.asked


def test_of_very_many_those_are_asked_for_first_of_which_nothing_was_heard(
    account: Account, book: Book
) -> None:
    account = account.another(book, "contaazul")
    fill(book, 60)
    account.synced()
    remove(book, *range(1, 56))
    book.asked.clear()
    account.synced(accept=frozenset({MASS_VANISHING}))
    assert len(book.asked) == 50
    account.synced()
    assert len(set(book.asked)) == 55


def test_one_of_which_nothing_was_heard_is_asked_for_again(account: Account, book: Book) -> None:
    fill(book, 20)
    account.synced()
    remove(book, 3, 4)

    def fail(_invoice: Invoice) -> None:
        raise ThrottledError("API blocked.")

    book.before_xml = fail
    book.asked.clear()
    assert account.synced().vanished == 2
    assert book.asked == ["7003"]
    book.before_xml = lambda _invoice: None
    book.asked.clear()
    assert account.synced().vanished == 0
    assert account.synced().vanished == 0
    assert book.asked == ["7003", "7004"]


def test_far_too_many_documents_that_are_not_there_are_no_success(account: Account, book: Book) -> None:
    fill(book, 12)
    documents = dict(book.xml)
    book.xml.clear()
    outcome = account.sync()
    assert isinstance(outcome.error, TransientError)
    assert (outcome.counts.rejected, MASS_REJECTION in str(outcome.error)) == (12, True)
    assert account.synced(accept=frozenset({MASS_REJECTION})).rejected == 12
    book.xml.update(documents)
    assert account.synced().inserted == 12


def test_what_the_erp_says_of_a_vanished_invoice_counts(account: Account, book: Book) -> None:
    fill(book, 20)
    account.synced()
    account.erp.execute("update sync_private.credit_analyses set analysed = wanted")
    remove(book, 3)
    book.states["7003"] = InvoiceState.CANCELLED
    account.synced()
    assert account.rows("select nfe_status, count(*) from public.xml_imports group by 1 order by 1") == [
        ("autorizada", 19),
        ("cancelada", 1),
    ]
    assert account.value("select count(*) from sync_private.credit_analyses where analysed <> wanted") == 1
    assert account.synced().unchanged == 19


def test_what_somebody_wrote_into_our_rows_does_not_stop_the_guard(account: Account, book: Book) -> None:
    fill(book, 20)
    account.synced()
    account.erp.execute(
        "update sync_private.invoices set issue_date = 'infinity', state = 'x', listed_at = '0044-03-15 BC'"
    )
    remove(book, 3)
    assert account.synced().vanished == 1


def test_an_invoice_that_is_listed_again_is_as_before(account: Account, book: Book) -> None:
    fill(book, 20)
    account.synced()
    listed = book.invoices_by_id["7003"]
    remove(book, 3)
    account.synced()
    book.invoices_by_id["7003"] = listed
    book.asked.clear()
    counts = account.synced()
    assert (counts.unchanged, book.asked, vanished(account)) == (20, [], [])
