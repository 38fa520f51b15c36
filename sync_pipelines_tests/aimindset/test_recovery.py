"""What a day finds when another run is at work, died, or was cut off; and stores that somebody else cleaned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.archive.pipeline import Archiver
from sync_pipelines.aimindset.backup.load import BusyError, Moment
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines.lib.storage.landing import FolderStore
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.test_pipeline import (
    KilledError,
    problem,
    rename_function,
    replace_function,
)

GENERATIONS = "select count(distinct backup_id) from backup_articles"
TOMORROW = "2026-11-25"


def killed_at(house: Project, moment: Moment) -> None:
    """A day whose process ended at a moment."""

    def kill(reached: Moment, connection: Connection) -> None:
        if reached == moment:
            raise KilledError

    with pytest.raises(KilledError):
        replace(house, backups=replace(house.backups, at=kill)).day(wanted=[ASSET])


def tomorrow(house: Project) -> Project:
    return replace(house, backups=replace(house.backups, clock=lambda: NOW + timedelta(days=1)))


def half_an_archive(house: Project, archive_id: str) -> list[Any]:
    """What an archive of ours that is being written looks like."""
    house.catalog.record(
        Backup(
            asset=archives.ASSET,
            partition_key=TODAY,
            name=archive_id,
            made_at=NOW,
            proved=False,
            rows=0,
            bytes=None,
            details={"begun": True},
            run_id="other",
        )
    )
    return files_of_an_archive(house, archive_id)


def files_of_an_archive(house: Project, archive_id: str) -> list[Any]:
    store = house.backups.archiver.store
    with store.incoming(archives.PREFIX, ".zst") as path:
        path.write_bytes(b"half")
        store.put(path, f"{archives.PREFIX}/{archive_id}/public.articles.copy.zst")
    return store.names(f"{archives.PREFIX}/{archive_id}")


def test_the_unfinished_archive_of_a_living_run_is_left_alone(house: Project) -> None:
    """Two runs at once: the second takes no file of the first for what a crash left."""
    at_work, go = threading.Event(), threading.Event()

    def write_slowly(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            at_work.set()
            assert go.wait(20)

    slow = replace(house, backups=replace(house.backups, at=write_slowly))
    days: list[Any] = []
    thread = threading.Thread(target=lambda: days.append(slow.day()))
    thread.start()
    assert at_work.wait(20)
    written = half_an_archive(house, "20261124T063000000001Z")
    try:
        second = house.day()
        left = house.backups.archiver.store.names(f"{archives.PREFIX}/20261124T063000000001Z")
    finally:
        go.set()
        thread.join()

    assert left == written != []
    assert {type(error) for error in second.problems.values()} == {BusyError}
    assert second.delivery is None
    (first,) = days
    assert first.problems == {}
    # Who comes after both takes away what nobody alive was writing.
    assert house.day().problems == {}
    assert house.backups.archiver.store.names(f"{archives.PREFIX}/20261124T063000000001Z") == []


def test_a_run_that_waited_outside_finds_the_day_done(house: Project) -> None:
    generations = house.value(GENERATIONS)
    assert house.day().problems == {}
    assert set(house.day().already) == {ASSET, archives.ASSET}
    assert house.value(GENERATIONS) == generations + 1


def test_a_committed_copy_is_not_forgotten_while_the_database_is_away(house: Project) -> None:
    """An error is not an answer: a database that does not answer has not said that the copy is absent."""
    generations = house.value(GENERATIONS)
    killed_at(house, "committed")
    away = house.with_(aimindset_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/projeto")
    assert "aimindset database" in str(away.day(wanted=[ASSET]).problems[ASSET])

    day = house.day(wanted=[ASSET])

    assert ASSET in day.already
    assert house.value(GENERATIONS) == generations + 1


def test_a_settled_copy_gets_the_row_that_the_panel_reads_once(house: Project) -> None:
    killed_at(house, "committed")
    assert house.logged("auto_backup") == []
    for _ in range(2):
        house.day(wanted=[ASSET])
    assert len(house.logged("auto_backup")) == 1


def test_a_copy_of_yesterday_is_settled_today(house: Project) -> None:
    killed_at(house, "committed")
    assert tomorrow(house).day(TOMORROW, wanted=[ASSET]).problems == {}
    assert {copy.partition_key: copy.proved for copy in house.catalog.backups(ASSET)} == {
        TODAY: True,
        TOMORROW: True,
    }


def test_a_log_that_takes_no_row_does_not_cost_the_proof(house: Project) -> None:
    house.database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.type like 'auto%' then raise 'não'; end if; return new; end$$;"
        " create trigger refuse before insert on system_logs for each row execute function refuse()"
    )
    assert "system_logs" in problem(house, wanted=[ASSET])
    assert house.catalog.newest_proved(ASSET) is not None
    assert len(house.fake.alerts) == 1


def test_an_archive_that_lost_its_manifest_keeps_its_rows_and_counts_for_nothing(house: Project) -> None:
    """What the catalog knows is no leftover of a crash: a person may still save the rows."""
    short = house.with_(aimindset_archive_retention="1 daily, at least 1")
    day = short.day()
    assert day.archive is not None
    store = house.backups.archiver.store
    folder = f"{archives.PREFIX}/{day.archive.id}"
    files = store.names(folder)
    store.remove(f"{folder}/manifest.json")

    later = tomorrow(short).day(TOMORROW)

    assert later.problems == {}
    assert len(store.names(folder)) == len(files) - 1


def test_archives_that_somebody_removed_fill_no_place_of_the_policy(house: Project) -> None:
    short = house.with_(aimindset_archive_retention="2 daily, at least 2")
    first = short.day()
    second = tomorrow(short).day(TOMORROW)
    assert first.archive is not None
    assert second.archive is not None
    archiver = short.backups.archiver
    archiver.remove(second.archive.id)

    pruning = archiver.prune(house.catalog, NOW + timedelta(days=1))

    assert list(pruning.plan.keep) == [first.archive.id]
    assert pruning.damaged == {second.archive.id: ["somebody removed it from the store."]}
    assert [copy.name for copy in house.catalog.backups(archives.ASSET)] == [first.archive.id]


def test_an_archive_that_is_gone_is_made_again_on_the_same_day(house: Project) -> None:
    day = house.day()
    assert day.archive is not None
    house.backups.archiver.remove(day.archive.id)
    again = house.day()
    assert set(again.already) == {ASSET}
    assert again.archive is not None


def test_a_folder_that_is_no_archive_of_ours_stays(house: Project) -> None:
    assert files_of_an_archive(house, "anotacoes")
    house.day()
    assert house.backups.archiver.store.names(f"{archives.PREFIX}/anotacoes") != []


def test_an_unknown_manifest_that_cannot_be_believed_is_not_called_entered(house: Project) -> None:
    store = house.backups.archiver.store
    with store.incoming(archives.PREFIX, ".json") as path:
        path.write_text("{}")
        store.put(path, f"{archives.PREFIX}/20260101T000000000000Z/manifest.json")
    said: list[str] = []
    assert house.day(tell=said.append).problems == {}
    assert not [line for line in said if "crash" in line]


@dataclass(frozen=True)
class FullStore(FolderStore):
    """A store whose disk is full: the kernel says so at the first byte."""

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        yield Path("/dev/full")


def test_a_full_disk_while_archiving_is_a_sentence_and_leaves_nothing(house: Project, tmp_path: Path) -> None:
    archiver = Archiver(FullStore(tmp_path / "full"), Policy.parse("at least 1"))
    with (
        archives.snapshot(house.url) as (reader, _),
        pytest.raises(
            PermanentError, match=r"The archive of public\.articles could not be written: No space"
        ),
    ):
        archiver.write(reader, house.catalog, partition_key=TODAY, made_at=NOW, run_id="r")
    assert archiver.store.names(archives.PREFIX) == []
    assert house.catalog.backups(archives.ASSET) == []


def test_a_store_that_cannot_be_written_fails_the_archive_alone(house: Project) -> None:
    """The backup stands, and the day is told once."""
    landing = Path(house.backups.settings.landing_url)
    landing.mkdir()
    (landing / "aimindset").write_text("in the way")
    day = house.day()

    assert set(day.problems) == {archives.ASSET}
    assert len(house.logged("auto_backup")) == 1
    assert len(house.logged("auto_backup_error")) == 1
    assert len(house.fake.alerts) == 1
    assert list(house.day().already) == [ASSET]
    assert len(house.fake.alerts) == 1


@pytest.mark.parametrize("granted", ["", "grant usage on schema cron to mere"])
def test_a_role_that_may_not_see_the_cron_jobs_backs_up_all_the_same(house: Project, granted: str) -> None:
    info = house.database.info
    house.database.execute(
        "create schema cron; create table cron.job (jobname text, command text, active boolean)"
    )
    house.database.execute("drop role if exists mere")
    house.database.execute(
        "create role mere login bypassrls password 'uma-senha-longa'; grant usage on schema public to mere;"
        " grant all on all tables in schema public to mere; grant all on all sequences in schema public to mere;"
        " grant execute on all functions in schema public to mere"
    )
    try:
        if granted:
            house.database.execute(granted.encode())
        url = f"postgresql://mere:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        day = house.with_(aimindset_database_url=url).day(wanted=[ASSET])
        assert day.problems == {}
        assert day.look is not None
        assert "our role may not see pg_cron's jobs" in " ".join(day.look.notes)
    finally:
        house.database.execute("drop owned by mere")
        house.database.execute("drop role mere")


def test_comments_without_an_article_are_told_as_such(house: Project) -> None:
    """Trap 7: zero articles but comments present."""
    with psycopg.connect(house.url, autocommit=True) as other:
        other.execute("set session_replication_role = replica")
        other.execute("delete from articles")
    assert "[not_empty] There is no article to back up, with 25 comments" in problem(house)


def test_the_rpc_way_knows_an_empty_and_a_collapsed_project(house: Project) -> None:
    """Trap 7 over HTTP, where nothing can be rolled back."""
    rpc = house.with_(aimindset_backup_by="rpc")
    assert rpc.day().problems == {}
    house.database.execute("delete from comments where id in (select id from comments offset 1)")
    said = problem(rpc, force=True)
    assert "[not_collapsed] comments: 1 rows, 25 in the last backup. It is there" in said
    house.database.execute("delete from articles")
    assert "[not_empty]" in problem(rpc, force=True)
    assert len(house.fake.alerts) == 1


def test_a_functions_error_is_told_without_the_values_that_it_quotes(house: Project) -> None:
    """SQLERRM quotes the value that it could not read, and this text goes into mails."""
    replace_function(
        house,
        "begin return json_build_object('success', false, 'backup_id', gen_random_uuid(), 'error',"
        " 'invalid input syntax for type uuid: \"Fulana de Tal\" fulana@example.com'); end",
    )
    said = problem(house)
    assert said == 'backup_all_data() failed: invalid input syntax for type uuid: "…" ….'
    assert "Fulana" not in str(house.fake.alerts)
    assert "Fulana" not in str(house.logged("auto_backup_error"))


def test_the_last_day_before_the_edge_of_thirty_is_compared(house: Project) -> None:
    """Trap 18: a function that copies fewer days than it says is found out."""
    house.database.execute(
        "insert into app_logs (level, created_at) values ('info', now() - interval '29 days 12 hours')"
    )
    rename_function(
        house,
        "delete from app_logs_backup where created_at < now() - interval '29 days';"
        " answer := (answer::jsonb || jsonb_build_object("
        "   'app_logs_count', (select count(*) from app_logs_backup),"
        "   'total_records', (answer ->> 'total_records')::int - (answer ->> 'app_logs_count')::int"
        "     + (select count(*) from app_logs_backup)))::json;",
    )
    assert "app_logs" in problem(house)
