"""The calls of a sync in which nothing has changed: what detecting a change costs, by vendor."""

from __future__ import annotations

from benchmarks.erp.stage import stage, step

NOTES = 1_000

SYNCS = """
from dataclasses import replace
from sync_pipelines.erp.connections.control import read_connections
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from benchmarks.erp.virtual_time import VirtualTime
time, settings, found = VirtualTime(), read_as(ErpSettings, None), {}
access = VendorAccess(settings, budget_options={"clock": time.clock, "sleep": time.sleep})
sync = replace(ConnectionSync.from_settings(settings), access=access)
for one in read_connections(settings.erp_url):
    for number in ("first", "second"):
        outcome = sync.sync(one.id, run_id=number)
        assert not outcome.failed, outcome.failed
        assert number == "first" or not outcome.records_synced
        found[f"{one.erp_type}_{number}"] = outcome.calls
    found[f"{one.erp_type}_read"] = outcome.modules["nfe"].counts.read
measured(**found)
"""


def measure() -> None:
    """Print the calls of a first and of a second sync."""
    with stage(omie=1, bling=1, notes=NOTES) as settings:
        found = step(SYNCS, settings)
    for erp_type in ("omie", "bling"):
        print(
            f"calls, {erp_type}: {found[f'{erp_type}_second']:.0f} in a second sync of"
            f" {found[f'{erp_type}_read']:,.0f} listed invoices and 40 products,"
            f" {found[f'{erp_type}_first']:,.0f} in the first",
            flush=True,
        )
