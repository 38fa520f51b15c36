"""Migrations seen from outside, on databases as they are found: empty, the requirement's, somebody else's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records import run_log
from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.comparison import compatible
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.migrations.shape import load_shape
from sync_pipelines_tests.migrations.databases import (
    FABRICIO,
    HITSS,
    LOGS_003,
    SEED_31,
    SEED_61,
    SHAPE_B,
    SHAPE_C,
    SHAPE_D,
    connected,
    rows,
    run,
    wrong,
)

NewDatabase = Callable[[str | None], str]


@pytest.mark.parametrize("history", [FABRICIO, HITSS, OPS])
def test_shape_and_migration_cannot_drift_apart(history: History, new_database: NewDatabase) -> None:
    url = new_database(history.name)
    shape = load_shape(history)

    assert wrong(history, url) == []
    columns = rows(
        url,
        "select schemaname || '.' || tablename, attname::text, format_type(atttypid, atttypmod)"
        " from pg_tables"
        " join pg_attribute on attrelid = format('%I.%I', schemaname, tablename)::regclass"
        " where attnum > 0 and not attisdropped and tablename <> 'alembic_version'"
        " and schemaname not in ('pg_catalog', 'information_schema')",
    )
    assert {tuple(row) for row in columns} == {
        (name, column, kind) for name, table in shape.tables.items() for column, kind in table.columns.items()
    }
    indexes = rows(
        url,
        "select schemaname || '.' || tablename, indexname::text from pg_indexes"
        " where indexname not like '%pk%'"
        " and schemaname not in ('pg_catalog', 'information_schema')",
    )
    assert set(indexes) == {(name, index) for name, table in shape.tables.items() for index in table.indexes}


@pytest.mark.parametrize("seed", ["", SEED_31, SEED_61], ids=["empty", "3.1", "6.1"])
def test_a_plan_is_what_then_happens_and_leaves_nothing_to_do(seed: str, found: Callable[[str], str]) -> None:
    url = found(seed)

    before = inspection.plan(FABRICIO, url)
    assert before.refused is None
    assert before.revision is None
    assert "create table public.dre_orcado" in before.steps
    assert ("create table public.dre_hitss" in before.steps) == (not seed)
    assert ("add column public.dre_hitss.competencia date" in before.steps) == bool(seed)
    assert ("add column public.dre_hitss.sync_hash character varying(64)" in before.steps) == (
        seed == SEED_31
    )
    assert rows(url, "select to_regclass('public.dre_orcado')") == [(None,)]

    for _ in range(2):
        runner.upgrade(FABRICIO, url)
        after = inspection.plan(FABRICIO, url)
        assert after.steps == ()
        assert after.sentences()[0] == "nothing to do"
        assert after.revision == after.newest
        assert wrong(FABRICIO, url) == []


def test_rows_that_were_there_stay_and_are_noted(found: Callable[[str], str]) -> None:
    url = found(SEED_61)
    before = rows(url, "select id, conta, valor, created_at from dre_hitss order by id")

    plan = inspection.plan(FABRICIO, url)
    assert {
        "revoke all on public.dre_hitss from anon",
        "enable row level security on public.dre_hitss",
        "create policy dre_hitss_read on public.dre_hitss for select to authenticated using (true)",
        "create unique index uq_dre_hitss_line on public.dre_hitss (competencia, line_hash, occurrence)",
    } <= set(plan.steps)
    assert any("holds 2 rows" in note.sentence and not note.ok for note in plan.notes)
    assert any("1 rows that are `running`" in note.sentence for note in plan.notes)

    runner.upgrade(FABRICIO, url)
    assert rows(url, "select id, conta, valor, created_at from dre_hitss order by id") == before
    assert any("no_foreign_rows" in note.sentence for note in inspection.plan(FABRICIO, url).notes)


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (SHAPE_B, ["shape B", "it lacks execution_id, conta, empresa"]),
        (SHAPE_C, ["shape C", "id is uuid instead of bigint", "execution_id"]),
        (SHAPE_D, ["shape D", "id is uuid instead of bigint", "empresa"]),
        (LOGS_003, ["migration 003", "it lacks context", "execution_id is uuid instead of text"]),
        (SEED_31.replace("id bigserial", "id bigint"), ["public.dre_hitss", "does not count by itself"]),
        (SEED_31.replace("id uuid", "id text"), ["public.automation_executions", "id is text"]),
        ("create view public.dre_hitss as select 1 as id", ["public.dre_hitss", "not a table"]),
        ("create table public.dre_summary (competencia date)", ["public.dre_summary", "it lacks ano, mes"]),
        (f"{SEED_31} alter table dre_hitss add centro text not null", ["column centro must be filled"]),
        (f"{SEED_31} alter table dre_hitss add competencia text", ["competencia is text instead of date"]),
        (
            f"{SEED_31} create unique index por_conta on dre_hitss (execution_id, conta)",
            ["por_conta allows each execution_id, conta only once"],
        ),
        (SEED_31.replace("'running', ", ""), ["refuses running in status"]),
    ],
)
def test_a_shape_that_cannot_be_extended_is_refused_by_name(
    statements: str, named: list[str], found: Callable[[str], str]
) -> None:
    url = found(statements)
    everything = "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1"
    before = rows(url, everything)

    with pytest.raises(PermanentError) as refused:
        runner.upgrade(FABRICIO, url)

    for part in named:
        assert part in str(refused.value)
    assert rows(url, everything) == before
    plan = inspection.plan(FABRICIO, url)
    assert plan.refused == str(refused.value)
    assert plan.steps == ()
    assert str(refused.value) in wrong(FABRICIO, url)


def test_a_table_moved_aside_as_the_refusal_says_makes_room(found: Callable[[str], str]) -> None:
    url = found(SHAPE_B)

    run(url, "create schema public_before; alter table public.dre_hitss set schema public_before")
    runner.upgrade(FABRICIO, url)

    assert wrong(FABRICIO, url) == []


def test_what_an_application_added_beside_does_not_disturb(found: Callable[[str], str]) -> None:
    url = found(
        f"""{SEED_31}
        alter table dre_hitss add observacao text, add revisado boolean not null default false,
            alter descricao type varchar(400), alter valor type numeric(18, 4);
        alter table automation_executions add execution_id uuid, add function_name text,
            drop constraint automation_executions_status_check,
            add check (status in ('pending', 'running', 'completed', 'failed'));"""
    )

    runner.upgrade(FABRICIO, url)

    assert wrong(FABRICIO, url) == []
    tables = run_log.RunLog("public.automation_executions", log_table="public.system_logs", source="test")
    with run_log.open_execution(url, tables, run_id="r", what="the database", started="Início", details={}):
        pass
    assert rows(url, "select status from automation_executions") == [("completed",)]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "drop policy dre_hitss_read on dre_hitss",
            "policy dre_hitss_read on public.dre_hitss is missing (for select to authenticated using (true))",
        ),
        (
            "grant select on dre_summary to anon",
            "anon may select on public.dre_summary, and should do nothing",
        ),
        (
            "grant select (valor) on dre_orcado to anon",
            "anon may select on public.dre_orcado, and should do nothing",
        ),
        (
            "grant insert on dre_orcado to authenticated",
            "authenticated may insert, select on public.dre_orcado, and should select",
        ),
        ("alter table dre_hitss drop competencia", "column public.dre_hitss.competencia is missing (date)"),
        (
            "drop index idx_dre_hitss_periodo",
            "index idx_dre_hitss_periodo on public.dre_hitss is missing ((periodo))",
        ),
        (
            "alter table system_logs disable row level security",
            "row level security of public.system_logs is missing (enabled)",
        ),
        ("drop table dre_summary", "table public.dre_summary is missing"),
        (
            "drop trigger update_dre_hitss_updated_at on dre_hitss",
            "trigger update_dre_hitss_updated_at on public.dre_hitss is missing"
            " (public.update_updated_at_column)",
        ),
        (
            "revoke delete on dre_hitss from service_role",
            "service_role may insert, select, update on public.dre_hitss, and should delete, insert, select,"
            " update",
        ),
    ],
)
def test_what_a_later_hand_took_away_is_found_and_put_back(
    damage: str, sentence: str, new_database: NewDatabase
) -> None:
    url = new_database("fabricio")
    run(url, damage)

    assert f"{sentence}: run `sync-pipelines migrate`" in wrong(FABRICIO, url)
    assert inspection.plan(FABRICIO, url).steps != ()

    runner.upgrade(FABRICIO, url)
    assert wrong(FABRICIO, url) == []


@pytest.mark.parametrize(
    ("damage", "cure"),
    [
        (
            "drop policy dre_hitss_read on dre_hitss;"
            "create policy dre_hitss_read on dre_hitss for select to authenticated using (empresa = 'A')",
            "drop policy dre_hitss_read on public.dre_hitss, then",
        ),
        (
            "drop index idx_dre_hitss_empresa; create index idx_dre_hitss_empresa on dre_hitss (tipo)",
            "rename or drop index public.idx_dre_hitss_empresa of public.dre_hitss, then",
        ),
        (
            "drop index idx_dre_hitss_empresa; create index idx_dre_hitss_empresa on dre_orcado (empresa)",
            "rename or drop index public.idx_dre_hitss_empresa of public.dre_orcado, then",
        ),
        (
            "grant usage on schema sync_private to authenticated",
            "revoke all on schema sync_private from authenticated",
        ),
    ],
)
def test_what_a_migration_would_not_touch_is_left_to_a_person(
    damage: str, cure: str, new_database: NewDatabase
) -> None:
    url = new_database("fabricio")
    run(url, damage)

    assert any(cure in sentence for sentence in wrong(FABRICIO, url))
    plan = inspection.plan(FABRICIO, url)
    assert plan.steps == ()
    assert any(cure in note.sentence and not note.ok for note in plan.notes)


def test_roles_reach_what_they_should(new_database: NewDatabase) -> None:
    url = new_database("fabricio")
    with connected(url) as connection:
        connection.execute("insert into dre_hitss (execution_id, conta) values ('r', 'CLT')")

        def as_role(role: str, statement: str) -> list[tuple[Any, ...]]:
            with connection.transaction(force_rollback=True):
                connection.execute(f"set local role {role}".encode())
                return connection.execute(statement.encode()).fetchall()

        assert as_role("authenticated", "select conta from dre_hitss") == [("CLT",)]
        assert as_role("service_role", "select conta from dre_hitss") == [("CLT",)]
        insert = "insert into dre_hitss (execution_id) values ('x') returning id"
        assert len(as_role("service_role", insert)) == 1
        for role, statement in (
            ("authenticated", insert),
            ("authenticated", "select * from system_logs"),
            ("authenticated", "select * from sync_private.dre_lines"),
            ("anon", "select * from dre_hitss"),
            ("anon", "select * from dre_summary"),
            ("anon", "select * from sync_private.dre_lines"),
            ("anon", "select nextval('public.dre_orcado_id_seq')"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(role, statement)
        assert as_role("authenticated", "delete from dre_hitss returning id") == []


def test_what_supabase_grants_to_every_new_table_is_taken_back_or_named(new_database: NewDatabase) -> None:
    url = new_database(None)
    for things in ("tables", "sequences", "functions"):
        run(url, f"alter default privileges in schema public grant all on {things} to anon, authenticated")

    runner.upgrade(FABRICIO, url)

    assert all("revoke references, trigger, truncate on" in sentence for sentence in wrong(FABRICIO, url))


def test_a_plan_cannot_write(new_database: NewDatabase) -> None:
    url = new_database("fabricio")

    with (
        pytest.raises(PermanentError, match="read-only"),
        postgres.connect(url, what="it", read_only=True) as connection,
    ):
        inspection.refuse_unknown_shape(connection, FABRICIO)
        connection.execute("delete from dre_hitss")


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of its own, because roles belong to all databases of one."""
    with PostgresServer(tmp_path / "server", durable=False) as server:
        yield server
    # Run by the user nobody, it keeps its data in the temp folder, where pytest does not clean.
    shutil.rmtree(server._data().parent, ignore_errors=True)


