"""A sync whose process is killed: what came stays, nothing is half stored, and the next sync goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psycopg
import pytest

from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.large import given_of, large_account

pytestmark = pytest.mark.slow

INVOICES = 60
#: The process kills itself: at the 40th document, before the first statement of the month's transaction, or within it
#: once an analysis was written, as a trigger that notifies the process tells.
VICTIM = """
import json, os, signal, sys
from sync_pipelines_tests.erp.invoices.large import large_account

def die(*_given):
    os.kill(os.getpid(), signal.SIGKILL)

account = large_account(json.loads(sys.argv[1]), int(sys.argv[2]))
where = sys.argv[3]
if where == "document":
    account.book.before_document = lambda number: die() if number == 40 else None
elif where == "transaction":
    account.fence = die
else:
    account.fence = lambda connection: connection.add_notice_handler(die)
account.sync()
"""
NOTICE = (
    "create function public.tell() returns trigger language plpgsql as $$ begin raise notice 'written';"
    " return new; end $$;"
    "create trigger tell after insert on {table} for each statement execute function public.tell()"
)


@pytest.mark.parametrize(
    "where", ["document", "transaction", "public.xml_imports", "public.xml_analysis", "sync_private.invoices"]
)
def test_what_came_stays_and_the_next_sync_goes_on(account: Account, where: str) -> None:
    if "." in where:
        account.erp.execute(NOTICE.format(table=where).encode())
    command = [sys.executable, "-c", VICTIM, json.dumps(given_of(account)), str(INVOICES), where]
    victim = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert victim.returncode == -signal.SIGKILL, victim.stderr
    assert account.value("select count(*) from public.xml_imports") == 0
    assert account.value("select count(*) from sync_private.invoices") == 0
    kept = len(account.xml_store.names(str(account.user)))
    assert kept >= (30 if where == "document" else INVOICES)
    with psycopg.connect(account.erp_url) as erp, psycopg.connect(account.ops_url) as ops:
        survivor = large_account(given_of(account), INVOICES, connections=(erp, ops))
        assert survivor.synced().inserted == INVOICES
        assert len(survivor.book.asked) == INVOICES - kept
        assert survivor.synced().unchanged == INVOICES
