"""The preflight: the project's functions, tables and roles in every lineage and state in which they were found."""

from __future__ import annotations

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.database import open_snapshot
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.sandbox.aimindset.database import LINEAGES, Lineage
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.project_states import MakeProject, problem, rename_function


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


@pytest.mark.slow
def test_a_log_that_somebody_keeps_locked_does_not_keep_the_alert(project: Project) -> None:
    """Trap 4: the function's handler raises, our own row does not pass either, and a person hears of it."""
    project.database.execute("alter function backup_all_data() set lock_timeout = '100ms'")
    with psycopg.connect(project.url) as other:
        other.execute("lock table system_logs in share row exclusive mode")
        day = project.day(wanted=[assets.BACKUP])
    assert assets.BACKUP in day.problems
    assert len(project.fake.alerts) == 1
    assert project.logged("auto_backup_error") == []

    # The row is written as soon as it can be, and nobody is notified twice.
    rename_function(project, "", before="raise sqlstate '57014';")
    project.day(wanted=[assets.BACKUP])
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1


def test_uncovered_columns_are_noted_and_are_in_the_archive(project: Project) -> None:
    """Trap 6: a column that joins later is in no copy while the answer says success."""
    project.database.execute("alter table articles add column resumo_ia text default 'x'")
    day = project.day()

    assert day.preflight is not None
    assert "resumo_ia" in day.preflight.uncovered["public.articles"]
    assert {"parent_id", "likes"} <= set(day.preflight.uncovered["public.comments"])
    assert day.archive is not None
    (articles,) = [table for table in day.archive.tables if table.name == "public.articles"]
    assert "resumo_ia" in [column.name for column in articles.columns]


@pytest.mark.parametrize("lineage", ["consolidated", "without_function"])
def test_unhealthy_lineages_are_said(make_project: MakeProject, lineage: str) -> None:
    """Trap 11."""
    project = make_project(lineage)
    said = problem(project)
    assert ("does not exist" in said) if lineage == "consolidated" else ("has no function" in said)
    assert len(project.fake.alerts) == 1
    if lineage == "consolidated":
        assert project.value("select count(*) from backup_logs where not success") == 1


def test_a_role_without_execute_is_said(make_project: MakeProject) -> None:
    """Trap 11: EXECUTE revoked."""
    project = make_project("without_execute")
    project.database.execute("drop role if exists nobody_special")
    project.database.execute("create role nobody_special login password 'uma-senha-longa' noinherit")
    try:
        info = project.database.info
        url = f"postgresql://nobody_special:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        assert "may not execute" in problem(project.with_(aimindset_database_url=url), wanted=[assets.BACKUP])
    finally:
        project.database.execute("drop owned by nobody_special")
        project.database.execute("drop role nobody_special")


def test_a_role_from_which_rows_are_hidden_neither_backs_up_nor_archives(project: Project) -> None:
    """Trap 12: a wrong key reads empty tables and no error."""
    info = project.database.info
    project.database.execute("drop role if exists half_blind")
    project.database.execute(
        "create role half_blind login password 'uma-senha-longa' in role authenticated;"
        " grant execute on all functions in schema public to half_blind"
    )
    try:
        url = f"postgresql://half_blind:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        day = project.with_(aimindset_database_url=url).day()
        assert set(day.problems) == {assets.BACKUP, assets.ARCHIVE}
        assert all("hides rows" in str(error) for error in day.problems.values())
    finally:
        project.database.execute("drop owned by half_blind")
        project.database.execute("drop role half_blind")


def test_pg_cron_jobs_left_on_are_noted(project: Project) -> None:
    """Trap 16: with them there are three backups a day."""
    project.database.execute(
        "create schema cron; create table cron.job (jobname text, command text, active boolean);"
        " insert into cron.job values ('auto-backup-daily', 'select net.http_post()', true), ('x', 'select 1', true)"
    )
    day = project.day()
    assert day.preflight is not None
    assert "the pg_cron job auto-backup-daily is still active: disable it" in day.preflight.notes


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
