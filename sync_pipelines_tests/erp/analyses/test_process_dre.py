"""Months of `company_dre`: what `process-dre` is given, what it left, and the profiles that it must not keep."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.analyses.income_statement import INPUTS
from sync_pipelines.erp.analyses.process_dre import GIVE_UP_AFTER, MARGINS_FIT
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.process_dre import process_dre
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer, killed_after

FUNCTION = NAMES[Analysis.DRE]
PROFILE = (
    "select faturamento_anual, faturamento_mensal_medio, folha_mensal, regime_tributario, receita_liquida_mensal,"
    " dados_financeiros_origem, dados_financeiros_atualizados_em is not null as is_dated"
    " from public.company_profile where id = %s"
)


def dre(taxpayer: Taxpayer, **options: Any) -> AnalysisOutcome:
    return taxpayer.dispatch(**options)[Analysis.DRE]


def bodies(taxpayer: Taxpayer) -> list[Any]:
    return [call.body for call in taxpayer.fake.of(FUNCTION)]


def profile(taxpayer: Taxpayer, company: UUID | None = None) -> dict[str, Any]:
    return taxpayer.row(PROFILE, company or taxpayer.company_id)


def refuses_until_june(database: psycopg.Connection[Any], asked: FunctionRequest) -> dict[str, Any]:
    """As the function does where a column does not hold a figure of the month."""
    if asked.fields()["period"]["month"] <= 6:
        raise FunctionError(500, "numeric field overflow")
    return process_dre(database, asked)


def test_a_month_is_sent_whole_with_its_row_and_proved(taxpayer: Taxpayer) -> None:
    taxpayer.erp.execute("update public.company_profile set cnae_principal = '4711301'")
    september = taxpayer.month(2026, 9, vendas_produtos=5_000)
    october = taxpayer.month(
        2026,
        10,
        vendas_produtos="12345.67",
        outras_receitas="0.33",
        descontos_concedidos=46,
        custo_mao_obra_direta=100,
        viagens_refeicoes="12.34",
        impostos_sobre_vendas=300,
        regime_tributario="real",
    )
    done = dre(taxpayer)
    assert (done.status, done.calls, done.figures) == (
        "success",
        2,
        {"months": 2, "months_processed": 2, "months_not_processed": 0},
    )
    first, second = bodies(taxpayer)
    # The oldest first: the profile ends with the newest.
    assert [first["dre_id"], second["dre_id"]] == [str(september), str(october)]
    assert (second["cnae_code"], second["period"]) == (
        "4711301",
        {"type": "monthly", "month": 10, "year": 2026},
    )
    given = second["inputs"]
    assert (given["vendas_produtos"], given["descontos"], given["mao_obra_direta"]) == (12345.67, 46, 100)
    assert (given["viagens"], given["impostos_vendas"], given["aluguel"]) == (12.34, 300, 0)
    assert (given["regime_tributario"], given["calcular_auto"], len(given)) == ("real", False, 27)
    row = taxpayer.row("select * from public.company_dre where id = %s", october)
    assert (row["calc_receita_bruta"], row["calc_receita_liquida"]) == (
        Decimal("12346.00"),
        Decimal("12000.00"),
    )
    assert row["input_vendas_produtos"] == Decimal("12345.67")
    assert dre(taxpayer).calls == 0


#: What makes a month due again.
CHANGES = (
    "input_aluguel = 7",
    "calc_lucro_liquido = 7",
    "input_regime_tributario = 'real'",
    "input_calcular_impostos_auto = true",
)


def test_a_month_that_changed_is_processed_again_alone(taxpayer: Taxpayer) -> None:
    taxpayer.month(2026, 9, vendas_produtos=5_000)
    taxpayer.month(2026, 10)
    dre(taxpayer)
    before = profile(taxpayer)
    assert before["faturamento_mensal_medio"] == 10_000
    for change in CHANGES:
        taxpayer.erp.execute(f"update public.company_dre set {change} where period_month = 9".encode())
        assert [dre(taxpayer).calls for _ in range(2)] == [1, 0]
        assert bodies(taxpayer)[-1]["period"]["month"] == 9
        # The profile stays with the newest month.
        assert profile(taxpayer) == before


def test_a_year_of_months_that_change_at_random(taxpayer: Taxpayer) -> None:
    """Exactly the changed months are processed, whatever changed, and the profile is that of the newest."""
    random = Random(14)
    other = taxpayer.company(faturamento_mensal_medio=1)
    months = [taxpayer.month(2025 + (month > 12), (month - 1) % 12 + 1) for month in range(12, 24)]
    dre(taxpayer)
    for _ in range(4):
        chosen = random.sample(months, random.randint(0, 5))
        for one in chosen:
            column = random.choice([*INPUTS.values()])
            amount = Decimal(random.randint(1, 900_000)) / 100
            query = f"update public.company_dre set {column} = %s where id = %s"
            taxpayer.erp.execute(query.encode(), (amount, one))
        taxpayer.fake.clear()
        done = dre(taxpayer)
        assert done.status == "success" and not done.warnings
        assert {body["dre_id"] for body in bodies(taxpayer)} == {str(one) for one in chosen}
        newest = taxpayer.row("select * from public.company_dre where id = %s", months[-1])
        own = profile(taxpayer)
        assert own["faturamento_mensal_medio"] == newest["calc_receita_bruta"]
        assert own["receita_liquida_mensal"] == newest["calc_receita_liquida"]
        assert profile(taxpayer, other)["faturamento_mensal_medio"] == 1
    wrong = "select count(*) from public.company_dre where calc_receita_bruta <> input_vendas_produtos"
    assert taxpayer.value(wrong + " + input_vendas_servicos + input_outras_receitas") == 0


def test_the_profiles_of_other_companies_and_the_own_regime_stay(taxpayer: Taxpayer) -> None:
    """Trap 58: the function writes the month's figures and regime to every active company of the user."""
    other = taxpayer.company(
        regime_tributario="real", faturamento_mensal_medio=1, dados_financeiros_origem="manual"
    )
    bare = taxpayer.company()
    before = [profile(taxpayer, one) for one in (other, bare)]
    taxpayer.month(2026, 10, salarios_encargos=2_000, regime_tributario="presumido")
    assert dre(taxpayer).status == "success"
    assert [profile(taxpayer, one) for one in (other, bare)] == before
    assert profile(taxpayer) == {
        "faturamento_anual": 120_000,
        "faturamento_mensal_medio": 10_000,
        "folha_mensal": 2_000,
        "regime_tributario": "simples",
        "receita_liquida_mensal": 10_000,
        "dados_financeiros_origem": "dre",
        "is_dated": True,
    }


