"""What of the application's rows is none of the invoice's content: their connection, the moment of their creation."""

from __future__ import annotations

from uuid import uuid4

from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill


def test_an_import_that_names_the_connection_of_another_user_gets_its_own_back(
    account: Account, book: Book
) -> None:
    fill(book, 3)
    account.synced()
    other = add_connection(account.erp, uuid4(), "omie", credentials={})
    owners = "select distinct connection_id from public.xml_imports"
    before = account.erp.execute(owners.encode()).fetchall()
    account.erp.execute("update public.xml_imports set connection_id = %s", (other,))
    assert account.synced().changed == 3
    assert account.erp.execute(owners.encode()).fetchall() == before


def test_analyses_need_no_moment_of_creation(account: Account, book: Book) -> None:
    """The contract does not list the column."""
    fill(book, 3)
    account.erp.execute("alter table public.xml_analysis drop column created_at")
    assert account.synced().inserted == 3
    assert account.synced().unchanged == 3
