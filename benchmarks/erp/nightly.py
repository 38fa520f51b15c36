"""Connections that are due at once, against fakes without latency: half of them Omie's, half Bling's.

Once by a process a connection as the daemon starts them, at most as many at once as `dagster.yaml` lets: each loads the
code location, runs the job over its connection in Dagster's Postgres, and ends. Once by `run erp`, one process with all
connections. Seconds of the processor are those of our processes; Postgres and the fakes are others. The budgets are the
vendors' own in virtual time where a step makes it; as the daemon runs, they are real, and a wait costs no processor.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from statistics import median

import psycopg

from benchmarks.erp.stage import Figures, begun, finished, stage, step

#: `tag_concurrency_limits` of dagster.yaml for `erp/connection`.
AT_ONCE = 4
NOTES = 100

ONE_RUN = """
import sys
import dagster as dg
from sync_pipelines.definitions import defs
key = sys.argv[1]
with dg.DagsterInstance.get() as instance:
    config = {"ops": {"erp_connection": {"config": {"only_if_due": True}}}}
    done = defs.resolve_job_def("erp_sync").execute_in_process(
        instance=instance, partition_key=key, run_config=config, tags={"erp/connection": key}, raise_on_error=False
    )
    assert done.success
measured()
"""
PARTITIONS = """
import sys
import dagster as dg
with dg.DagsterInstance.get() as instance:
    instance.add_dynamic_partitions("erp_connection", sys.argv[1:])
measured()
"""
#: As the command does it, with budgets whose waits move a clock.
ALL_AT_ONCE = """
from dataclasses import replace
from sync_pipelines.erp.defs.sync_run import run
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from benchmarks.erp.virtual_time import VirtualTime
time, settings = VirtualTime(), read_as(ErpSettings, None)
access = VendorAccess(settings, budget_options={"clock": time.clock, "sleep": time.sleep})
sync = replace(ConnectionSync.from_settings(settings), access=access)
report = run(settings, progress=lambda *_, **__: None, sync=sync)
assert report.succeeded, report.problems
measured()
"""


def measure(connections: int) -> None:
    """Print processor seconds a connection, and the memory, of both ways."""
    print(
        f"nightly: {connections} connections due at once, about {NOTES} invoices each, first sync and second"
    )
    half = connections // 2
    with stage(omie=connections - half, bling=half, notes=NOTES) as settings:
        keys = _keys(settings)
        step(PARTITIONS, settings, *keys)
        for name in ("first", "second"):
            _make_due(settings)
            _print(f"a run each, {name}", _by_daemon(keys, settings), connections)
    with stage(omie=connections - half, bling=half, notes=NOTES) as settings:
        for name in ("first", "second"):
            _make_due(settings)
            began = time.monotonic()
            found = step(ALL_AT_ONCE, settings)
            _print(f"run erp, {name}", found | {"seconds": time.monotonic() - began}, connections)


def _by_daemon(keys: list[str], settings: Mapping[str, str]) -> Figures:
    """All connections, a process each; the peak is that of the largest times those at once."""
    began, waiting, found = time.monotonic(), deque(keys), list[Figures]()
    going = deque(begun(ONE_RUN, settings, waiting.popleft()) for _ in range(min(AT_ONCE, len(keys))))
    try:
        while going:
            ended = next((one for one in going if one.poll() is not None), None)
            if ended is None:
                time.sleep(0.05)
                continue
            going.remove(ended)
            found.append(finished(ended))
            if waiting:
                going.append(begun(ONE_RUN, settings, waiting.popleft()))
    finally:
        for one in going:
            one.terminate()
    return {
        "cpu": sum(one["cpu"] for one in found),
        "median": median(one["cpu"] for one in found),
        "peak": max(one["peak"] for one in found) * AT_ONCE,
        "seconds": time.monotonic() - began,
    }


def _print(name: str, found: Figures, connections: int) -> None:
    print(
        f"  {name:20} {found['cpu'] / connections:6.2f} CPU s a connection (at most 12), {found['peak']:5.0f} MiB"
        f" (at most 2048), {found['seconds']:6.1f} s in all",
        flush=True,
    )


def _keys(settings: Mapping[str, str]) -> list[str]:
    with psycopg.connect(settings["ERP_DATABASE_URL"]) as connection:
        rows = connection.execute(
            "select erp_type::text, id from public.erp_connections order by created_at, id"
        )
        return [f"{erp_type}_{number.hex[:8]}" for erp_type, number in rows]


def _make_due(settings: Mapping[str, str]) -> None:
    with psycopg.connect(settings["ERP_DATABASE_URL"]) as connection:
        connection.execute("update public.erp_connections set next_sync_at = null")
