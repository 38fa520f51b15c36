"""The demo as it runs in the background: what a person starts by GraphQL, and what the daemon does alone."""

from __future__ import annotations

import os
import re
import signal
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg import sql

from sync_pipelines.sandbox.hitss.request import MANAGER, Caller
from sync_pipelines_tests.slow.conftest import World, free_port, month, period, serves, until

pytestmark = pytest.mark.slow

LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "sync_pipelines"}
TABLES = ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary")
BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename
  ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL_STATE = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status error { message } runs(limit: 50) { id status } } } }"""
PARTITIONS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } } } } }"""
AUTOMATION = """query($r: RepositorySelector!) { repositoryOrError(repositorySelector: $r) {
  ... on Repository { sensors { name sensorState { status } } schedules { name scheduleState { status } } } } }"""
LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUNS = """query($f: RunsFilter) { runsOrError(filter: $f, limit: 50) { ... on Runs {
  results { runId status jobName tags { key value } } } } }"""
FINISHED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


@dataclass
class Served:
    """The demo with its UI up."""

    world: World
    port: int

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql",
            json={"query": query, "variables": variables},
            timeout=30,
        )
        body = answer.json()
        assert "errors" not in body, body
        (data,) = body["data"].values()
        return dict(data)

    def runs(self, **conditions: object) -> list[dict[str, Any]]:
        return list(self.ask(RUNS, f=conditions)["results"])

    def launch(self, job: str) -> str:
        selector = {**LOCATION, "jobName": job}
        answer = self.ask(LAUNCH, p={"selector": selector, "runConfigData": {}})
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def status(self, run_id: str) -> str:
        (run,) = self.runs(runIds=[run_id])
        return str(run["status"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = World(tmp_path_factory.mktemp("served") / "world")
    port = free_port()
    try:
        demo = world.demo("--port", str(port))
        until(lambda: serves(port) or demo.poll() is not None, "the UI", 300)
        assert demo.poll() is None, world.log.read_text()
        until(lambda: "Dagster is at" in world.log.read_text(), "the sentence that says where the UI is")
        yield Served(world, port)
    finally:
        world.stop()


def test_schedules_and_sensors_are_on(served: Served) -> None:
    found = served.ask(AUTOMATION, r=LOCATION)
    sensors = {one["name"]: one["sensorState"]["status"] for one in found["sensors"]}
    schedules = {one["name"]: one["scheduleState"]["status"] for one in found["schedules"]}
    off = {name for name, status in (sensors | schedules).items() if status != "RUNNING"}
    assert off == {"scouter_push_hourly"}, "the hourly push alone waits for its setting"
    assert {"hitss_changed_months", "hitss_mirror_after_load", "dead_run_sweeper"} <= sensors.keys()
    assert {"hitss_download_weekdays", "hitss_backup_daily", "aimindset_backup_daily"} <= schedules.keys()


def test_a_range_of_months_is_one_run_that_succeeds(served: Served) -> None:
    first, last = f"{month(5)}-01", f"{month(2)}-01"
    wanted = [
        {"assetKey": {"path": ["hitss", name]}, "partitions": {"range": {"start": first, "end": last}}}
        for name in TABLES
    ]
    launched = served.ask(BACKFILL, p={"partitionsByAssets": wanted})
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def ended() -> dict[str, Any] | None:
        state = served.ask(BACKFILL_STATE, id=launched["backfillId"])
        return state if state["status"] in FINISHED else None

    state = until(ended, "the end of the backfill", 120)
    assert state["status"] == "COMPLETED_SUCCESS", state
    assert [run["status"] for run in state["runs"]] == ["SUCCESS"]
    for name in TABLES:
        statuses = served.ask(PARTITIONS, key={"path": ["hitss", name]})["assetPartitionStatuses"]["ranges"]
        made = [one for one in statuses if one["status"] == "MATERIALIZED"]
        assert any(one["startKey"] <= first and last <= one["endKey"] for one in made), statuses


def test_a_worker_that_dies_in_a_month_is_reported_swept_and_made_good(served: Served) -> None:
    """A download by GraphQL changes a month; the sensor loads it; the worker is killed; all heals alone."""
    world = served.world
    summary = f"select receita, custo from dre_summary where competencia = '{month(0)}-01'"
    before = world.rows(summary)
    world.fault("realizado_restated", times=1, month=period(0))
    with world.writes_blocked("dre_summary") as somebody_waits:
        download = served.launch("hitss_download")
        until(lambda: served.status(download) == "SUCCESS", "the download", 90)
        until(somebody_waits, "the load that the sensor requests", 120)
        (load,) = served.runs(pipelineName="hitss_load", statuses=["STARTED"])
        tags = {tag["key"]: tag["value"] for tag in load["tags"]}
        assert tags["dagster/sensor_name"] == "hitss_changed_months"
        assert tags["dagster/asset_partition_range_start"] == f"{month(0)}-01"
        (dead,) = world.open_executions()
        os.kill(worker_of(world, load["runId"]).pid, signal.SIGKILL)
        until(lambda: served.status(load["runId"]) == "FAILURE", "the end of the killed run", 60)
        assert world.rows(summary) == before

    def swept() -> bool:
        return bool(world.value(f"select status = 'failed' from automation_executions where id = '{dead}'"))

    until(swept, "the sweeping of the dead execution", 150)
    until(lambda: world.rows(summary) != before, "the month's second load", 150)
    until(lambda: not served.runs(statuses=["QUEUED", "STARTING", "STARTED"]), "the end of all runs", 90)
    assert world.open_executions() == []


def worker_of(world: World, run_id: str) -> psutil.Process:
    """The process of a run, by what its events say; of this world, or the test stops."""
    with world.connect("dagster") as connection:
        events = connection.execute("select event from event_logs where run_id = %s", (run_id,)).fetchall()
    pids = [int(pid) for (event,) in events for pid in re.findall(r"in process \(pid: (\d+)\)", event)]
    process = psutil.Process(pids[-1])
    assert process.environ()["DAGSTER_HOME"] == str(world.home / "dagster")
    return process


def test_a_failed_run_is_told_to_a_person(served: Served) -> None:
    def told() -> bool:
        log = (served.world.home / "dagster" / "dagster.log").read_text(errors="replace")
        return "ALERTA [erro]" in log and "execução interrompida" in log and "execução falhou" in log

    until(told, "the alerts in the log", 90)


def test_nothing_that_was_written_names_a_person_or_the_caller(served: Served) -> None:
    """Looks at what all tests above made: files, Dagster's database, the application's log, our index."""
    secrets = [Caller().login, MANAGER, MANAGER.replace(" ", "%20"), "usuarioFiltro=", "FICTICI"]
    secrets.append((served.world.home / "postgres" / "password").read_text())
    needles = [secret.encode() for secret in secrets]
    found = {
        place: needle.decode()
        for place, content in (*files(served.world), *tables(served.world))
        for needle in needles
        if needle in content
    }
    assert found == {}


def test_a_killed_demo_starts_again_and_ctrl_c_leaves_nothing_behind(served: Served) -> None:
    world, port = served.world, served.port
    first = world.started[-1]
    first.kill()
    first.wait()
    said = len(world.log.read_text())
    second = world.demo("--port", str(port))
    until(lambda: "Dagster is at" in world.log.read_text()[said:], "the second demo's UI", 240)
    until(lambda: serves(port), "an answer of the second demo")
    second.send_signal(signal.SIGINT)
    assert second.wait(60) == 0
    until(lambda: not world.ours(), f"the end of {world.ours()}", 20)
    assert not world.sandbox._postgres.is_running()
    assert not serves(port)


def files(world: World) -> Iterator[tuple[str, bytes]]:
    """What our processes wrote below the home; not the landed workbooks, and not what the upstream holds."""
    home = world.home
    apart = [
        home / "landing",
        home / "postgres" / "data",
        home / "hitss" / "hitss",
        home / "hitss" / "hitss.json",
    ]
    apart += [home / "postgres" / "password"]
    looked_at = 0
    for path in [*home.rglob("*"), world.log]:
        if path.is_file() and not any(path.is_relative_to(folder) for folder in apart):
            looked_at += 1
            yield str(path), path.read_bytes()
    assert looked_at > 5


def tables(world: World) -> Iterator[tuple[str, bytes]]:
    """Every row of every table that is not there to hold personal data, compressed values unpacked."""
    places = {
        "dagster": "table_schema = 'public'",
        "ops": "table_schema = 'ops' and table_name <> 'rejects'",
        "fabricio": "table_name in ('automation_executions', 'system_logs')",
    }
    for database, condition in places.items():
        with world.connect(database) as connection:
            names = connection.execute(
                "select table_schema, table_name from information_schema.tables"
                f" where table_type = 'BASE TABLE' and {condition}"
            ).fetchall()
            assert names
            for name in names:
                yield f"{database}.{name[1]}", b"\n".join(_rows(connection, name))


def _rows(connection: psycopg.Connection[Any], name: tuple[str, str]) -> Iterator[bytes]:
    for row in connection.execute(sql.SQL("select * from {}").format(sql.Identifier(*name))):
        for value in row:
            raw = value if isinstance(value, bytes) else str(value).encode()
            with suppress(zlib.error):
                raw = zlib.decompress(raw)
            yield raw
