"""A sync of titles whose process is killed between two statements: whole months stay, and the next sync goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines_tests.erp.financials.account import Account
from sync_pipelines_tests.erp.financials.ledger import Ledger
from sync_pipelines_tests.erp.financials.test_financials import fill

pytestmark = pytest.mark.slow

#: The process kills itself at the third transaction, or once something was written to a table, as a trigger tells.
VICTIM = """
import json, os, signal, sys
from itertools import count
from sync_pipelines_tests.erp.financials.test_kills import account_of

def die(*_given):
    os.kill(os.getpid(), signal.SIGKILL)

account, transactions = account_of(json.loads(sys.argv[1])), count()
if sys.argv[2] == "transaction":
    account.fence = lambda _connection: die() if next(transactions) == 3 else None
else:
    account.fence = lambda connection: connection.add_notice_handler(die)
account.sync()
"""
NOTICE = (
    "create function public.tell() returns trigger language plpgsql as $$ begin raise notice 'written';"
    " return null; end $$;"
    "create trigger tell after insert or update on {table} for each row execute function public.tell()"
)


def account_of(given: dict[str, Any]) -> Account:
    """The account of a test in another process."""
    ledger = Ledger()
    fill(ledger)
    names = ("id", "user_id", "company_id")
    connection = ErpConnection(
        erp_type="omie", name="Teste", status="active", **{name: UUID(given[name]) for name in names}
    )
    erp, ops = (psycopg.connect(given[name], autocommit=True) for name in ("erp_url", "ops_url"))
    return Account(
        ledger,
        erp=erp,
        ops=ops,
        erp_url=given["erp_url"],
        ops_url=given["ops_url"],
        home=Path(given["home"]),
        connection=connection,
    )


@pytest.mark.parametrize(
    "where",
    [
        "transaction",
        "sync_private.title_categories",
        "sync_private.titles",
        "public.company_dre",
        "sync_private.dre_lines",
    ],
)
def test_whole_months_stay_and_the_next_sync_goes_on(account: Account, ledger: Ledger, where: str) -> None:
    fill(ledger)
    if where != "transaction":
        account.erp.execute(NOTICE.format(table=where).encode())
    one = account.connection
    given = {
        "id": str(one.id),
        "user_id": str(one.user_id),
        "company_id": str(one.company_id),
        "erp_url": account.erp_url,
        "ops_url": account.ops_url,
        "home": str(account.home),
    }
    command = [sys.executable, "-c", VICTIM, json.dumps(given), where]
    victim = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    months = dict(account.rows("select month, count(*) from sync_private.titles group by 1"))
    if where in ("sync_private.title_categories", "sync_private.titles"):
        assert months == {}
    elif where == "transaction":
        assert sorted(months.values()) == [3, 5]  # two months, each whole
    assert account.rows("select from public.company_dre") == []
    assert account.rows("select from sync_private.dre_lines") == []
    counts = account.synced()
    assert counts.inserted == 9 - sum(months.values())
    assert account.value("select count(*) from public.company_dre") == 4
    assert account.synced().unchanged == 9
