"""The fixtures of the invoices: an account (`book`) and its connection, synced as the pipeline does it.

| fixture | what is in it at the start of a test |
|---|---|
| `book` | an account without invoices |
| `account` | a connection of a user with a company to the account, the databases, the stores |
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines_tests.erp.invoices.account import Account, new_account
from sync_pipelines_tests.erp.invoices.book import Book


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def account(
    book: Book,
    erp: psycopg.Connection[Any],
    ops: psycopg.Connection[Any],
    erp_url: str,
    ops_url: str,
    tmp_path: Path,
) -> Account:
    return new_account(book, erp, ops, erp_url=erp_url, ops_url=ops_url, home=tmp_path)
