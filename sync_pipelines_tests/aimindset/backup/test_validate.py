"""The project's functions and tables in every lineage and state in which they were found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.sandbox.aimindset.database import LINEAGES, Lineage
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.test_pipeline import problem, rename_function

NewHouse = Callable[..., Project]


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
    house: Project, change: str, said: str
) -> None:
    """Trap 6."""
    house.database.execute(change.encode())
    day = house.day()
    assert list(day.problems) == [ASSET]
    assert day.look is not None
    assert f"{said}: the function will fail" in day.look.notes
    assert day.archive is not None


def test_a_function_that_wants_arguments_now_is_not_called(house: Project) -> None:
    house.database.execute("drop function backup_all_data()")
    house.database.execute(
        "create function backup_all_data(label text) returns json language sql as $$select '{}'::json$$"
    )
    assert "has no function public.backup_all_data(); there is one with arguments (label text)" in problem(
        house
    )


def test_a_log_that_somebody_keeps_locked_does_not_keep_the_alert(house: Project) -> None:
    """Trap 4: the function's handler raises, our own row does not pass either, and a person hears of it."""
    house.database.execute("alter function backup_all_data() set lock_timeout = '100ms'")
    with psycopg.connect(house.url) as other:
        other.execute("lock table system_logs in share row exclusive mode")
        day = house.day(wanted=[ASSET])
    assert ASSET in day.problems
    assert len(house.fake.alerts) == 1
    assert house.logged("auto_backup_error") == []

    # The row is written as soon as it can be, and nobody is told twice.
    rename_function(house, "", before="raise sqlstate '57014';")
    house.day(wanted=[ASSET])
    assert len(house.logged("auto_backup_error")) == 1
    assert len(house.fake.alerts) == 1
