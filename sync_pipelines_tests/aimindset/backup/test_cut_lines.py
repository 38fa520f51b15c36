"""The project's line cut at a COMMIT, and elsewhere."""

from __future__ import annotations

from dataclasses import replace

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.cut_line import Cut, CutLine

GENERATIONS = "select count(distinct backup_id) from backup_articles"


def cut_at_commit(house: Project, line: CutLine, cut: Cut) -> Project:
    """The day over a line that is cut at the COMMIT of the backup."""

    def arm(moment: Moment, connection: Connection) -> None:
        if moment == "compared":
            line.cut = cut

    away = house.with_(aimindset_database_url=line.url)
    return replace(away, backups=replace(away.backups, at=arm))


def test_a_line_cut_after_the_commit_is_a_success_told_once(house: Project) -> None:
    """Trap 9: the answer to the COMMIT never came; the backup is found by its id."""
    before = house.value(GENERATIONS)
    with CutLine(house.url) as line:
        day = cut_at_commit(house, line, "after").day()
        assert line.cuts == 1

    assert day.problems == {}
    assert day.backup is not None
    assert "lost at the COMMIT" in day.backup.note
    assert house.value(GENERATIONS) == before + 1
    assert len(house.logged("auto_backup")) == 1
    assert house.fake.alerts == []
    assert set(house.day().already) == {ASSET, archives.ASSET}


def test_a_line_cut_before_the_commit_is_a_failure_that_the_next_run_makes_good(house: Project) -> None:
    """Trap 9: not even the function's own rows are left."""
    before, rows = house.value(GENERATIONS), house.value("select count(*) from backup_logs")
    with CutLine(house.url) as line:
        day = cut_at_commit(house, line, "before").day()
        assert line.cuts == 1

    assert list(day.problems) == [ASSET]
    assert house.value(GENERATIONS) == before
    assert house.value("select count(*) from backup_logs") == rows
    assert house.logged("auto_backup") == []
    assert len(house.logged("auto_backup_error")) == 1
    assert len(house.fake.alerts) == 1

    assert house.day().problems == {}
    assert house.value(GENERATIONS) == before + 1


def test_a_line_cut_at_the_commit_of_a_failure_keeps_the_failure(house: Project) -> None:
    """`success=false`, and then the line goes: one error row of ours, one alert, whatever the function's rows are."""
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    with CutLine(house.url) as line:
        day = cut_at_commit(house, line, "after").day(wanted=[ASSET])
        assert line.cuts == 1
    assert list(day.problems) == [ASSET]
    assert house.value("select count(*) from backup_logs where not success") >= 1
    assert (len(house.logged("auto_backup_error")), len(house.fake.alerts)) == (1, 1)


def test_an_archive_whose_reader_is_cut_off_leaves_nothing_and_the_backup_stands(house: Project) -> None:
    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            house.database.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and query like %s",
                ("%pg_export_snapshot%",),
            )

    day = replace(house, backups=replace(house.backups, at=cut)).day()

    assert list(day.problems) == [archives.ASSET]
    assert house.backups.archiver.store.names(archives.PREFIX) == []
    assert house.catalog.newest_proved(ASSET) is not None
    assert len(house.fake.alerts) == 1
    again = house.day()
    assert list(again.already) == [ASSET]
    assert again.archive is not None


def test_our_own_database_cut_off_in_the_middle_costs_nothing_that_was_committed(house: Project) -> None:
    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            house.ops.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

    before = house.value(GENERATIONS)
    day = replace(house, backups=replace(house.backups, at=cut)).day()
    assert "ops database" in str(day.problems[ASSET])

    assert ASSET in house.day().already
    assert house.value(GENERATIONS) == before + 1
    assert len(house.logged("auto_backup")) == 1