def test_what_a_person_changes_during_the_call_stands(taxpayer: Taxpayer) -> None:
    other = taxpayer.company(regime_tributario="real", faturamento_mensal_medio=1)
    taxpayer.month(2026, 10)

    def slow(database: psycopg.Connection[Any], asked: FunctionRequest) -> dict[str, Any]:
        answer = process_dre(database, asked)
        database.execute(
            "update public.company_profile set regime_tributario = 'mei', folha_mensal = 77 where id = %s",
            (other,),
        )
        return answer

    taxpayer.handlers[FUNCTION] = slow
    assert dre(taxpayer).status == "success"
    found = profile(taxpayer, other)
    assert (found["regime_tributario"], found["folha_mensal"]) == ("mei", 77)
    assert (found["faturamento_mensal_medio"], found["dados_financeiros_origem"]) == (1, None)


def test_two_companies_of_a_user_are_processed_by_their_own_connections(taxpayer: Taxpayer) -> None:
    other = taxpayer.company()
    connection = taxpayer.connect("bling", other)
    taxpayer.month(2026, 9, vendas_produtos=1_000)
    taxpayer.month(2026, 10, other, vendas_produtos=2_000)
    for _ in range(2):
        taxpayer.dispatch()
        taxpayer.dispatch(connection)
    assert taxpayer.calls(Analysis.DRE) == 2
    revenues = [profile(taxpayer, one)["faturamento_mensal_medio"] for one in (taxpayer.company_id, other)]
    assert revenues == [1_000, 2_000]


