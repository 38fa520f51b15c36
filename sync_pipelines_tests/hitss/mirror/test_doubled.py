"""Rows that a reader of a published table would add up twice: never proved, whatever way they came in."""

from __future__ import annotations

from typing import LiteralString

import pytest
from psycopg.conninfo import make_conninfo

from sync_pipelines.hitss.dre.live_tables import read_live_tables
from sync_pipelines.hitss.dre.pending import find_pending
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run

MONTH = "2025-08-01"
#: How rows of a month come twice, or beside it, although each row that is ours is as it should be.
DOUBLED: tuple[LiteralString, ...] = (
    "drop index uq_dre_hitss_line; insert into dre_hitss select (jsonb_populate_record(d, jsonb_build_object("
    "'id', d.id + 1000000))).* from dre_hitss as d where competencia = '2025-08-01'",
    "create table dre_hitss_2025 () inherits (dre_hitss); insert into dre_hitss_2025"
    " select * from only dre_hitss where competencia = '2025-08-01'",
    "create table dre_orcado_2025 () inherits (dre_orcado); insert into dre_orcado_2025"
    " select * from only dre_orcado where competencia = '2025-08-01'",
    "alter table dre_orcado alter column line_hash drop not null; insert into dre_orcado (execution_id, valor,"
    " competencia, ano, mes, natureza, valor_exato, occurrence)"
    " values ('app', 9, '2025-08-01', 2025, 8, 'RECEITA', 9, 1)",
)


@pytest.mark.parametrize("doubled", DOUBLED)
def test_doubled_rows_are_pending_and_no_load_calls_them_proved(short: House, doubled: LiteralString) -> None:
    ran = run(short)
    short.fabricio.execute(doubled)
    asset = "dre_orcado" if "dre_orcado" in doubled else "dre_hitss"
    pending = find_pending(short.dre.read_live_tables(), ran.report.validation.contents, short.dre.window())
    assert pending.changed == (MONTH,)
    assert asset in pending.problems[MONTH]
    again = load(short, ran, [MONTH], run_id="again")
    assert asset in again.problems[MONTH]
    holds = short.ops.execute(
        "select bool_or(holds) from ops.proofs where run_id = 'again' and asset = %s", (f"hitss/{asset}",)
    ).fetchone()
    assert holds == (False,)


def test_rows_that_a_trigger_adds_beside_ours_roll_the_month_back(short: House) -> None:
    ran = run(short)
    short.fabricio.execute("delete from dre_hitss where competencia = '2025-08-01'")
    short.fabricio.execute(
        "create function beside() returns trigger language plpgsql as $$ begin if new.line_hash is not null then"
        " insert into dre_hitss (execution_id, valor, competencia, natureza)"
        " values ('app', new.valor, new.competencia, new.natureza); end if; return null; end $$;"
        " create trigger beside after insert on dre_hitss for each row execute function beside()"
    )
    again = load(short, ran, [MONTH], run_id="again")
    assert "rows that dre_lines does not derive" in again.problems[MONTH]
    assert short.value("select count(*) from dre_hitss where competencia = '2025-08-01'") == 0


def test_a_month_that_needed_no_write_is_looked_at_again_after_those_that_did(short: House) -> None:
    run(short)
    short.fabricio.execute("delete from dre_hitss where competencia = '2025-08-01'")
    short.fabricio.execute(
        "create function spoil() returns trigger language plpgsql as $$ begin update dre_hitss set valor = valor + 1"
        " where competencia = '2025-03-01'; return null; end $$;"
        " create trigger spoil after insert on dre_hitss for each statement execute function spoil()"
    )
    with short.dre.load("again", MONTHS) as loading:
        for month in MONTHS:
            loading.load(month)
        found = loading.confirm()
    assert list(found) == ["2025-03-01"]
    newest = short.ops.execute(
        "select holds from ops.proofs where run_id = 'again' and asset = 'hitss/dre_hitss'"
        " and partition_key = '2025-03-01' order by id desc limit 1"
    ).fetchone()
    assert newest == (False,)


@pytest.mark.parametrize("table", ["sync_private.dre_lines", "dre_hitss", "dre_orcado", "dre_summary"])
def test_a_month_without_end_is_named_and_stops_no_other(short: House, table: str) -> None:
    ran = run(short)
    short.fabricio.execute(
        f"update {table} set competencia = 'infinity' where ctid = (select ctid from {table}"  # type: ignore[call-overload]
        " where competencia = '2025-08-01' limit 1)"
    )
    pending = find_pending(short.dre.read_live_tables(), ran.report.validation.contents, short.dre.window())
    assert pending.outside == ("infinity",)
    assert not load(short, ran, [MONTH], run_id="again").problems


def test_rows_that_a_policy_hides_from_our_role_are_not_taken_for_absent(short: House) -> None:
    """Who reads the table as its owner adds up a row of somebody else that our role does not see."""
    run(short)
    short.fabricio.execute(
        "insert into dre_hitss (execution_id, valor, competencia) values ('app', 5000, '2025-08-01');"
        " create policy ours on dre_hitss to service_role using (line_hash is not null);"
        " grant usage on schema public, sync_private to service_role;"
        " grant select on all tables in schema public, sync_private to service_role;"
        " alter role service_role nobypassrls"
    )
    url = make_conninfo(short.settings.require("fabricio_database_url"), options="-c role=service_role")
    try:
        with pytest.raises(PermanentError, match=r"hides rows of public\.dre_hitss"):
            read_live_tables(url, short.settings.hitss_empresa)
    finally:
        short.fabricio.execute("alter role service_role bypassrls")
