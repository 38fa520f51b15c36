"""The project's functions and tables in every lineage and state in which they were found."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.database import open_snapshot
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.sandbox.aimindset.database import LINEAGES, Lineage
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.test_pipeline import problem, rename_function

MakeProject = Callable[..., Project]


@pytest.mark.parametrize("lineage", LINEAGES)
def test_every_lineage_is_proved_or_named(make_project: MakeProject, lineage: Lineage) -> None:
    """Trap 11, by our own owner's connection: whatever the function is, a day is proved or is one alert."""
    project = make_project(lineage)
    day = project.day()

    if lineage in {"live", "head", "without_execute"}:
        assert day.problems == {}
        assert project.fake.alerts == []
        return
    assert list(day.problems) == [assets.BACKUP]
    assert len(project.fake.alerts) == 1
    # What the function cannot copy is in the archive all the same.
    assert day.archive is not None
    if lineage == "consolidated":
        assert day.preflight is not None
        assert any("the function will fail" in note for note in day.preflight.notes)


@pytest.mark.parametrize("table", ["backup_articles", "system_logs_backup", "comments"])
def test_a_table_that_is_gone_is_said_before_the_call(project: Project, table: str) -> None:
    """Half-applied migrations: a copy's or a source's table is not there."""
    project.database.execute(f"drop table {table} cascade".encode())
    day = project.day()
    assert list(day.problems) == [assets.BACKUP]
    assert day.preflight is not None
    assert f"there is no table public.{table}: the function will fail" in day.preflight.notes
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
def test_states_in_which_the_function_still_works_are_proved(project: Project, state: str) -> None:
    """Overloads left behind, and settings lost with a DROP."""
    project.database.execute(state.encode())
    assert project.day().problems == {}


def test_the_databases_own_limits_are_not_those_of_the_backup(project: Project) -> None:
    """Trap 3: the function's ten minutes count for nothing on a direct connection; ours are set before the call."""
    shown: list[str] = []

    def look(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            row = connection.execute("select current_setting('statement_timeout')").fetchone()
            shown.append(str(row and row[0]))

    name = project.database.info.dbname
    project.database.execute(f"alter database {name} set statement_timeout = '3s'".encode())
    assert project.with_probe(look).day().problems == {}
    with open_snapshot(project.url) as (reader, _):
        assert reader.execute("show statement_timeout").fetchone() == ("30min",)
        assert reader.execute("show lock_timeout").fetchone() == ("30s",)
    assert shown == ["10min"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("alter table comments rename column user_name to nome", "public.comments has no user_name"),
        ("alter table articles drop column tags", "public.articles has no tags"),
        ("alter table backup_feedbacks drop column content", "public.backup_feedbacks has no content"),
    ],
)
def test_a_column_that_went_is_said_before_the_call_and_fails_the_day(
    project: Project, change: str, said: str
) -> None:
    """Trap 6."""
    project.database.execute(change.encode())
    day = project.day()
    assert list(day.problems) == [assets.BACKUP]
    assert day.preflight is not None
    assert f"{said}: the function will fail" in day.preflight.notes
    assert day.archive is not None


def test_a_function_that_wants_arguments_now_is_not_called(project: Project) -> None:
    project.database.execute("drop function backup_all_data()")
    project.database.execute(
        "create function backup_all_data(label text) returns json language sql as $$select '{}'::json$$"
    )
    assert "has no function public.backup_all_data(); there is one with arguments (label text)" in problem(
        project
    )


def test_a_log_that_somebody_keeps_locked_does_not_keep_the_alert(project: Project) -> None:
    """Trap 4: the function's handler raises, our own row does not pass either, and a person hears of it."""
    project.database.execute("alter function backup_all_data() set lock_timeout = '100ms'")
    with psycopg.connect(project.url) as other:
        other.execute("lock table system_logs in share row exclusive mode")
        day = project.day(wanted=[assets.BACKUP])
    assert assets.BACKUP in day.problems
    assert len(project.fake.alerts) == 1
    assert project.logged("auto_backup_error") == []

    # The row is written as soon as it can be, and nobody is told twice.
    rename_function(project, "", before="raise sqlstate '57014';")
    project.day(wanted=[assets.BACKUP])
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1