def test_months_of_a_person_and_months_to_come(taxpayer: Taxpayer) -> None:
    """A person's month is processed by the person's screen; the profile keeps the newest that has begun."""
    taxpayer.month(2026, 10, vendas_produtos=1_000)
    taxpayer.month(2027, 1, vendas_produtos=3_000)
    dre(taxpayer)
    assert profile(taxpayer)["faturamento_mensal_medio"] == 1_000
    assert (profile(taxpayer)["dados_financeiros_origem"], taxpayer.calls(Analysis.DRE)) == ("dre", 2)
    taxpayer.month(2026, 11, vendas_produtos=2_000, ours=False)
    taxpayer.erp.execute("update public.company_profile set faturamento_mensal_medio = 2000")
    taxpayer.erp.execute("update public.company_dre set input_aluguel = 7 where period_month = 10")
    dre(taxpayer)
    assert taxpayer.calls(Analysis.DRE) == 3
    assert profile(taxpayer)["faturamento_mensal_medio"] == 2_000


def test_a_margin_that_its_column_cannot_hold_is_told_before_the_call(taxpayer: Taxpayer) -> None:
    """Contract of the ERPs, section 2.7: numeric(5,2)."""
    taxpayer.month(2026, 9, vendas_produtos=100, aluguel=5_000)
    taxpayer.month(2026, 10)
    for calls in (1, 0):
        done = dre(taxpayer)
        assert (done.status, done.calls) == ("success", calls)
        assert "09/2026: a margem operacional seria de -4.900,00 %" in done.warnings[MARGINS_FIT]
        assert done.figures["months_not_processed"] == 1
    assert {body["period"]["month"] for body in bodies(taxpayer)} == {10}


def test_an_input_that_is_no_number_is_its_own_months_failure(taxpayer: Taxpayer) -> None:
    taxpayer.month(2026, 9, aluguel="NaN")
    taxpayer.month(2026, 10)
    done = dre(taxpayer)
    assert (done.status, done.calls) == ("error", 1)
    assert "09/2026: no numbers stand in aluguel." in done.message
    taxpayer.erp.execute("update public.company_dre set calc_lucro_liquido = 'NaN' where period_month = 10")
    taxpayer.erp.execute("update public.company_dre set input_aluguel = 0 where period_month = 9")
    assert (dre(taxpayer).status, dre(taxpayer).calls) == ("success", 0)


def test_what_is_not_as_the_formula_says_is_no_success(taxpayer: Taxpayer) -> None:
    taxpayer.month(2026, 9)
    october = taxpayer.month(2026, 10)
    taxpayer.fake.fail(f"{FUNCTION}_without_effect")
    done = dre(taxpayer)
    assert done.status == "error" and "calc_receita_bruta" in done.message
    taxpayer.fake.clear()
    taxpayer.erp.execute(
        "create function spoil() returns trigger language plpgsql as $$ begin new.input_aluguel = 1;"
        " return new; end $$; create trigger spoil before update on public.company_dre for each row"
        " execute function spoil()"
    )
    assert "other inputs than were sent: aluguel" in dre(taxpayer).message
    taxpayer.erp.execute("drop trigger spoil on public.company_dre")
    taxpayer.erp.execute(
        "create function other() returns trigger language plpgsql as $$ begin if new.period_month = 9 then"
        f" update public.company_dre set calc_lucro_bruto = 1 where id = '{october}'; end if; return null; end $$;"
        " create trigger other after update on public.company_dre for each row execute function other()"
    )
    done = dre(taxpayer)
    assert done.status == "error" and "Falhou: 09/2026." in done.message
    assert "1 other rows of company_dre changed" in str(done.error)
    taxpayer.erp.execute("drop trigger other on public.company_dre")
    assert dre(taxpayer).status == "success"


