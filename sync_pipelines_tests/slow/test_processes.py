"""Commands that are killed: nothing half remains, and the next one goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.records.orphaned_runs import WatchedProject, reap_all
from sync_pipelines_tests.slow.conftest import World, period, until

pytestmark = pytest.mark.slow

TABLES = ("sync_private.dre_lines", "public.dre_hitss", "public.dre_orcado", "public.dre_summary")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox in the background that has been loaded once."""
    made = World(tmp_path_factory.mktemp("kills") / "world")
    try:
        status, output = made.finish(
            "sandbox", "up", "--home", str(made.home), "--scale", "0.05", "--wait", "0"
        )
        assert status == 0, output
        status, output = made.finish("run", "hitss", sandboxed=True)
        assert status == 0, output
        sweep(made)  # what the application left behind itself
        yield made
    finally:
        made.stop()


BUSY = "select count(*) from pg_stat_activity where application_name = 'sync_pipelines'"


def contents(world: World) -> list[object]:
    """What the tables hold, but for who wrote it when."""
    return [
        world.value(
            f"select md5(string_agg(v, '' order by v)) from (select ({kept(table)})::text as v from {table} as t) as x"
        )
        for table in TABLES
    ]


def kept(table: str) -> str:
    volatile = ["id", "execution_id", "loaded_at", "created_at", "updated_at", "last_sync_at"]
    return f"to_jsonb(t) - '{{{','.join(volatile)}}}'::text[]"


def sweep(world: World) -> list[str]:
    url = world.sandbox.environment({})["FABRICIO_DATABASE_URL"]
    return [
        row.id
        for _, row in reap_all([WatchedProject(system="hitss", what=FABRICIO, url=url, run_log=EXECUTIONS)])
    ]


def status_of(world: World, execution: str) -> str:
    return str(world.value(f"select status from automation_executions where id = '{execution}'"))


def test_the_demo_proves_everything_once_and_does_nothing_the_second_time(world: World) -> None:
    first_status, first = world.finish(*world.demo_command, "--once")
    second_status, second = world.finish(*world.demo_command, "--once")
    assert (first_status, second_status) == (0, 0), first + second
    assert "Everything is proved." in first
    rows = [line.split("│")[1:-1] for line in second.splitlines() if line.startswith("│dre_")]
    loaded = {cells[0].strip(): cells[2].strip() for cells in rows}
    assert loaded.pop("dre_export") != "0"
    assert loaded.pop("dre_backup") != "0"  # each run is a backup of its own
    tables = ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary", "dre_mirror")
    assert loaded == dict.fromkeys(tables, "0")
    assert "nothing to do" in " ".join(second.split())
    assert world.ours() == []


@pytest.mark.parametrize(("fault", "params"), [("hang", {}), ("slow", {"seconds": 300})])
def test_a_run_killed_while_it_downloads_leaves_only_a_row_to_sweep(
    loaded: World, fault: str, params: dict[str, object]
) -> None:
    before, landed = contents(loaded), loaded.value("select count(*) from ops.landed_files", "ops")
    loaded.fault(fault, times=1, **params)
    victim = loaded.start("run", "hitss", sandboxed=True)
    (execution,) = until(lambda: loaded.open_executions() or None, "the execution's row")
    until(lambda: fault not in loaded.faults(), "the request")
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert loaded.open_executions() == [execution]
    assert until(lambda: sweep(loaded) or None, "the end of its lock", 20) == [execution]
    assert status_of(loaded, execution) == "failed"
    assert contents(loaded) == before
    assert loaded.value("select count(*) from ops.landed_files", "ops") == landed
    status, output = loaded.finish("run", "hitss", sandboxed=True)
    assert (status, loaded.open_executions()) == (0, []), output
    incoming = [path for path in (loaded.home / "landing").rglob("*") if path.suffix not in {"", ".xlsx"}]
    assert incoming == []


def test_a_run_killed_in_the_middle_of_a_month_leaves_no_half_month(loaded: World) -> None:
    before = contents(loaded)
    loaded.fault("realizado_restated", times=1, month=period(0))
    with loaded.writes_blocked("dre_summary") as somebody_waits:
        victim = loaded.start("run", "hitss", sandboxed=True)
        until(somebody_waits, "the load's last table")
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        (execution,) = loaded.open_executions()
        assert contents(loaded) == before
    until(lambda: sweep(loaded) or None, "the end of its lock", 20)
    until(lambda: not loaded.value(BUSY), "the end of its backends", 20)
    assert status_of(loaded, execution) == "failed"
    assert contents(loaded) == before
    loaded.fault("realizado_restated", times=1, month=period(0))
    status, output = loaded.finish("run", "hitss", sandboxed=True)
    assert (status, loaded.open_executions()) == (0, []), output
    assert contents(loaded) != before
