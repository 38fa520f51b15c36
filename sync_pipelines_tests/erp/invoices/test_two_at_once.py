"""Two connections of one user that list the same invoices, at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill


def test_the_same_invoices_land_once(account: Account, book: Book) -> None:
    fill(book, 60)
    other_book = Book()
    fill(other_book, 80)
    other = account.another(other_book)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: one.sync(), (account, other)))
    assert [(one.status, str(one.error)) for one in outcomes] == [("success", "None")] * 2
    assert sum(one.counts.inserted for one in outcomes) == 80
    assert account.value("select count(*) from public.xml_imports") == 80
    assert account.value("select count(*) from public.xml_analysis") == 80
    assert (account.synced().unchanged, other.synced().unchanged) == (60, 80)


def test_documents_that_differ_in_their_bytes_are_one_invoice(account: Account, book: Book) -> None:
    """Each ERP gives the document as it has it: another layout of the same invoice."""
    fill(book, 20)
    other_book = Book()
    fill(other_book, 20)
    other_book.xml = {name: (xml or b"") + b"\n" for name, xml in other_book.xml.items()}
    other = account.another(other_book)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: one.sync(), (account, other)))
    assert sum(one.counts.inserted for one in outcomes if one.status == "success") in (20, 0)
    for _ in range(2):
        account.sync()
        other.sync()
    assert (account.synced().unchanged, other.synced().unchanged) == (20, 20)
