"""Two syncs of one connection: the lock, its loss, and who takes over; processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from sync_pipelines.erp.connections.at_work import connection_lock, read_at_work
from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.connections.tables import ORPHAN_LOG
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.orphaned_runs import OURS, reap
from sync_pipelines_tests.erp.connections.conftest import SERVED, START, Project

#: A sync that stores 5 products, says so, and goes on until it is killed.
SYNC = """
import sys
from uuid import UUID
from zoneinfo import ZoneInfo
from sync_pipelines.erp.connections.alerting import ConnectionAlerts
from sync_pipelines.erp.connections.execution import ConnectionRuns
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
url, one = sys.argv[1:]
with ConnectionRuns(url, {"omie"}, ConnectionAlerts([], ZoneInfo("UTC"))).execution(UUID(one), run_id="killed") as work:
    work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=5))
    work.record()
    print("stored", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_of_the_connection_touches_nothing(project: Project) -> None:
    one, other = project.put(), project.put()
    with project.runs.execution(one, run_id="first"):
        before = project.row(one)
        with pytest.raises(ConnectionBusyError, match="another run"), project.runs.execution(one, run_id="2"):
            pytest.fail("it must not begin")
        with project.runs.execution(other, run_id="other"):
            pass
        assert project.row(one) == before
        assert project.logged() == ["running", "success"]
    assert project.sent == []


def test_a_dead_sync_is_closed_by_the_reaper_and_leaves_the_connection_due(project: Project) -> None:
    one = project.put()
    with pytest.raises(ConnectionBusyError), project.runs.execution(one, run_id="run") as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=5))
        work.record()
        project.die(work)
        assert project.logged() == ["running"]
        assert [orphan.run_id for orphan in reap(project.connection, ORPHAN_LOG)] == ["run"]
        work.keep_lock()  # nobody else has the connection, so the lock is there again …
        with project.connection.transaction():
            work.fence(project.connection)  # … and the row is closed all the same
    assert project.logged("status::text, error_message, records_synced") == [("error", OURS, 5)]
    assert project.row(one).next_sync_at is None
    assert project.row(one).status == "active"


def test_a_sync_whose_lock_was_lost_and_taken_over_writes_nothing_more(project: Project) -> None:
    one = project.put()
    with (
        pytest.raises(ConnectionBusyError, match="taken over"),
        project.runs.execution(one, run_id="old") as old,
    ):
        with project.connection.transaction():
            old.fence(project.connection)
        project.die(old)
        with project.runs.execution(one, run_id="new") as new:
            assert project.logged("status::text, details ->> 'run_id'") == [
                ("error", "old"),
                ("running", "new"),
            ]
            with pytest.raises(ConnectionBusyError, match="writes nothing more"):
                old.keep_lock()
            with project.connection.transaction():
                new.fence(project.connection)
        old.fence(project.connection)
    assert project.logged("status::text, details ->> 'run_id'") == [("error", "old"), ("success", "new")]
    assert project.row(one).status == "active"
    assert project.sent == []


def test_taking_over_waits_for_a_write_that_has_passed_its_fence(project: Project) -> None:
    one = project.put()
    with pytest.raises(ConnectionBusyError), project.runs.execution(one, run_id="old") as old:
        project.die(old)
        with project.connection.transaction():
            old.fence(project.connection)
            with (
                psycopg.connect(project.url, options="-c lock_timeout=200ms") as other,
                pytest.raises(psycopg.errors.LockNotAvailable),
            ):
                other.execute("update erp_sync_logs set status = 'error' where status = 'running'")
        with project.runs.execution(one, run_id="new"):
            pass


def test_a_lost_session_alone_costs_nothing(project: Project) -> None:
    one = project.put()
    with project.runs.execution(one, run_id="run") as work:
        project.die(work)
        work.keep_lock()
        with pytest.raises(ConnectionBusyError), project.runs.execution(one, run_id="second"):
            pytest.fail("it must not begin")
        project.die(work)
    assert project.logged() == ["success"]


def test_of_two_runs_that_begin_at_once_one_works(project: Project) -> None:
    one = project.put()
    begun, both_looked = Barrier(2), Barrier(2)

    def sync(number: int) -> bool:
        begun.wait(30)
        try:
            with project.runs.execution(one, run_id=str(number)):
                both_looked.wait(30)
                return True
        except ConnectionBusyError:
            both_looked.wait(30)
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(sync, range(2))) == [False, True]
    assert project.logged() == ["success"]


def test_schedule_and_sensor_together_run_a_connection_once(project: Project) -> None:
    one = project.put(next_sync_at=START)
    runs = project.runs
    with runs.execution(one, run_id="schedule", only_if_due=True) as first:
        assert first.is_due
        with pytest.raises(ConnectionBusyError), runs.execution(one, run_id="sensor", only_if_due=True):
            pytest.fail("it must not begin")
    with runs.execution(one, run_id="sensor again", only_if_due=True) as late:
        assert late.outcome.skipped == "its next sync is at 2026-11-24 00:00 UTC"
    assert project.logged() == ["success"]


@pytest.mark.parametrize("takes_over", ["the reaper", "the next sync"])
def test_a_killed_process_leaves_a_row_that_is_closed_and_a_connection_that_is_due(
    project: Project, takes_over: str
) -> None:
    one = project.put()
    victim = subprocess.Popen(
        [sys.executable, "-c", SYNC, project.url, str(one)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "stored\n"
    assert read_at_work(project.url) == {one}
    assert reap(project.connection, ORPHAN_LOG) == []
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate(timeout=30)
    while postgres.is_held(project.connection, connection_lock(one)):
        pass  # until the server has noticed
    assert project.logged() == ["running"]
    assert read_at_work(project.url) == frozenset()
    assert is_due(project.row(one), START, SERVED)
    if takes_over == "the reaper":
        reap(project.connection, ORPHAN_LOG)
        assert project.logged("status::text, error_message, records_synced") == [("error", OURS, 5)]
        return
    with project.runs.execution(one, run_id="next", only_if_due=True) as work:
        assert work.is_due
    assert project.logged("status::text, records_synced") == [("error", 5), ("success", 0)]
