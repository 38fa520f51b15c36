"""A Postgres that is restarted, and processes that are killed, in the middle of a mirror and of a backup."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.stored import PREFIX
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.hitss.backup import load as dre_backup
from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.backup.tables import ASSET as DRE_BACKUP
from sync_pipelines.hitss.mirror.pipeline import EXECUTIONS, MirrorPipeline
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records.backups import open_backup_catalog
from sync_pipelines.lib.records.orphaned_runs import reap
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.aimindset.database import build
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.conftest import ROLES

pytestmark = pytest.mark.slow
Way = Literal["fast", "immediate"]
WAYS = pytest.mark.parametrize("way", ["fast", "immediate"])
MONTHS = tuple(f"2025-{month:02}-01" for month in range(1, 9))


@dataclass
class Place:
    """A server of the test's own with every database, and the settings that name them."""

    server: PostgresServer
    settings: Settings

    def restart(self, way: Way = "fast") -> None:
        """Stop and start: fast, which rolls back, or immediate, which is a crash that is recovered from."""
        if way == "immediate":
            self.ask(signal.SIGQUIT)
        self.server.stop()
        self.server.start()

    def ask(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        lock_file = self.server._data() / "postmaster.pid"
        os.kill(int(lock_file.read_text().split("\n", 1)[0]), number)

    def value(self, database: str, query: str) -> Any:
        with psycopg.connect(self.server.url(database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    @property
    def same(self) -> bool:
        """Whether source and mirror hold the same lines."""
        line = "concat(conta, valor, competencia, occurrence)"
        query = f"select md5(string_agg({line}, ',' order by occurrence)) from dre_hitss"
        return bool(self.value("fabricio", query) == self.value("hitss", query))

    @property
    def environment(self) -> dict[str, str]:
        named = {
            f"{name.upper()}_DATABASE_URL": self.server.url(name) for name in ("fabricio", "hitss", "ops")
        }
        return {
            **os.environ,
            **named,
            "LANDING_URL": self.settings.landing_url,
            "HITSS_FIRST_MONTH": "2025-01",
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with PostgresServer(tmp_path / "server") as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for role in ROLES:
                connection.execute(
                    f"create role {role} nologin {'bypassrls' if role == 'service_role' else ''}"
                )
        for history in (History("fabricio"), History("hitss"), OPS):
            runner.upgrade(history, server.create_database(history.name))
        with psycopg.connect(server.create_database("aimindset")) as connection:
            build(connection)
        with psycopg.connect(server.url("fabricio"), autocommit=True) as connection:
            connection.execute(
                "insert into dre_hitss (execution_id, conta, valor, periodo, competencia, line_hash, occurrence)"
                " select 'run', 'CLT', n, 1 + n % 8 || '/2025', make_date(2025, 1 + n % 8, 1), md5('x')::uuid, n"
                " from generate_series(1, 80000) as n"
            )
        settings = read_settings(
            None,
            fabricio_database_url=server.url("fabricio"),
            hitss_database_url=server.url("hitss"),
            aimindset_database_url=server.url("aimindset"),
            ops_database_url=server.url("ops"),
            landing_url=str(tmp_path / "landing"),
            hitss_first_month="2025-01",
        )
        yield Place(server, settings)


@WAYS
def test_a_restart_in_the_middle_of_a_mirror_is_survived(place: Place, way: Way) -> None:
    mirror = replace(MirrorPipeline.from_settings(place.settings), sleep=lambda _seconds: None)
    with mirror.open("run-1") as run:
        for number, month in enumerate(MONTHS):
            if number in (2, 5):
                place.restart(way)
            assert run.months.copy(month).proof.holds
    assert place.same
    for project in ("fabricio", "hitss"):
        assert (
            place.value(project, "select string_agg(status, ',') from automation_executions") == "completed"
        )


def test_a_server_that_is_asked_to_end_lets_the_mirror_finish_its_months(place: Place) -> None:
    """SIGTERM: no new connections, those that are there go on; then it is gone, and the run is told or swept."""
    with replace(MirrorPipeline.from_settings(place.settings), sleep=lambda _seconds: None).open(
        "run-1"
    ) as run:
        run.months.copy(MONTHS[0])
        place.ask(signal.SIGTERM)
        for month in MONTHS[1:]:
            assert run.months.copy(month).proof.holds
    place.server.stop()
    place.server.start()
    assert place.same
    for project in ("fabricio", "hitss"):
        swept(place, project)
        statuses = place.value(project, "select string_agg(distinct status, ',') from automation_executions")
        assert statuses in ("completed", "failed")


@WAYS
@pytest.mark.parametrize("moment", ["called", "compared"])
def test_a_restart_in_the_middle_of_a_backup_leaves_the_day_before(
    place: Place, way: Way, moment: Moment
) -> None:
    generations = "select count(distinct backup_id) from backup_articles"
    before = place.value("aimindset", generations)
    day = day_with_restart(place, way, moment)

    assert assets.BACKUP in day.problems
    assert place.value("aimindset", generations) == before
    assert place.value("aimindset", "select count(*) from system_logs where type = 'auto_backup_error'") == 1
    again = AimindsetPipeline.from_settings(place.settings)
    assert again.run("run-2", again.today().isoformat()).problems == {}
    assert place.value("aimindset", generations) == before + 1


@WAYS
def test_a_restart_after_the_commit_costs_no_second_backup(place: Place, way: Way) -> None:
    """Our own database went with it: what was announced there is found again."""
    generations = "select count(distinct backup_id) from backup_articles"
    before = place.value("aimindset", generations)
    day_with_restart(place, way, "committed")

    backups = AimindsetPipeline.from_settings(place.settings)
    again = backups.run("run-2", backups.today().isoformat())

    assert again.problems == {}
    assert assets.BACKUP in again.existing
    assert again.archive is not None
    assert place.value("aimindset", generations) == before + 1
    assert place.value("aimindset", "select count(*) from system_logs where type = 'auto_backup'") == 1
    names = {file.name.split("/")[2] for file in backups.archive.archives.store.names(PREFIX)}
    assert names == {again.archive.id}


def day_with_restart(place: Place, way: Way, at: Moment) -> Day:
    def restart(moment: Moment, connection: Connection) -> None:
        if moment == at:
            place.restart(way)

    backups = replace(AimindsetPipeline.from_settings(place.settings), probe=restart)
    return backups.run("run-1", backups.today().isoformat())


@WAYS
def test_a_restart_in_the_middle_of_a_dre_backup_leaves_no_table(place: Place, way: Way) -> None:
    """The server goes while the rows are copied: an index of a function that asks for it."""
    with psycopg.connect(place.server.url("fabricio"), autocommit=True) as connection:
        connection.execute("create function waiting(text) returns text language sql as 'select $1' immutable")
        connection.execute("create index slow on dre_hitss (waiting(conta))")
        connection.execute(
            "create or replace function waiting(text) returns text language plpgsql immutable as"
            " $$begin perform pg_sleep(0.01); return $1; end$$"
        )
    failed: list[SyncError] = []

    def back_up() -> None:
        try:
            BackupPipeline.from_settings(place.settings).back_up("cut", f"{datetime.now(UTC):%Y-%m-%d}")
        except SyncError as error:
            failed.append(error)

    thread = threading.Thread(target=back_up)
    thread.start()
    copying = (
        'select count(*) from pg_stat_activity where query like \'insert into "public"."dre_hitss_backup%\''
    )
    until(lambda: place.value("fabricio", copying))
    place.restart(way)
    thread.join()

    assert [type(error) for error in failed] == [TransientError]
    assert (
        place.value("fabricio", "select count(*) from pg_class where relname like 'dre_hitss_backup%'") == 0
    )
    with open_backup_catalog(place.server.url("ops")) as catalog:
        assert catalog.backups(DRE_BACKUP) == []


RUN = """
import sys
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline
from sync_pipelines.settings import read_as
from sync_pipelines.settings.hitss import HitssSettings
with MirrorPipeline.from_settings(read_as(HitssSettings, None)).open("killed") as run:
    for month in run.databases.months:
        run.mirror(month)
        print(month, flush=True)
        sys.stdin.readline()
"""


@pytest.mark.parametrize("months", [0, 1, 4])
def test_a_mirror_killed_at_any_step_is_finished_by_the_next(place: Place, months: int) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", RUN],
        env=place.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdin is not None
    victim.stdout.readline()
    for _ in range(months):
        victim.stdin.write("\n")
        victim.stdin.flush()
        victim.stdout.readline()
    victim.stdin.write("\n")
    victim.stdin.flush()
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()

    until(lambda: swept(place, "hitss") or None)
    until(lambda: swept(place, "fabricio") or None)
    whole = "select count(*) from (select from dre_hitss group by competencia having count(*) <> 10000) as x"
    assert place.value("hitss", whole) == 0
    with MirrorPipeline.from_settings(place.settings).open("next") as run:
        for month in run.databases.months:
            run.mirror(month)
    assert place.same
    assert place.value("hitss", "select count(*) from automation_executions where status = 'running'") == 0


def swept(place: Place, database: str) -> bool:
    with psycopg.connect(place.server.url(database), autocommit=True) as connection:
        return bool(reap(connection, EXECUTIONS))


def until(found: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what a dying server process does by itself, within two seconds."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_dre_backup_cut_off_from_our_own_database_is_entered_by_the_next(place: Place) -> None:
    """Killed between the commit and the catalog: the table's own comment says what it is."""
    with dre_backup.connect(place.server.url("fabricio")) as connection:
        lost = dre_backup.back_up(connection, "killed")
    report = BackupPipeline.from_settings(place.settings).back_up("next", f"{datetime.now(UTC):%Y-%m-%d}")

    assert report.recovered == (lost.name,)
    with open_backup_catalog(place.server.url("ops")) as catalog:
        assert {copy.name: copy.proved for copy in catalog.backups(DRE_BACKUP)} == {
            lost.name: True,
            report.backup.name: True,
        }