@pytest.mark.parametrize("fault", ["half_done", "drop_after"])
def test_a_call_whose_end_is_lost_leaves_the_other_profiles(taxpayer: Taxpayer, fault: str) -> None:
    other = taxpayer.company(regime_tributario="real")
    before = profile(taxpayer, other)
    taxpayer.month(2026, 10)
    taxpayer.fake.fail(f"{FUNCTION}_{fault}", times=1)
    assert dre(taxpayer).status == "error"
    assert (profile(taxpayer, other), profile(taxpayer)["regime_tributario"]) == (before, "simples")
    assert dre(taxpayer).status == "success"
    assert (profile(taxpayer, other), profile(taxpayer)["faturamento_mensal_medio"]) == (before, 10_000)


def test_a_kill_after_the_call_is_healed_by_the_next_sync(taxpayer: Taxpayer) -> None:
    other = taxpayer.company(regime_tributario="real")
    before = profile(taxpayer, other)
    taxpayer.month(2026, 10)
    with pytest.raises(InterruptedRunError):
        taxpayer.dispatch(fence=killed_after(taxpayer, Analysis.DRE))
    assert profile(taxpayer, other)["faturamento_mensal_medio"] == 10_000
    # Meanwhile a person fills in the other company: that stands.
    taxpayer.erp.execute("update public.company_profile set folha_mensal = 77 where id = %s", (other,))
    dre(taxpayer, connection_id=taxpayer.connect("bling", other))
    assert profile(taxpayer, other)["regime_tributario"] == "real"
    assert profile(taxpayer, other)["folha_mensal"] == 77
    taxpayer.erp.execute("update public.company_profile set folha_mensal = 0 where id = %s", (other,))
    assert dre(taxpayer).status == "success"
    assert profile(taxpayer, other)["regime_tributario"] == before["regime_tributario"]


def test_a_profile_that_cannot_be_put_back_is_no_success(taxpayer: Taxpayer) -> None:
    other = taxpayer.company(regime_tributario="real")
    taxpayer.month(2026, 10)
    taxpayer.erp.execute(
        "create function keep() returns trigger language plpgsql as $$ begin new.regime_tributario = 'mei';"
        " return new; end $$; create trigger keep before update on public.company_profile for each row"
        " when (new.regime_tributario = 'real') execute function keep()"
    )
    done = dre(taxpayer)
    assert done.status == "error" and "could not be put back" in done.message
    taxpayer.erp.execute("drop trigger keep on public.company_profile")
    assert dre(taxpayer).status == "success"
    assert profile(taxpayer, other)["regime_tributario"] == "real"


def test_a_function_that_is_down_is_not_called_for_every_month(taxpayer: Taxpayer) -> None:
    for month in range(1, 12):
        taxpayer.month(2026, month)
    taxpayer.fake.fail(f"{FUNCTION}_unavailable")
    assert dre(taxpayer).status == "error"
    assert taxpayer.calls(Analysis.DRE) == GIVE_UP_AFTER
    taxpayer.fake.clear()
    taxpayer.handlers[FUNCTION] = refuses_until_june
    assert dre(taxpayer).status == "error"
    # Months that fail for ever do not keep the others from being processed.
    assert taxpayer.value("select count(*) from public.company_dre where calc_receita_bruta > 0") == 5
    taxpayer.handlers[FUNCTION] = process_dre
    taxpayer.fake.clear()
    assert (dre(taxpayer).status, taxpayer.calls(Analysis.DRE)) == ("success", 6)
