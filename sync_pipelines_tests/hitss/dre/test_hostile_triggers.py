"""Triggers that spoil what a load writes, at whatever moment they run: never a wrong proof, nothing wrong committed.

A trigger of each timing stands on each of the four tables and aims at each of them. What must hold: a month either
fails and stays as it was, or everything that it printed as proved is so.
"""

from __future__ import annotations

from itertools import product
from typing import LiteralString

import pytest
from psycopg import sql

from sync_pipelines.hitss.dre.report import ExportReport
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import Ran, load, run
from sync_pipelines_tests.hitss.dre.test_healing import money

MONTH = "2025-08-01"
TABLES = {
    "dre_lines": "sync_private.dre_lines",
    **{name: f"public.{name}" for name in CHAIN if name != "dre_lines"},
}
#: What spoils a table: an amount of the month by one cent.
SPOIL: dict[str, LiteralString] = {
    "dre_lines": "update sync_private.dre_lines set valor = valor + 0.01 where competencia = '2025-08-01'",
    "dre_hitss": "update public.dre_hitss set valor = valor + 0.01 where competencia = '2025-08-01'",
    "dre_orcado": "update public.dre_orcado set valor = valor + 0.01 where competencia = '2025-08-01'",
    "dre_summary": "update public.dre_summary set margem = margem + 0.01 where competencia = '2025-08-01'",
}
#: How a trigger is declared, by the moment at which it runs.
TIMINGS: dict[str, LiteralString] = {
    "before": "create trigger hostile before insert or update on {on} for each row execute function hostile()",
    "after": "create trigger hostile after insert or update on {on} for each row execute function hostile()",
    "statement": "create trigger hostile after insert or update or delete on {on} for each statement"
    " execute function hostile()",
    "deferred": "create constraint trigger hostile after insert or update on {on} deferrable initially deferred"
    " for each row execute function hostile('once')",
}
FUNCTION: LiteralString = (
    "create function hostile() returns trigger language plpgsql as $$ begin"
    # Not for what the trigger itself does: it would never end. A deferred one is called at the commit, at depth 1.
    " if pg_trigger_depth() < 2 and (tg_nargs = 0"
    "   or current_setting('hostile.ran', true) is distinct from txid_current()::text) then"
    "   perform set_config('hostile.ran', txid_current()::text, true); {spoil}; end if; return {returned}; end $$"
)


def plant(
    house: House, timing: LiteralString, on: str, spoil: LiteralString, returned: LiteralString = "new"
) -> None:
    on_table = sql.Identifier(*TABLES[on].split("."))
    house.fabricio.execute(sql.SQL(FUNCTION).format(spoil=sql.SQL(spoil), returned=sql.SQL(returned)))
    house.fabricio.execute(sql.SQL(timing).format(on=on_table))


#: Why the load has every table to write: its rows of the month are gone, or others.
HARMS: tuple[dict[str, LiteralString], ...] = (
    dict.fromkeys(CHAIN, "delete from {table} where competencia = '2025-08-01'"),
    {
        **dict.fromkeys(CHAIN, "update {table} set valor = valor + 1 where competencia = '2025-08-01'"),
        "dre_summary": "update {table} set receita = 0 where competencia = '2025-08-01'",
    },
)


def assert_true(house: House, report: ExportReport, run_id: str) -> None:
    """What a load says of the month is so; where it failed, the month stayed as it was."""
    before = money(house)
    ran = load(house, Ran(report), [MONTH], run_id=run_id)
    problems = house.dre.read_live_tables().problems(MONTH, report.validation.contents[MONTH])
    if ran.problems:
        assert money(house) == before
    assert bool(ran.problems) == bool(problems), (run_id, problems)
    holds = house.ops.execute("select bool_or(holds) from ops.proofs where run_id = %s", (run_id,)).fetchone()
    assert holds == (not ran.problems,)


def spoilt(house: House, harm: dict[str, LiteralString]) -> None:
    for name, statement in harm.items():
        table = sql.Identifier(*TABLES[name].split("."))
        house.fabricio.execute(sql.SQL(statement).format(table=table))


@pytest.fixture
def loaded(short: House) -> House:
    run(short)
    return short


@pytest.mark.parametrize("on", CHAIN)
def test_a_trigger_that_alters_any_table_is_never_called_proved(loaded: House, on: str) -> None:
    report = loaded.dre.download("matrix")
    for number, (timing, target) in enumerate(product(TIMINGS, CHAIN)):
        spoilt(loaded, HARMS[(number + number // len(CHAIN)) % len(HARMS)])
        plant(loaded, TIMINGS[timing], on, spoil=SPOIL[target])
        assert_true(loaded, report, f"{number} {timing} {target}")
        loaded.fabricio.execute("drop function hostile() cascade")
    assert not load(loaded, Ran(report), [MONTH], run_id="healed").problems
    assert loaded.dre.read_live_tables().problems(MONTH, report.validation.contents[MONTH]) == {}


@pytest.mark.parametrize("on", CHAIN)
def test_a_trigger_that_swallows_rows_is_never_called_proved(loaded: House, on: str) -> None:
    report = loaded.dre.download("matrix")
    for number, harm in enumerate(HARMS):
        spoilt(loaded, harm)
        plant(loaded, TIMINGS["before"], on, spoil="null", returned="null")
        assert_true(loaded, report, f"{number} swallowed")
        loaded.fabricio.execute("drop function hostile() cascade")
    assert not load(loaded, Ran(report), [MONTH], run_id="healed").problems


@pytest.mark.parametrize("on", ["dre_hitss", "dre_orcado", "dre_summary"])
def test_a_month_that_a_later_month_spoils_is_found_at_the_end(loaded: House, on: str) -> None:
    """The earlier month's own transaction cannot see it: the session looks once more."""
    rows = mutations.realizado_restated(loaded.hitss.rows, "7/2025")
    loaded.hitss.serve_rows(mutations.realizado_restated(rows, "8/2025"))
    spoil: LiteralString = (
        "if new.competencia = '2025-08-01' then update public.dre_orcado set valor = valor + 0.01"
        " where competencia = '2025-07-01'; end if"
    )
    plant(loaded, TIMINGS["deferred"], on, spoil=spoil)
    report = loaded.dre.download("spoilt")
    assert report.pending.changed == ("2025-07-01", MONTH)
    with loaded.dre.load("both", ["2025-07-01", MONTH]) as loading:
        failed = set()
        for month in ("2025-07-01", MONTH):
            try:
                loading.load(month)
            except SyncError:
                failed.add(month)
        found = loading.confirm()
    problems = loaded.dre.read_live_tables().problems("2025-07-01", report.validation.contents["2025-07-01"])
    assert ("2025-07-01" in failed | set(found)) == bool(problems)
    assert all(
        sentence.startswith("Changed after it was proved: dre_orcado has") for sentence in found.values()
    )
