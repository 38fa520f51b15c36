"""Documents as fast as a vendor lets, on a virtual clock: one process, the real client, the real budget in Postgres.

The fakes refuse what is above the vendors' limits. The lists are out of the window when the documents begin; the calls
of the first window need not wait, and are left out of the share.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.erp.virtual_time import VirtualTime
from benchmarks.erp.world import company_of
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors import bling, omie
from sync_pipelines.erp.vendors.limits import CallLimit, Limits, Per
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings

#: Windows that the documents fill, by vendor: some minutes of Omie's, some hundred seconds of Bling's.
WINDOWS = {"omie": 4, "bling": 200}
_METHODS = {"omie": "ObterNfe", "bling": "invoice"}
_TIGHTEST = {"omie": Per.METHOD, "bling": Per.ACCOUNT}


def measure() -> None:
    """Print the share of the allowed calls that was made, and whether the vendor refused any."""
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        ops = server.create_database("ops")
        runner.upgrade(OPS, ops)
        for erp_type, limits in (("omie", omie.LIMITS), ("bling", bling.LIMITS)):
            _measure(erp_type, limits, ops)


def _measure(erp_type: str, limits: Limits, ops: str) -> None:
    limit = next(one for one in limits.calls if one.per is _TIGHTEST[erp_type])
    wanted, time = limit.calls * WINDOWS[erp_type], VirtualTime()
    with ExitStack() as stack:
        fake = _fake(erp_type, time, int(wanted * 1.5))
        stack.enter_context(fake)
        # The tokens' own database is never asked: they outlast the run.
        given: dict[str, Any] = {"ops_database_url": ops, "erp_database_url": ops}
        given[f"{erp_type}_url"] = fake.url
        settings = read_as(ErpSettings, None, **given)
        options = {"clock": time.clock, "sleep": time.sleep}
        access = VendorAccess(settings, {"sleep": time.sleep}, options)
        vendor = stack.enter_context(access.open(_connection(erp_type, fake)))
        today = time.clock().date()
        listed = [
            one
            for page in vendor.invoices(today - timedelta(days=90), today)
            for one in page.items
            if one.state is InvoiceState.AUTHORISED and one.model in (None, "55")
        ][:wanted]
        time.sleep(2 * limit.seconds)
        began, made = time.seconds, vendor.calls
        for one in listed:
            vendor.invoice_xml(one)
        spent, asked = time.seconds - began, vendor.calls - made
    refused = sum(call.status >= 400 for call in fake.calls.all)
    busiest = fake.calls.busiest(limit.seconds, _METHODS[erp_type])
    _print(erp_type, limit, asked=asked, spent=spent, refused=refused, busiest=busiest)


def _print(erp_type: str, limit: CallLimit, *, asked: int, spent: float, refused: int, busiest: int) -> None:
    share = (asked - limit.calls) / (limit.calls * spent / limit.seconds)
    print(
        f"limiter, {erp_type}: {share:.1%} of {limit.calls} calls in {limit.seconds:g} s used (at least 95 %),"
        f" {asked:,} calls, {refused} refused (0), at most {busiest} in a window",
        flush=True,
    )


def _fake(erp_type: str, time: VirtualTime, notes: int) -> OmieFake | BlingFake:
    """An account with the vendor's own limits, and enough invoices in the last three months."""
    company = company_of(1, notes * 2, lines=1)
    if erp_type == "omie":
        return OmieFake(company, clock=time.timestamp)
    return BlingFake(company, clock=time.timestamp)


def _connection(erp_type: str, fake: OmieFake | BlingFake) -> ErpConnection:
    credentials: dict[str, object]
    if isinstance(fake, OmieFake):
        credentials = {"app_key": fake.account.app_key, "app_secret": fake.account.app_secret}
    else:
        credentials = fake.account.credentials
    return ErpConnection(
        id=UUID(int=1 << 96),
        user_id=UUID(int=1),
        erp_type=erp_type,
        name="Benchmark",
        status="active",
        credentials=credentials,
    )
