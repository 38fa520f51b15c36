"""Every row of all four tables is looked at, whatever was proved before: what differs is pending, and repaired."""

from __future__ import annotations

from typing import LiteralString

import pytest
from psycopg import sql

from sync_pipelines.hitss.dre.live_tables import read_live_tables
from sync_pipelines.hitss.dre.pending import Pending
from sync_pipelines.hitss.dre.proof_queries import WITHOUT_MONTH
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run
from sync_pipelines_tests.hitss.dre.test_healing import money

MONTH = "2025-03-01"
OF_MONTH: LiteralString = "where competencia = '2025-03-01'"
LINES, HITSS, BUDGET, SUMMARY = (
    "sync_private.dre_lines",
    "public.dre_hitss",
    "public.dre_orcado",
    "public.dre_summary",
)
ONE: LiteralString = "ctid = (select min(ctid) from {table} where competencia = {month})"
#: What others do to a table of rows: the whole month, one row, each kind of column that is ours.
ROW_HARMS: tuple[LiteralString, ...] = (
    "delete from {table} where competencia = {month}",
    "delete from {table} where " + ONE,
    "update {table} set valor = valor + 1 where " + ONE,
    "update {table} set tipo = 'X' where " + ONE,
    "update {table} set periodo = '9/2019' where " + ONE,
    "update {table} set natureza = 'OUTRA' where " + ONE,
    "update {table} set imposto = null where " + ONE,
    "update {table} set line_hash = gen_random_uuid() where " + ONE,
    "update {table} set occurrence = occurrence + 7 where " + ONE,
    "update {table} set occurrence = -occurrence where " + ONE,
    "insert into {table} select * from jsonb_populate_record(null::{table},"
    ' (select to_jsonb(t) || \'{{"occurrence": 99, "id": 987654}}\' from {table} as t where ' + ONE + "))",
)
SUMMARY_HARMS: tuple[LiteralString, ...] = (
    "delete from {table} where competencia = {month}",
    "update {table} set ano = ano + 1 where competencia = {month}",
    "update {table} set linhas = linhas + 1 where competencia = {month}",
    "update {table} set margem = margem + 1000000 where competencia = {month}",
    "update {table} set custo_orcado = custo_orcado + 1 where competencia = {month}",
    "update {table} set margem_percentual_orcada = 0.01 where competencia = {month}",
)


def pending_of(house: House) -> Pending:
    return house.dre.download("look").pending


@pytest.mark.parametrize("table", [LINES, HITSS, BUDGET, SUMMARY])
def test_whatever_others_did_to_a_table_is_seen_there_and_repaired(
    short: House, table: LiteralString
) -> None:
    run(short)
    before = money(short)
    asset = table.partition(".")[2]
    harms = SUMMARY_HARMS if table == SUMMARY else ROW_HARMS
    for some in (harms[: len(MONTHS)], harms[len(MONTHS) :]):
        harmed = dict(zip(MONTHS, some, strict=False))
        for month, statement in harmed.items():
            name, key = sql.Identifier(*table.split(".")), sql.Literal(month)
            done = short.fabricio.execute(sql.SQL(statement).format(table=name, month=key))
            assert done.rowcount, statement
        ran = run(short, "repair")
        assert ran.report.pending.changed == tuple(harmed)
        for month, statement in harmed.items():
            assert asset in ran.report.pending.problems[month], statement
        assert not ran.problems
        assert money(short) == before
    assert pending_of(short).problems == {}


def test_an_unchanged_house_has_nothing_pending_and_nothing_is_written(short: House) -> None:
    run(short)
    again = run(short, "again")
    assert again.report.pending == Pending((), ())
    assert again.outcomes == {}


def test_people_alone_are_a_refresh_and_money_that_hides_among_them_is_not(short: House) -> None:
    run(short)
    short.fabricio.execute(f"update {LINES} set responsavel_area = 'X' {OF_MONTH}")
    assert pending_of(short).refresh == (MONTH,)
    short.fabricio.execute(f"update {LINES} set valor = valor + 1 {OF_MONTH}")
    short.fabricio.execute(f"update {HITSS} set valor = valor + 1 {OF_MONTH}")
    found = pending_of(short)
    assert (found.changed, found.refresh) == ((MONTH,), ())


def test_rows_of_a_month_that_no_partition_has_are_named(short: House) -> None:
    run(short)
    short.fabricio.execute(f"update {HITSS} set competencia = '2031-01-01' {OF_MONTH} and valor > 0")
    short.fabricio.execute(f"update {BUDGET} set competencia = '2025-03-15' {OF_MONTH} and valor > 0")
    short.fabricio.execute(
        f"update {HITSS} set competencia = null where competencia = '2025-04-01' and valor > 0"
    )
    ran = run(short, "repair")
    assert ran.report.pending.outside == ("2025-03-15", "2031-01-01", WITHOUT_MONTH)
    assert ran.report.pending.changed == (MONTH, "2025-04-01")
    assert not ran.problems
    left = pending_of(short)
    assert (left.changed, left.outside) == ((), ("2025-03-15", "2031-01-01", WITHOUT_MONTH))
    assert "dre_hitss holds" in " ".join(left.sentences())
    assert "no partition" in " ".join(left.sentences())


def test_a_month_that_only_a_table_holds_is_looked_at(short: House) -> None:
    """Nothing landed and nothing was proved of it: somebody copied a month."""
    rows = [row for row in short.hitss.rows if row[17] != "2/2025"]
    short.hitss.serve_rows(rows)
    run(short)
    short.fabricio.execute(
        f"insert into {BUDGET} select * from jsonb_populate_recordset(null::{BUDGET}, (select jsonb_agg("
        " to_jsonb(t) || jsonb_build_object('id', id + 500000, 'competencia', '2025-02-01'))"
        f" from {BUDGET} as t {OF_MONTH}))"
    )
    ran = run(short, "repair")
    assert ran.report.pending.changed == ("2025-02-01",)
    assert not ran.problems
    assert short.value(f"select count(*) from {BUDGET} where competencia = '2025-02-01'") == 0


def test_a_look_sees_one_moment_over_both_its_connections(short: House) -> None:
    """A load that commits between the readings of two tables must not look like damage."""
    run(short)
    url, empresa = short.settings.require("fabricio_database_url"), short.settings.hitss_empresa
    live = read_live_tables(url, empresa)
    assert set(live.lines) == set(MONTHS)
    assert all(not live.problems(month, live.lines[month].content) for month in MONTHS)


@pytest.mark.parametrize("last", ["dre_lines", "dre_hitss", "dre_orcado"])
def test_a_table_that_was_not_selected_is_outdated_when_its_input_changed(short: House, last: str) -> None:
    ran = run(short)
    short.fabricio.execute(f"update {SUMMARY} set receita = receita + 1, custo_orcado = 0 {OF_MONTH}")
    with short.dre.load("part", [MONTH], selected=(last,)) as loading:
        loading.load(MONTH)
        outdated = dict(loading.outdated(MONTH))
    assert list(outdated) == ["dre_summary"]
    assert pending_of(short).changed == (MONTH,)
    load(short, ran, [MONTH])
    assert pending_of(short).changed == ()
