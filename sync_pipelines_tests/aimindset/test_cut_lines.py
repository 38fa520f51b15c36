"""The project's line cut at a COMMIT, and its functions in every lineage and state in which they were found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sync_pipelines.aimindset import archive as archives
from sync_pipelines.aimindset.backup import Moment
from sync_pipelines.aimindset.daily import ASSET
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.sandbox.aimindset.database import LINEAGES, Lineage
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.cut_line import Cut, CutLine

GENERATIONS = "select count(distinct backup_id) from backup_articles"
NewHouse = Callable[..., Project]


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
    assert house.book.newest_proved(ASSET) is not None
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


@pytest.mark.parametrize("lineage", LINEAGES)
def test_every_lineage_is_proved_or_named(new_house: NewHouse, lineage: Lineage) -> None:
    """Trap 11, by our own owner's connection: whatever the function is, a day is proved or is one alert."""
    house = new_house(lineage)
    day = house.day()

    if lineage in {"live", "head", "without_execute"}:
        assert day.problems == {}
        assert house.fake.alerts == []
        return
    assert list(day.problems) == [ASSET]
    assert len(house.fake.alerts) == 1
    # What the function cannot copy is in the archive all the same.
    assert day.archive is not None
    if lineage == "consolidated":
        assert day.look is not None
        assert any("the function will fail" in note for note in day.look.notes)


@pytest.mark.parametrize("table", ["backup_articles", "system_logs_backup", "comments"])
def test_a_table_that_is_gone_is_said_before_the_call(house: Project, table: str) -> None:
    """Half-applied migrations: a copy's or a source's table is not there."""
    house.database.execute(f"drop table {table} cascade".encode())
    day = house.day()
    assert list(day.problems) == [ASSET]
    assert day.look is not None
    assert f"there is no table public.{table}: the function will fail" in day.look.notes
    assert day.archive is not None


@pytest.mark.parametrize(
    "state",
    [
        "create function backup_all_data(label text) returns json language sql as $$select '{}'::json$$",
        "alter function backup_all_data() reset all",
        "alter function backup_all_data() set search_path = public",
        "alter function backup_all_data() security invoker",
    ],
)
def test_states_in_which_the_function_still_works_are_proved(house: Project, state: str) -> None:
    """Overloads left behind, and settings lost with a DROP."""
    house.database.execute(state.encode())
    assert house.day().problems == {}


def test_the_databases_own_limits_are_not_those_of_the_backup(house: Project) -> None:
    """Trap 3: the function's ten minutes count for nothing on a direct connection; ours are set before the call."""
    shown: list[str] = []

    def look(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            row = connection.execute("select current_setting('statement_timeout')").fetchone()
            shown.append(str(row and row[0]))

    name = house.database.info.dbname
    house.database.execute(f"alter database {name} set statement_timeout = '3s'".encode())
    assert replace(house, backups=replace(house.backups, at=look)).day().problems == {}
    with archives.snapshot(house.url) as (reader, _):
        assert reader.execute("show statement_timeout").fetchone() == ("30min",)
    assert shown == ["10min"]
