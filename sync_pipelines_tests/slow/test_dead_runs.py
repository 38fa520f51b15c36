"""Commands that are killed or interrupted: what becomes of their runs in Dagster, and where the UI shows them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sync_pipelines.lib.orchestration.dead_runs import ENDED
from sync_pipelines_tests.slow.conftest import VARIABLES, World, free_port, month, serves, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
OPEN = "select run_id from runs where status not in ('SUCCESS', 'FAILURE', 'CANCELED')"
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "sync_pipelines"}
#: What the page of a job asks: its newest runs.
OF_JOB = """query($s: PipelineSelector!) { pipelineOrError(params: $s) { __typename
  ... on Pipeline { runs(limit: 50) { runId status } } } }"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox in the background that has been loaded once."""
    made = World(tmp_path_factory.mktemp("dead") / "world")
    try:
        up = ("sandbox", "up", "--home", str(made.home), "--scale", "0.05", "--wait", "0")
        for command, sandboxed in ((up, False), (("run", "hitss"), True)):
            status, output = made.finish(*command, sandboxed=sandboxed)
            assert status == 0, output
        yield made
    finally:
        made.stop()


def open_runs(world: World) -> list[str]:
    return [row[0] for row in world.rows(OPEN, "dagster")]


def hanging(world: World, fault: str = "hang", **params: object) -> tuple[subprocess.Popen[bytes], str]:
    """A command that waits for its download; its run in Dagster."""
    world.fault(fault, times=1, **params)
    command = world.start("run", "hitss", sandboxed=True)
    (run_id,) = until(lambda: open_runs(world) or None, "the run")
    until(lambda: fault not in world.faults(), "the request")
    return command, run_id


def status_of(world: World, run_id: str) -> str:
    return str(world.value(f"select status from runs where run_id = '{run_id}'", "dagster"))


def incoming(world: World) -> list[str]:
    return [str(path) for path in (world.home / "landing").rglob("incoming/*")]


def test_a_killed_run_is_ended_by_the_next_one(loaded: World) -> None:
    command, run_id = hanging(loaded)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    assert status_of(loaded, run_id) == "STARTED"
    assert incoming(loaded) != []
    until(lambda: not loaded.value(LOCKS, "ops"), "the end of its lock", 20)
    status, output = loaded.finish("run", "hitss", sandboxed=True)
    assert status == 0, output
    assert f"The run {run_id} of a process that is gone was ended." in " ".join(output.split())
    assert (status_of(loaded, run_id), open_runs(loaded), loaded.open_executions()) == ("FAILURE", [], [])
    assert loaded.value("select count(*) from concurrency_slots where run_id is not null", "dagster") == 0
    assert incoming(loaded) == []
    said = loaded.value(
        f"select event from event_logs where run_id = '{run_id}' and dagster_event_type = 'PIPELINE_FAILURE'",
        "dagster",
    )
    assert ENDED in said


LOCKS = (
    "select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database"
    " where locktype = 'advisory' and datname = 'ops'"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_run_ends_itself_and_leaves_nothing(loaded: World, number: signal.Signals) -> None:
    before = loaded.log.stat().st_size
    command, run_id = hanging(loaded)
    os.kill(command.pid, number)
    assert command.wait(30) in (128 + signal.SIGINT, 128 + number)
    output = loaded.log.read_bytes()[before:].decode()
    assert "Interrupted by SIG" in output
    assert "Traceback" not in output
    assert (status_of(loaded, run_id), open_runs(loaded), loaded.open_executions()) == ("FAILURE", [], [])
    assert not loaded.value(LOCKS, "ops")
    error = loaded.value(
        "select error_message from automation_executions"
        f" where execution_details ->> 'run_id' = '{run_id}' and status = 'failed'"
    )
    assert error.startswith("A execução foi interrompida antes do fim")


def test_a_run_that_waits_for_a_lock_in_a_thread_ends_all_the_same(loaded: World) -> None:
    with loaded.writes_blocked("dre_summary") as somebody_waits:
        loaded.fault("realizado_restated", times=1, month=f"{int(month(0)[5:])}/{month(0)[:4]}")
        command = loaded.start("run", "hitss", sandboxed=True)
        until(somebody_waits, "the load's last table")
        os.kill(command.pid, signal.SIGTERM)
        assert command.wait(30) == 128 + signal.SIGTERM
        assert (open_runs(loaded), loaded.open_executions()) == ([], [])
    status, output = loaded.finish("run", "hitss", sandboxed=True)
    assert status == 0, output


def test_runs_of_the_command_line_are_listed_under_their_job(loaded: World) -> None:
    port = free_port()
    given = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port)),
            *("-w", str(ROOT / "workspace.yaml")),
        ],
        env=given | loaded.sandbox.environment({}),
        cwd=loaded.home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: serves(port), "the UI", 90)
        ran = {row[0]: row[1] for row in loaded.rows("select run_id, pipeline_name from runs", "dagster")}
        for job in ("hitss_download", "hitss_load", "hitss_checks"):
            answer = httpx.post(
                f"http://127.0.0.1:{port}/graphql",
                json={
                    "query": OF_JOB,
                    "variables": {"s": {**SELECTOR, "pipelineName": job}},
                },
                timeout=30,
            ).json()
            shown = {run["runId"] for run in answer["data"]["pipelineOrError"]["runs"]}
            assert shown == {run_id for run_id, of in ran.items() if of == job} != set()
    finally:
        server.terminate()
        server.wait()


def test_a_database_that_is_lost_ends_the_command_in_a_sentence(loaded: World) -> None:
    """All of them at once, Dagster's too: nothing can be recorded any more, and a person still reads what happened."""
    before = loaded.log.stat().st_size
    command, _run_id = hanging(loaded, "slow", seconds=3)
    lock_file = loaded.sandbox._postgres._data() / "postmaster.pid"
    os.kill(int(lock_file.read_text().split("\n", 1)[0]), signal.SIGQUIT)
    assert command.wait(120) == 1
    output = loaded.log.read_bytes()[before:].decode()
    assert "Traceback" not in output
    assert "[SQL" not in output
    assert "database" in output
