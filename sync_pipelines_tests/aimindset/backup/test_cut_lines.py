"""The connection to the project cut at a COMMIT, and elsewhere."""

from __future__ import annotations

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.cut_line import Cut, CutLine

GENERATIONS = "select count(distinct backup_id) from backup_articles"


def cut_at_commit(project: Project, line: CutLine, cut: Cut) -> Project:
    """The day over a line that is cut at the COMMIT of the backup."""

    def arm(moment: Moment, connection: Connection) -> None:
        if moment == "compared":
            line.cut = cut

    away = project.with_(aimindset_database_url=line.url)
    return away.with_probe(arm)


def test_a_connection_cut_after_the_commit_is_a_success_logged_once(project: Project) -> None:
    """Trap 9: the answer to the COMMIT never came; the backup is found by its id."""
    before = project.value(GENERATIONS)
    with CutLine(project.url) as line:
        day = cut_at_commit(project, line, "after").day()
        assert line.cuts == 1

    assert day.problems == {}
    assert day.backup is not None
    assert "lost at the COMMIT" in day.backup.note
    assert project.value(GENERATIONS) == before + 1
    assert len(project.logged("auto_backup")) == 1
    assert project.fake.alerts == []
    assert set(project.day().existing) == {assets.BACKUP, assets.ARCHIVE}


def test_a_line_cut_before_the_commit_is_a_failure_that_the_next_run_makes_good(project: Project) -> None:
    """Trap 9: not even the function's own rows are left."""
    before, rows = project.value(GENERATIONS), project.value("select count(*) from backup_logs")
    with CutLine(project.url) as line:
        day = cut_at_commit(project, line, "before").day()
        assert line.cuts == 1

    assert list(day.problems) == [assets.BACKUP]
    assert project.value(GENERATIONS) == before
    assert project.value("select count(*) from backup_logs") == rows
    assert project.logged("auto_backup") == []
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1

    assert project.day().problems == {}
    assert project.value(GENERATIONS) == before + 1


def test_a_line_cut_at_the_commit_of_a_failure_keeps_the_failure(project: Project) -> None:
    """`success=false`, and then the line goes: one error row of ours, one alert, whatever the function's rows are."""
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    with CutLine(project.url) as line:
        day = cut_at_commit(project, line, "after").day(wanted=[assets.BACKUP])
        assert line.cuts == 1
    assert list(day.problems) == [assets.BACKUP]
    assert project.value("select count(*) from backup_logs where not success") >= 1
    assert (len(project.logged("auto_backup_error")), len(project.fake.alerts)) == (1, 1)


def test_an_archive_whose_reader_is_cut_off_leaves_nothing_and_the_backup_stands(project: Project) -> None:
    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            project.database.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and query like %s",
                ("%pg_export_snapshot%",),
            )

    day = project.with_probe(cut).day()

    assert list(day.problems) == [assets.ARCHIVE]
    assert project.archives.store.names(stored.PREFIX) == []
    assert project.catalog.newest_proved(assets.BACKUP) is not None
    assert len(project.fake.alerts) == 1
    again = project.day()
    assert list(again.existing) == [assets.BACKUP]
    assert again.archive is not None


def test_our_own_database_cut_off_in_the_middle_costs_nothing_that_was_committed(project: Project) -> None:
    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            project.ops.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

    before = project.value(GENERATIONS)
    day = project.with_probe(cut).day()
    assert "ops database" in str(day.problems[assets.BACKUP])

    assert assets.BACKUP in project.day().existing
    assert project.value(GENERATIONS) == before + 1
    assert len(project.logged("auto_backup")) == 1
