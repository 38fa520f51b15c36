"""A month of ten thousand invoices of twenty items, in a process of its own: its memory, and a second sync of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.large import given_of

pytestmark = pytest.mark.slow

INVOICES = 10_000
#: Not by getrusage: its peak begins with that of the process which started this one, and a test session is large.
MEASURED = """
import json, sys, time
from pathlib import Path
from sync_pipelines_tests.erp.invoices.large import large_account

account = large_account(json.loads(sys.argv[1]), int(sys.argv[2]))
for _ in range(2):
    began, cpu = time.monotonic(), time.process_time()
    outcome = account.sync()
    counts = outcome.counts
    said = {"status": outcome.status, "inserted": counts.inserted, "unchanged": counts.unchanged}
    said |= {"seconds": round(time.monotonic() - began, 1), "cpu": round(time.process_time() - cpu, 1)}
    said |= {"asked": len(account.book.asked), "error": str(outcome.error)}
    account.book.asked.clear()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps(said | {"peak": int(status["VmHWM"].split()[0])}))
"""


def test_ten_thousand_invoices_take_less_than_250_mb(account: Account) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, json.dumps(given_of(account)), str(INVOICES)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert run.returncode == 0, run.stderr
    first, second = map(json.loads, run.stdout.splitlines())
    assert (first["status"], first["inserted"]) == ("success", INVOICES)
    assert (second["unchanged"], second["asked"]) == (INVOICES, 0)
    assert second["peak"] < 250 << 10
