"""What the button starts in the tests in place of `run erp`: a sync of a connection whose ERP takes no time.

Run as `python -m sync_pipelines_tests.erp.pressed_sync ERP_URL OPS_URL HOW --connection UUID [--modules …]`. HOW is
`fine`, `partly`, `breaks`, `dies` (while its row is open), `silent` (it ends before it has a row), or the key of an
advisory lock that it waits for, once it has notified `pressed`; `late` and the key: it does so before it has a row.
"""

from __future__ import annotations

import os
import signal
import sys
from uuid import UUID

import psycopg

from sync_pipelines.erp.connections.execution import ConnectionRuns, ConnectionWork
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
from sync_pipelines.lib import interruptions
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings


def main(erp_url: str, ops_url: str, how: str, *, named: str, asked: str) -> None:
    if how == "silent":
        raise SystemExit(1)
    if how.startswith("late"):
        wait(erp_url, int(how.removeprefix("late")))
    settings = read_as(ErpSettings, None, erp_database_url=erp_url, ops_database_url=ops_url)
    modules = [Module(one) for one in asked.split(",") if one] or None
    runs = ConnectionRuns.from_settings(settings, ["omie"])
    with (
        interruptions.raising(),
        runs.execution(UUID(named), run_id="pressed", modules=modules) as work,
    ):
        if how.isdigit():
            wait(erp_url, int(how))
        sync(work, how, modules or work.connection.modules)


def wait(erp_url: str, key: int) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("notify pressed")
        connection.execute("select pg_advisory_lock(%s)", [key])


def sync(work: ConnectionWork, how: str, modules: list[Module] | tuple[Module, ...]) -> None:
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "breaks":
        raise PermanentError("O banco está cheio.")
    for number, module in enumerate(modules, 1):
        work.outcome.modules[module] = ModuleOutcome(counts=Counts(inserted=number))
    if how == "partly":
        counts = Counts(inserted=2, rejected=3, unread=1)
        work.outcome.modules[Module.INVOICES] = ModuleOutcome("error", "Falta um mês.", counts)
        work.outcome.modules[Module.FINANCIALS] = ModuleOutcome("skipped", "Não há.")
        work.outcome.modules[Module.COMPANY].warnings["nome"] = "O nome difere."


if __name__ == "__main__":
    given = dict(zip(sys.argv[4::2], sys.argv[5::2], strict=True))
    main(*sys.argv[1:4], named=given["--connection"], asked=given.get("--modules", ""))
