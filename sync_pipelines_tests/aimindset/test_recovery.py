"""What a day finds if another run is at work, died, or was cut off."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.exclusion import BusyError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.project_states import (
    TOMORROW,
    KilledError,
    half_an_archive,
    killed_at,
    tomorrow,
)

GENERATIONS = "select count(distinct backup_id) from backup_articles"


def test_the_unfinished_archive_of_a_living_run_is_left_alone(project: Project) -> None:
    """Two runs at once: the second does not take a file of the first for the remains of a crash."""
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


def test_a_recovered_backup_gets_the_row_that_the_panel_reads_once(project: Project) -> None:
    killed_at(project, "committed")
    assert project.logged("auto_backup") == []
    for _ in range(2):
        project.day(wanted=[assets.BACKUP])
    assert len(project.logged("auto_backup")) == 1


def test_a_backup_of_yesterday_is_recovered_today(project: Project) -> None:
    killed_at(project, "committed")
    assert tomorrow(project).day(TOMORROW, wanted=[assets.BACKUP]).problems == {}
    assert {copy.partition_key: copy.proved for copy in project.catalog.backups(assets.BACKUP)} == {
        TODAY: True,
        TOMORROW: True,
    }


def test_an_archive_that_is_gone_is_made_again_on_the_same_day(project: Project) -> None:
    day = project.day()
    assert day.archive is not None
    project.archives.remove(day.archive.id)
    again = project.day()
    assert set(again.existing) == {assets.BACKUP}
    assert again.archive is not None


@pytest.mark.parametrize(("moment", "committed"), [("compared", False), ("committed", True)])
def test_a_process_killed_around_the_commit_is_recovered_by_the_next(
    project: Project, moment: Moment, committed: bool
) -> None:
    """A copy that was committed is not made a second time; one that was not is."""

    def kill(reached: Moment, connection: Connection) -> None:
        if reached == moment:
            raise KilledError

    generations = project.value("select count(distinct backup_id) from backup_articles")
    killed = project.with_probe(kill)
    with pytest.raises(KilledError):
        killed.day(wanted=[assets.BACKUP])
    assert project.value("select count(distinct backup_id) from backup_articles") == generations + committed

    day = project.day(wanted=[assets.BACKUP])

    assert day.problems == {}
    assert (assets.BACKUP in day.existing) is committed
    assert project.value("select count(distinct backup_id) from backup_articles") == generations + 1
    assert [copy.proved for copy in project.catalog.backups(assets.BACKUP)] == [True]


def test_an_archive_that_a_crash_kept_out_of_the_catalog_is_recorded(project: Project) -> None:
    project.day()
    project.ops.execute(
        """update ops.copies set proved = false, details = details || '{"begun": true}' where asset = %s""",
        (assets.ARCHIVE,),
    )
    said: list[str] = []
    later = project.with_clock(lambda: NOW + timedelta(days=1))
    later.day("2026-11-25", log=said.append)

    assert len([line for line in said if "which a crash kept out of the catalog" in line]) == 1
    assert {copy.partition_key: copy.proved for copy in project.catalog.backups(assets.ARCHIVE)} == {
        "2026-11-24": True,
        "2026-11-25": True,
    }


def test_two_runs_at_once_make_one_backup_and_no_alarm(project: Project) -> None:
    """Trap 16."""
    inside, go = threading.Event(), threading.Event()

    def hold(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            inside.set()
            go.wait(20)

    slow = project.with_probe(hold)
    generations = project.value("select count(distinct backup_id) from backup_articles")
    thread = threading.Thread(target=lambda: slow.day(wanted=[assets.BACKUP]))
    thread.start()
    assert inside.wait(20)
    second = project.day(wanted=[assets.BACKUP])
    go.set()
    thread.join()

    assert isinstance(second.problems[assets.BACKUP], BusyError)
    assert project.fake.alerts == []
    assert project.value("select count(distinct backup_id) from backup_articles") == generations + 1
