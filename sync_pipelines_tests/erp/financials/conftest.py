"""The fixtures of the financials: an account (`ledger`) and its connection, synced as the pipeline does it.

| fixture | what is in it at the start of a test |
|---|---|
| `ledger` | an account without titles, with the categories of `ledger.CATEGORIES` |
| `account` | a connection of a user with one company to the account, the databases, the store |
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines_tests.erp.financials.account import Account, new_account
from sync_pipelines_tests.erp.financials.ledger import Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def account(
    ledger: Ledger,
    erp: psycopg.Connection[Any],
    ops: psycopg.Connection[Any],
    erp_url: str,
    ops_url: str,
    tmp_path: Path,
) -> Account:
    return new_account(ledger, erp, ops, erp_url=erp_url, ops_url=ops_url, home=tmp_path)
