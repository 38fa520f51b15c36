"""Revisions 0009 and 0010 of ops and 0002 of TabuladorMax: what was pushed before keeps its state, without a base."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import LiteralString, cast

import psycopg
import pytest

from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.scouter.database import build_tabuladormax
from sync_pipelines.scouter.mapping.field_hashes import FieldList
from sync_pipelines.scouter.page_writes import PageWrites

TABULADORMAX = History("tabuladormax")
NewDatabase = Callable[[str | None], str]
OLD_EXCHANGE = (
    "insert into ops.lead_exchanges (destination, lead_id, content_hash, updated_at, direction, run_id)"
    " values ('gestao.example', %s, md5('x')::uuid, now(), 'pushed', 'old')"
)
NEW_COLUMNS = "field_list, fields, history, stamp, seen_digest, seen_version, here_version"


@pytest.fixture
def old_ops(new_database: NewDatabase) -> str:
    """The ops database before the reverse sync merged field by field."""
    url = new_database("ops")
    with psycopg.connect(url, autocommit=True) as connection:
        for name in NEW_COLUMNS.split(", "):
            connection.execute(f"alter table ops.lead_exchanges drop column {name}".encode())
        connection.execute("drop table ops.page_writes, ops.lead_field_lists")
        connection.execute(OLD_EXCHANGE, [600_001])
        connection.execute("update ops.alembic_version set version_num = '0008'")
    return url


def test_an_ops_database_of_before_is_extended_twice_over(old_ops: str) -> None:
    plan = inspection.plan(OPS, old_ops)
    assert plan.refused is None
    assert "add column ops.lead_exchanges.fields text" in plan.steps
    for _ in range(2):
        runner.upgrade(OPS, old_ops)
    assert [one.sentence for one in inspection.verify(OPS, old_ops) if not one.ok] == []
    with psycopg.connect(old_ops, autocommit=True) as connection:
        connection.execute(OLD_EXCHANGE, [600_002])  # a process of the old version that is still at work
        found = connection.execute(
            f"select lead_id, run_id, {NEW_COLUMNS} from ops.lead_exchanges order by lead_id".encode()
        )
        assert found.fetchall() == [(lead, "old", *[None] * 7) for lead in (600_001, 600_002)]


def test_an_ops_database_whose_migration_ended_half_way_is_completed(old_ops: str) -> None:
    with psycopg.connect(old_ops, autocommit=True) as connection:
        connection.execute(
            "alter table ops.lead_exchanges add column fields text, add column stamp timestamptz"
        )
    runner.upgrade(OPS, old_ops)
    assert all(one.ok for one in inspection.verify(OPS, old_ops))


def test_what_a_killed_push_was_about_to_write_moves_to_pages(old_ops: str) -> None:
    fields = FieldList((), ())
    with psycopg.connect(old_ops, autocommit=True) as connection:
        runner.upgrade(OPS, old_ops)
        connection.execute(_lead_writes())
        connection.execute(
            "insert into ops.lead_writes (destination, lead_id, field_list, fields, stamp, updated_at, run_id)"
            " values ('there', 1, %(list)s, 'a', to_timestamp(7), null, 'killed'),"
            " ('there', 2, %(list)s, 'b', to_timestamp(8), to_timestamp(9), 'killed'),"
            " ('elsewhere', 2, %(list)s, 'c', to_timestamp(8), null, 'killed')",
            {"list": fields.id},
        )
        connection.execute("update ops.alembic_version set version_num = '0009'")
        for _ in range(2):
            runner.upgrade(OPS, old_ops)
        assert [one.sentence for one in inspection.verify(OPS, old_ops) if not one.ok] == []
        found = PageWrites(connection, "there", fields).load([1, 2, 3])
        assert sorted(found) == [(1, fields.id, "a", 7, None), (2, fields.id, "b", 8, 9)]
        assert connection.execute("select to_regclass('ops.lead_writes')").fetchone() == (None,)


def _lead_writes() -> LiteralString:
    """The table of revision 0009."""
    text = resources.files("sync_pipelines.migrations").joinpath("sql/lead_fields.sql").read_text()
    return cast("LiteralString", text[text.index("create table if not exists ops.lead_writes") :])


def test_a_column_of_another_type_is_refused_with_the_cure(old_ops: str) -> None:
    with psycopg.connect(old_ops, autocommit=True) as connection:
        connection.execute("alter table ops.lead_exchanges add column fields jsonb")
    assert "fields" in (inspection.plan(OPS, old_ops).refused or "")


@pytest.fixture
def old_tabuladormax(new_database: NewDatabase) -> str:
    """TabuladorMax as the first migration left it, with a lead."""
    url = new_database(None)
    with psycopg.connect(url) as connection:
        build_tabuladormax(connection, leads=5)
    runner.upgrade(TABULADORMAX, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table sync_private.lead_conflicts, sync_private.leads_merged")
        table = f"{TABULADORMAX.schema}.{TABULADORMAX.version_table}"
        connection.execute(f"update {table} set version_num = '0001'".encode())
    return url


def test_tabuladormax_gets_the_conflicts_twice_over(old_tabuladormax: str) -> None:
    with psycopg.connect(old_tabuladormax, autocommit=True) as connection:
        leads = connection.execute("select * from public.leads order by id").fetchall()
    for _ in range(2):
        runner.upgrade(TABULADORMAX, old_tabuladormax)
    assert [one.sentence for one in inspection.verify(TABULADORMAX, old_tabuladormax) if not one.ok] == []
    with psycopg.connect(old_tabuladormax, autocommit=True) as connection:
        assert connection.execute("select * from public.leads order by id").fetchall() == leads
        connection.execute(
            "insert into sync_private.lead_conflicts (lead_id, field, source_column, kept, reason, run_id)"
            " values (1, 'nome', 'name', 'here', 'x', 'run')"
        )
        for odd in ("kept = 'both'", "chosen = 'here'"):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(f"update sync_private.lead_conflicts set {odd}".encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_reads_values_of_leads_over_http(old_tabuladormax: str, role: str) -> None:
    """Conflicts hold personal data, and PostgREST serves what these roles may read."""
    runner.upgrade(TABULADORMAX, old_tabuladormax)
    with psycopg.connect(old_tabuladormax, autocommit=True) as connection:
        for table in ("lead_conflicts", "leads_merged"):
            allowed = connection.execute(
                "select has_table_privilege(%s, %s, 'select'), has_schema_privilege(%s, 'sync_private', 'usage')",
                [role, f"sync_private.{table}", role],
            ).fetchone()
            assert allowed is not None
            assert not all(allowed)