def test_without_the_roles_of_the_api_their_grants_are_skipped(plain_server: PostgresServer) -> None:
    url = plain_server.create_database("plain")
    plan = inspection.plan(FABRICIO, url)
    assert any("anon, authenticated, service_role" in note.sentence and note.ok for note in plan.notes)
    assert not any("grant" in step or "policy" in step for step in plan.steps)

    runner.upgrade(FABRICIO, url)
    assert wrong(FABRICIO, url) == []
    run(url, "create role anon", "create role authenticated", "create role service_role")
    assert any(step.startswith("create policy") for step in inspection.plan(FABRICIO, url).steps)

    runner.upgrade(FABRICIO, url)
    assert wrong(FABRICIO, url) == []
    assert inspection.plan(FABRICIO, url).steps == ()


@pytest.mark.parametrize(
    ("wanted", "found", "fits"),
    [
        ("text", "character varying", True),
        ("text", "character varying(255)", True),
        ("text", "character varying(100)", False),
        ("character varying(50)", "text", True),
        ("character varying(50)", "character varying(40)", False),
        ("numeric(15,2)", "numeric", True),
        ("numeric(15,2)", "numeric(18,4)", True),
        ("numeric(15,2)", "numeric(15,4)", False),
        ("numeric", "numeric(15,2)", False),
        ("numeric(15,2)", "double precision", False),
        ("timestamp with time zone", "timestamp without time zone", False),
        ("bigint", "integer", True),
        ("bigint", "uuid", False),
        ("integer", "numeric", False),
        ("jsonb", "json", False),
    ],
)
def test_a_column_fits_when_it_takes_every_value_we_write(wanted: str, found: str, fits: bool) -> None:
    assert compatible(wanted, found) == fits
