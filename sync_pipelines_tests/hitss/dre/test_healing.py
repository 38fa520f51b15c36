"""What others do to the tables, and what goes wrong inside a load: nothing half is ever left."""

from typing import Any

import psycopg
import pytest

from sync_pipelines.hitss.defs.descriptions import CHAIN_CHECKS
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run

TABLES = {
    "dre_lines": "sync_private.dre_lines",
    "dre_hitss": "public.dre_hitss",
    "dre_orcado": "public.dre_orcado",
}
MONTH, OTHER = "2025-08-01", "2025-07-01"
#: What a person accepts who knows that an open month is gone.
VANISHES = ("plausible_row_count", "plausible_month_size")


def money(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's business content."""
    own = "'id', 'created_at', 'updated_at', 'execution_id', 'loaded_at', 'last_sync_at'"
    return {
        name: house.rows(
            f"select to_jsonb(t) - array[{own}] from {name} as t order by to_jsonb(t) - array[{own}]"
        )
        for name in (*TABLES.values(), "public.dre_summary")
    }


HARMS = (
    "delete from {table} where competencia = '2025-08-01'",
    "delete from {table} where ctid = (select min(ctid) from {table} where competencia = '2025-08-01')",
    "update {table} set cliente = 'OUTRO' where competencia = '2025-08-01'",
    "update {table} set competencia = '2025-07-01' where competencia = '2025-08-01'",
    "update {table} set conta = 'Outra' where competencia = '2025-08-01'",
    "update {table} set valor = valor + 1 where competencia = '2025-08-01'",
)


@pytest.mark.parametrize("table", TABLES.values())
def test_the_next_load_heals_what_others_did(short: House, table: str) -> None:
    ran = run(short)
    before = money(short)
    for harm in HARMS:
        short.fabricio.execute(harm.format(table=table))  # type: ignore[call-overload]
        assert money(short) != before, harm
        load(short, ran, [OTHER, MONTH])
        assert not ran.problems, harm
        assert money(short) == before, harm


def test_a_summary_that_others_changed_is_computed_again(short: House) -> None:
    ran = run(short)
    before = money(short)
    short.fabricio.execute("update public.dre_summary set receita = 0 where mes = 8")
    short.fabricio.execute("delete from public.dre_summary where mes = 7")
    load(short, ran, [OTHER, MONTH])
    assert money(short) == before


def test_a_wrong_amount_is_never_published_with_a_proof(short: House) -> None:
    """Somebody "corrects" both tables by hand: what is proved is the workbook, not their agreement."""
    ran = run(short)
    before = money(short)
    for table in ("sync_private.dre_lines", "public.dre_hitss"):
        short.fabricio.execute(f"update {table} set valor = valor + 1 where competencia = '{MONTH}'")  # type: ignore[call-overload]
    load(short, ran, [MONTH])
    assert money(short) == before


def test_rows_of_others_stop_everything_until_they_are_set_aside_whole(short: House) -> None:
    short.fabricio.execute(
        "insert into public.dre_hitss (execution_id, conta, valor, periodo) values"
        " ('exec_1', 'CLT', 1, '8/2025'), ('exec_1', 'CLT', 1, '8/2025')"
    )
    foreign = short.rows("select to_jsonb(d) from public.dre_hitss as d order by id")
    for attempt in range(2):
        with pytest.raises(PermanentError, match=r"2 rows that this pipeline did not load.*no_foreign_rows"):
            short.dre.download(f"refused {attempt}")
    assert short.rows("select to_jsonb(d) from public.dre_hitss as d order by id") == foreign
    ran = run(short, "accepted", {"no_foreign_rows"})
    assert not ran.problems
    assert short.value("select count(*) from public.dre_hitss where line_hash is null") == 0
    assert short.rows("select row_data from sync_private.dre_hitss_set_aside order by row_id") == foreign
    assert run(short, "again").touched.total() == 0


def test_foreign_rows_that_come_after_the_download_stop_its_load(short: House) -> None:
    ran = run(short)
    short.fabricio.execute("insert into public.dre_hitss (execution_id, valor) values ('x', 1)")
    before = money(short)
    with pytest.raises(PermanentError, match="1 rows that this pipeline did not load"):
        load(short, ran, MONTHS)
    assert money(short) == before
    load(short, ran, MONTHS, accept={"no_foreign_rows"})
    assert short.value("select count(*) from sync_private.dre_hitss_set_aside") == 1


@pytest.mark.parametrize("phase", ["download", "load"])
def test_an_overlapping_run_writes_nothing_and_says_so(short: House, phase: str) -> None:
    ran = run(short)
    before = money(short)
    landed = short.ops.execute("select count(*) from ops.landed_files").fetchone()
    with psycopg.connect(short.settings.require("fabricio_database_url"), autocommit=True) as holder:
        assert postgres.try_lock(holder, postgres.lock_key("hitss", "chain"))
        with pytest.raises(TransientError, match="Another run of the DRE chain is at work"):
            short.dre.download("late") if phase == "download" else load(short, ran, MONTHS)
    assert money(short) == before
    assert short.ops.execute("select count(*) from ops.landed_files").fetchone() == landed
    assert short.value("select count(*) from public.automation_executions where status = 'running'") == 0
    load(short, ran, MONTHS)


def test_a_month_that_another_holds_is_left_and_the_others_load(short: House) -> None:
    with psycopg.connect(short.settings.require("fabricio_database_url"), autocommit=True) as holder:
        assert postgres.try_lock(holder, postgres.lock_key("hitss", MONTH))
        ran = run(short)
    assert ran.problems == {MONTH: "Another run is loading 2025-08 of the DRE."}
    assert short.value("select count(distinct competencia) from public.dre_hitss") == 7
    assert run(short, "again").report.pending.changed == (MONTH,)


TRIGGER = (
    "create function spoil() returns trigger language plpgsql as $$ begin {body} return new; end $$;"
    " create trigger spoil before insert or update on {table} for each row execute function spoil()"
)
FALSIFY = "if new.competencia = '2025-08-01' then new.valor = new.valor + 0.01; end if;"
BREAK = (
    "if new.competencia = '2025-08-01' then"
    " raise exception 'no room for %', (select min(recurso) from sync_private.dre_lines where recurso > '')"
    " using errcode = '23505', detail = 'PESSOA FICTICIA'; end if;"
)


@pytest.mark.parametrize(
    ("table", "loaded_before"), [("dre_lines", False), ("dre_hitss", True), ("dre_orcado", True)]
)
def test_what_does_not_prove_is_rolled_back(short: House, table: str, loaded_before: bool) -> None:
    if loaded_before:
        run(short, "first")
        changed = mutations.orcado_restated(
            mutations.realizado_restated(short.hitss.rows, "8/2025"), 1, 3, months=1
        )
        short.hitss.serve_rows(changed)
    before = money(short)
    short.fabricio.execute(TRIGGER.format(body=FALSIFY, table=TABLES[table]))  # type: ignore[call-overload]
    ran = run(short, "spoilt")
    assert list(ran.problems) == [MONTH]
    assert f"{table} of 2025-08 is not what it should be" in ran.problems[MONTH]
    for name, rows in money(short).items():
        mine = [row for row in rows if row[0]["competencia"] == MONTH]
        assert mine == [row for row in before[name] if row[0]["competencia"] == MONTH]
    proofs = short.ops.execute(
        "select asset, holds, problem from ops.proofs where run_id = 'spoilt' and partition_key = %s",
        (MONTH,),
    ).fetchall()
    assert {proof[0] for proof in proofs} == {f"hitss/{name}" for name in CHAIN_CHECKS}
    assert {proof[1:] for proof in proofs} == {(False, ran.problems[MONTH])}
    short.fabricio.execute("drop function spoil() cascade")
    assert not run(short, "healed").problems
    assert run(short, "again").touched.total() == 0


def test_a_database_error_inside_a_month_leaves_it_and_names_nobody(short: House) -> None:
    run(short, "first")
    short.hitss.serve_rows(
        mutations.realizado_restated(mutations.realizado_restated(short.hitss.rows, "8/2025"), "7/2025")
    )
    before = money(short)
    short.fabricio.execute(TRIGGER.format(body=BREAK, table="public.dre_hitss"))  # type: ignore[call-overload]
    ran = run(short, "broken")
    assert list(ran.problems) == [MONTH]
    assert "the month 2025-08 of the DRE" in ran.problems[MONTH]
    assert "PESSOA FICTICIA" not in ran.problems[MONTH]
    for name, rows in money(short).items():
        mine = [row for row in rows if row[0]["competencia"] == MONTH]
        assert mine == [row for row in before[name] if row[0]["competencia"] == MONTH]
    assert ran.outcomes[OTHER]["dre_hitss"].changes[:1] == (5,)


def test_an_error_of_one_database_is_not_blamed_on_the_other(short: House) -> None:
    short.fabricio.execute("alter table public.dre_hitss rename to dre_hitss_away")
    with pytest.raises(SyncError, match="the fabricio database"):
        short.dre.download("run")


def test_a_vanished_month_whose_load_failed_is_asked_for_again(short: House) -> None:
    run(short, "first")
    short.hitss.serve_rows([row for row in short.hitss.rows if row[17] != "8/2025"])
    with psycopg.connect(short.settings.require("fabricio_database_url"), autocommit=True) as holder:
        assert postgres.try_lock(holder, postgres.lock_key("hitss", MONTH))
        assert list(run(short, "held", VANISHES).problems) == [MONTH]
    again = run(short, "again", VANISHES)
    assert again.report.pending.changed == (MONTH,)
    assert short.value("select count(*) from public.dre_hitss where mes = 8") == 0
