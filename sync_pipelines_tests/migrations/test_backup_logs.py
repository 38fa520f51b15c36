"""The one thing that an owner may let us change in the AIMindset project, on its tables as they may be found."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from typer.testing import CliRunner

from sync_pipelines.cli.app import app
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.migrations import inspection, runner
from sync_pipelines.sandbox.aimindset import database
from sync_pipelines.systems import whole_class
from sync_pipelines_tests.migrations.databases import AIMINDSET, connected, rows, run, wrong

NewDatabase = Callable[[str | None], str]
#: Every statement of ours is visible here: relations, functions, constraints and grants outside our schema.
STRUCTURE = """
    select format('%s %s %s', relkind, oid::regclass, relacl) from pg_class
    where relnamespace = 'public'::regnamespace
    union all select format('%s %s', oid::regprocedure, md5(prosrc)) from pg_proc
    where pronamespace = 'public'::regnamespace
    union all select format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
    union all select format('%s %s', tablename, policyname) from pg_policies
    order by 1
"""


def backup_logs(check: str) -> str:
    """The log of backups (contract of the backup, section 4) with one of the CHECKs that may be on it."""
    return f"""
        create table public.backup_logs (
            id uuid primary key default gen_random_uuid(), action_type varchar(20) not null,
            created_at timestamptz default now(), records_affected integer default 0, details text,
            success boolean default true
        );
        insert into backup_logs (action_type) values ('backup'), ('restore');
        {check}
    """


def taken(url: str, *values: str) -> list[str]:
    """Which of some values of action_type the table takes."""
    good = []
    with connected(url) as connection:
        for value in values:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute("insert into backup_logs (action_type) values (%s)", [value])
            except psycopg.errors.CheckViolation:
                continue
            good.append(value)
    return good


def test_nothing_changes_but_the_check_and_our_own_schema(new_database: NewDatabase) -> None:
    url = new_database(None)
    with connected(url) as connection:
        database.build(connection, articles=3)
    before = {row[0] for row in rows(url, STRUCTURE)}
    content = rows(url, "select * from backup_logs order by id")

    plan = inspection.plan(AIMINDSET, url)
    assert plan.steps == (
        "create schema sync_private",
        "let the checks of public.backup_logs.action_type allow auto_backup",
        "record revision 0001 in sync_private.alembic_version",
    )
    assert {row[0] for row in rows(url, STRUCTURE)} == before

    for _ in range(2):
        runner.upgrade(AIMINDSET, url)
        after = {row[0] for row in rows(url, STRUCTURE)}
        changed = {each for each in before ^ after if "alembic" not in each}
        assert {each.split(" CHECK ")[0] for each in changed} == {"backup_logs backup_logs_action_type_check"}
        assert len(changed) == 2
        assert wrong(AIMINDSET, url) == []
        assert inspection.plan(AIMINDSET, url).steps == ()
    assert rows(url, "select * from backup_logs order by id") == content
    assert taken(url, "backup", "restore", "auto_backup", "other") == ["backup", "restore", "auto_backup"]


@pytest.mark.parametrize(
    ("check", "allowed"),
    [
        (
            """alter table backup_logs add constraint "Tipos de ação" check (action_type in ('backup', 'restore'))""",
            ["backup", "restore", "auto_backup"],
        ),
        (
            "alter table backup_logs add check (action_type in ('backup', 'restore', 'cleanup', 'it''s %s'))",
            ["backup", "restore", "cleanup", "it's %s", "auto_backup"],
        ),
        (
            "alter table backup_logs add check (action_type ~ '^(backup|restore)$'),"
            " add check (action_type = any (array['backup', 'restore', 'cleanup']) or action_type is null)",
            ["backup", "restore", "auto_backup"],
        ),
        (
            "insert into backup_logs (action_type) values ('old');"
            "alter table backup_logs add check (action_type in ('backup', 'restore')) not valid",
            ["backup", "restore", "auto_backup"],
        ),
        (
            "alter table backup_logs alter action_type type text, add check (success or details is not null)",
            ["backup", "restore", "cleanup", "it's %s", "auto_backup", "other"],
        ),
    ],
)
def test_a_check_of_any_name_and_form_allows_one_value_more(
    check: str, allowed: list[str], new_database: NewDatabase
) -> None:
    url = new_database(None)
    run(url, backup_logs(check))
    names = "select conname, convalidated from pg_constraint where contype = 'c' order by 1"
    before = rows(url, names)

    runner.upgrade(AIMINDSET, url)

    assert taken(url, "backup", "restore", "cleanup", "it's %s", "auto_backup", "other") == allowed
    assert rows(url, names) == before
    assert wrong(AIMINDSET, url) == []


def test_a_check_that_a_later_hand_narrowed_is_found_and_widened(new_database: NewDatabase) -> None:
    url = new_database(None)
    run(url, backup_logs("alter table backup_logs add check (action_type in ('backup', 'restore'))"))
    runner.upgrade(AIMINDSET, url)
    run(
        url,
        "alter table backup_logs drop constraint backup_logs_action_type_check,"
        " add check (action_type in ('backup', 'restore'))",
    )

    assert wrong(AIMINDSET, url) == [
        "allowed value auto_backup on public.backup_logs.action_type is missing: run `sync-pipelines migrate`"
    ]
    runner.upgrade(AIMINDSET, url)
    assert taken(url, "auto_backup") == ["auto_backup"]


@pytest.mark.parametrize(
    "statements",
    [
        "",
        "create table public.backup_logs (id uuid, status text)",
        "create table public.backup_logs (action_type varchar(7))",
        "create view public.backup_logs as select 'backup'::text as action_type",
    ],
)
def test_a_database_without_that_log_is_refused(statements: str, new_database: NewDatabase) -> None:
    url = new_database(None)
    run(url, statements)

    with pytest.raises(PermanentError, match=r"no table public\.backup_logs with a column"):
        runner.upgrade(AIMINDSET, url)

    assert rows(url, "select to_regnamespace('sync_private')") == [(None,)]


def test_whoever_uses_the_table_is_not_made_to_wait(new_database: NewDatabase) -> None:
    url = new_database(None)
    run(url, backup_logs("alter table backup_logs add check (action_type in ('backup', 'restore'))"))

    with connected(url) as user, user.transaction():
        user.execute("insert into backup_logs (action_type) values ('backup')")
        with pytest.raises(TransientError, match="lock timeout"):
            runner.upgrade(AIMINDSET, url)

    assert rows(url, "select to_regnamespace('sync_private')") == [(None,)]
    assert taken(url, "auto_backup") == []
    runner.upgrade(AIMINDSET, url)
    assert taken(url, "auto_backup") == ["auto_backup"]


def test_the_command_widens_nothing_until_the_owner_says_so(new_database: NewDatabase) -> None:
    url = new_database(None)
    run(url, backup_logs("alter table backup_logs add check (action_type in ('backup', 'restore'))"))
    unset = {name.upper(): "" for name in whole_class().model_fields}
    configured = {**unset, "AIMINDSET_DATABASE_URL": url, "OPS_DATABASE_URL": new_database("ops")}

    def migrate(*options: str, widen: str) -> str:
        given = {**configured, "AIMINDSET_WIDEN_BACKUP_LOGS": widen, "COLUMNS": "200"}
        result = CliRunner().invoke(app, ["migrate", *options], env=given)
        assert result.exit_code == 0, result.output
        return result.output

    left_out = "the aimindset database: AIMINDSET_WIDEN_BACKUP_LOGS is not true; left out."
    assert left_out in migrate(widen="false")
    assert left_out in migrate("--plan", widen="")
    assert taken(url, "auto_backup") == []
    assert "let the checks of public.backup_logs.action_type allow auto_backup" in migrate(
        "--plan", widen="true"
    )
    assert taken(url, "auto_backup") == []
    assert "the aimindset database is at the newest structure" in migrate(widen="true")
    assert taken(url, "auto_backup") == ["auto_backup"]
    assert "allowed value auto_backup on public.backup_logs.action_type is there" in migrate(
        "--verify", "--verbose", widen="true"
    )
