"""What a day finds when another run is at work, died, or was cut off; and stores that somebody else cleaned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.archive.pipeline import ArchivePipeline
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.database import open_snapshot
from sync_pipelines.aimindset.exclusion import BusyError
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.test_pipeline import (
    KilledError,
    problem,
    rename_function,
    replace_function,
)

GENERATIONS = "select count(distinct backup_id) from backup_articles"
TOMORROW = "2026-11-25"


def killed_at(project: Project, moment: Moment) -> None:
    """A day whose process ended at a moment."""

    def kill(reached: Moment, connection: Connection) -> None:
        if reached == moment:
            raise KilledError

    with pytest.raises(KilledError):
        project.with_probe(kill).day(wanted=[assets.BACKUP])


def tomorrow(project: Project) -> Project:
    return project.with_clock(lambda: NOW + timedelta(days=1))


def half_an_archive(project: Project, archive_id: str) -> list[Any]:
    """What an archive of ours that is being written looks like."""
    project.catalog.record(
        Backup(
            asset=assets.ARCHIVE,
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
    return files_of_an_archive(project, archive_id)


def files_of_an_archive(project: Project, archive_id: str) -> list[Any]:
    store = project.archives.store
    with store.incoming(stored.PREFIX, ".zst") as path:
        path.write_bytes(b"half")
        store.put(path, f"{stored.PREFIX}/{archive_id}/public.articles.copy.zst")
    return store.names(f"{stored.PREFIX}/{archive_id}")


def test_the_unfinished_archive_of_a_living_run_is_left_alone(project: Project) -> None:
    """Two runs at once: the second takes no file of the first for what a crash left."""
    at_work, go = threading.Event(), threading.Event()

    def write_slowly(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            at_work.set()
            assert go.wait(20)

    slow = project.with_probe(write_slowly)
    days: list[Any] = []
    thread = threading.Thread(target=lambda: days.append(slow.day()))
    thread.start()
    assert at_work.wait(20)
    written = half_an_archive(project, "20261124T063000000001Z")
    try:
        second = project.day()
        left = project.archives.store.names(f"{stored.PREFIX}/20261124T063000000001Z")
    finally:
        go.set()
        thread.join()

    assert left == written != []
    assert {type(error) for error in second.problems.values()} == {BusyError}
    assert second.delivery is None
    (first,) = days
    assert first.problems == {}
    # Who comes after both takes away what nobody alive was writing.
    assert project.day().problems == {}
    assert project.archives.store.names(f"{stored.PREFIX}/20261124T063000000001Z") == []


def test_a_run_that_waited_outside_finds_the_day_done(project: Project) -> None:
    generations = project.value(GENERATIONS)
    assert project.day().problems == {}
    assert set(project.day().existing) == {assets.BACKUP, assets.ARCHIVE}
    assert project.value(GENERATIONS) == generations + 1


def test_a_committed_copy_is_not_forgotten_while_the_database_is_away(project: Project) -> None:
    """An error is not an answer: a database that does not answer has not said that the copy is absent."""
    generations = project.value(GENERATIONS)
    killed_at(project, "committed")
    away = project.with_(aimindset_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/projeto")
    assert "aimindset database" in str(away.day(wanted=[assets.BACKUP]).problems[assets.BACKUP])

    day = project.day(wanted=[assets.BACKUP])

    assert assets.BACKUP in day.existing
    assert project.value(GENERATIONS) == generations + 1


def test_a_settled_copy_gets_the_row_that_the_panel_reads_once(project: Project) -> None:
    killed_at(project, "committed")
    assert project.logged("auto_backup") == []
    for _ in range(2):
        project.day(wanted=[assets.BACKUP])
    assert len(project.logged("auto_backup")) == 1


def test_a_copy_of_yesterday_is_settled_today(project: Project) -> None:
    killed_at(project, "committed")
    assert tomorrow(project).day(TOMORROW, wanted=[assets.BACKUP]).problems == {}
    assert {copy.partition_key: copy.proved for copy in project.catalog.backups(assets.BACKUP)} == {
        TODAY: True,
        TOMORROW: True,
    }


def test_a_log_that_takes_no_row_does_not_cost_the_proof(project: Project) -> None:
    project.database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.type like 'auto%' then raise 'não'; end if; return new; end$$;"
        " create trigger refuse before insert on system_logs for each row execute function refuse()"
    )
    assert "system_logs" in problem(project, wanted=[assets.BACKUP])
    assert project.catalog.newest_proved(assets.BACKUP) is not None
    assert len(project.fake.alerts) == 1


def test_an_archive_that_lost_its_manifest_keeps_its_rows_and_counts_for_nothing(project: Project) -> None:
    """What the catalog knows is no leftover of a crash: a person may still save the rows."""
    short = project.with_(aimindset_archive_retention="1 daily, at least 1")
    day = short.day()
    assert day.archive is not None
    store = project.archives.store
    folder = f"{stored.PREFIX}/{day.archive.id}"
    files = store.names(folder)
    store.remove(f"{folder}/manifest.json")

    later = tomorrow(short).day(TOMORROW)

    assert later.problems == {}
    assert len(store.names(folder)) == len(files) - 1


def test_archives_that_somebody_removed_fill_no_place_of_the_policy(project: Project) -> None:
    short = project.with_(aimindset_archive_retention="2 daily, at least 2")
    first = short.day()
    second = tomorrow(short).day(TOMORROW)
    assert first.archive is not None
    assert second.archive is not None
    short.archives.remove(second.archive.id)

    pruning = short.pipeline.archive.retention.plan(project.catalog, NOW + timedelta(days=1))

    assert list(pruning.plan.keep) == [first.archive.id]
    assert pruning.damaged == {second.archive.id: ["somebody removed it from the store."]}
    assert [copy.name for copy in project.catalog.backups(assets.ARCHIVE)] == [first.archive.id]


def test_an_archive_that_is_gone_is_made_again_on_the_same_day(project: Project) -> None:
    day = project.day()
    assert day.archive is not None
    project.archives.remove(day.archive.id)
    again = project.day()
    assert set(again.existing) == {assets.BACKUP}
    assert again.archive is not None


def test_a_folder_that_is_no_archive_of_ours_stays(project: Project) -> None:
    assert files_of_an_archive(project, "anotacoes")
    project.day()
    assert project.archives.store.names(f"{stored.PREFIX}/anotacoes") != []


def test_an_unknown_manifest_that_cannot_be_believed_is_not_called_entered(project: Project) -> None:
    store = project.archives.store
    with store.incoming(stored.PREFIX, ".json") as path:
        path.write_text("{}")
        store.put(path, f"{stored.PREFIX}/20260101T000000000000Z/manifest.json")
    said: list[str] = []
    assert project.day(log=said.append).problems == {}
    assert not [line for line in said if "crash" in line]


@dataclass(frozen=True)
class FullStore(FolderStore):
    """A store whose disk is full: the kernel says so at the first byte."""

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        yield Path("/dev/full")


def test_a_full_disk_while_archiving_is_a_sentence_and_leaves_nothing(
    project: Project, tmp_path: Path
) -> None:
    archives = StoredArchives(FullStore(tmp_path / "full"))
    pipeline = ArchivePipeline(archives, Policy.parse("at least 1"))
    with (
        open_snapshot(project.url) as (reader, _),
        pytest.raises(
            PermanentError, match=r"The archive of public\.articles could not be written: No space"
        ),
    ):
        pipeline.run(reader, project.catalog, partition_key=TODAY, made_at=NOW, run_id="r")
    assert archives.store.names(stored.PREFIX) == []
    assert project.catalog.backups(assets.ARCHIVE) == []


def test_a_store_that_cannot_be_written_fails_the_archive_alone(project: Project) -> None:
    """The backup stands, and the day is told once."""
    landing = Path(project.settings.landing_url)
    landing.mkdir()
    (landing / "aimindset").write_text("in the way")
    day = project.day()

    assert set(day.problems) == {assets.ARCHIVE}
    assert len(project.logged("auto_backup")) == 1
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1
    assert list(project.day().existing) == [assets.BACKUP]
    assert len(project.fake.alerts) == 1


@pytest.mark.parametrize("granted", ["", "grant usage on schema cron to mere"])
def test_a_role_that_may_not_see_the_cron_jobs_backs_up_all_the_same(project: Project, granted: str) -> None:
    info = project.database.info
    project.database.execute(
        "create schema cron; create table cron.job (jobname text, command text, active boolean)"
    )
    project.database.execute("drop role if exists mere")
    project.database.execute(
        "create role mere login bypassrls password 'uma-senha-longa'; grant usage on schema public to mere;"
        " grant all on all tables in schema public to mere; grant all on all sequences in schema public to mere;"
        " grant execute on all functions in schema public to mere"
    )
    try:
        if granted:
            project.database.execute(granted.encode())
        url = f"postgresql://mere:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        day = project.with_(aimindset_database_url=url).day(wanted=[assets.BACKUP])
        assert day.problems == {}
        assert day.preflight is not None
        assert "our role may not see pg_cron's jobs" in " ".join(day.preflight.notes)
    finally:
        project.database.execute("drop owned by mere")
        project.database.execute("drop role mere")


def test_comments_without_an_article_are_told_as_such(project: Project) -> None:
    """Trap 7: zero articles but comments present."""
    with psycopg.connect(project.url, autocommit=True) as other:
        other.execute("set session_replication_role = replica")
        other.execute("delete from articles")
    assert "[not_empty] There is no article to back up, with 25 comments" in problem(project)


def test_the_rpc_way_knows_an_empty_and_a_collapsed_project(project: Project) -> None:
    """Trap 7 over HTTP, where nothing can be rolled back."""
    rpc = project.with_(aimindset_backup_by="rpc")
    assert rpc.day().problems == {}
    project.database.execute("delete from comments where id in (select id from comments offset 1)")
    said = problem(rpc, force=True)
    assert "[not_collapsed] comments: 1 rows, 25 in the last backup. It is there" in said
    project.database.execute("delete from articles")
    assert "[not_empty]" in problem(rpc, force=True)
    assert len(project.fake.alerts) == 1


def test_a_functions_error_is_told_without_the_values_that_it_quotes(project: Project) -> None:
    """SQLERRM quotes the value that it could not read, and this text goes into mails."""
    replace_function(
        project,
        "begin return json_build_object('success', false, 'backup_id', gen_random_uuid(), 'error',"
        " 'invalid input syntax for type uuid: \"Fulana de Tal\" fulana@example.com'); end",
    )
    said = problem(project)
    assert said == 'backup_all_data() failed: invalid input syntax for type uuid: "…" ….'
    assert "Fulana" not in str(project.fake.alerts)
    assert "Fulana" not in str(project.logged("auto_backup_error"))


def test_the_last_day_before_the_edge_of_thirty_is_compared(project: Project) -> None:
    """Trap 18: a function that copies fewer days than it says is found out."""
    project.database.execute(
        "insert into app_logs (level, created_at) values ('info', now() - interval '29 days 12 hours')"
    )
    rename_function(
        project,
        "delete from app_logs_backup where created_at < now() - interval '29 days';"
        " answer := (answer::jsonb || jsonb_build_object("
        "   'app_logs_count', (select count(*) from app_logs_backup),"
        "   'total_records', (answer ->> 'total_records')::int - (answer ->> 'app_logs_count')::int"
        "     + (select count(*) from app_logs_backup)))::json;",
    )
    assert "app_logs" in problem(project)
