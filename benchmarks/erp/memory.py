"""The peak memory of one process that syncs 10,000 invoices of an Omie account: the pipeline without Dagster.

They are those of a year, in one sync: it lists them as one and takes them month by month.
"""

from __future__ import annotations

from benchmarks.erp.stage import stage, step

SYNC = """
import time as real
from datetime import timedelta
from dataclasses import replace
from sync_pipelines.erp.connections.control import read_connections
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.erp.window import months_between
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from benchmarks.erp.virtual_time import VirtualTime
time, settings = VirtualTime(), read_as(ErpSettings, None)
access = VendorAccess(settings, budget_options={"clock": time.clock, "sleep": time.sleep})
(connection,) = read_connections(settings.erp_url)
today = time.clock().date()
months = months_between(today - timedelta(days=335), today)
began = real.monotonic()
outcome = replace(ConnectionSync.from_settings(settings), access=access).sync(
    connection.id, run_id="bench", months=months
)
assert not outcome.failed, outcome.failed
counts = outcome.modules["nfe"].counts
measured(seconds=real.monotonic() - began, read=counts.read, inserted=counts.inserted, calls=outcome.calls,
         analysed=outcome.credits.analysed)
"""


def measure(notes: int) -> None:
    """Print the peak of a first sync and of a second one."""
    with stage(omie=1, bling=0, notes=notes) as settings:
        for name in ("first", "second"):
            found = step(SYNC, settings)
            print(
                f"memory, {name} sync of {found['read']:,.0f} invoices: {found['peak']:.0f} MiB at the peak"
                f" (below 250), {found['cpu']:.0f} CPU s, {found['seconds']:.0f} s, {found['calls']:,.0f} calls,"
                f" {found['inserted']:,.0f} inserted, {found['analysed']:,.0f} analysed",
                flush=True,
            )
