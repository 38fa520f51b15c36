"""The double of `process-dre`: the figures of a month, where they are written, and what else it touches (section 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from sync_pipelines.sandbox.erp.dre_figures import AMOUNTS, dre_figures
from sync_pipelines_tests.sandbox.erp.functions_project import NOW, Project

PERIOD = {"type": "monthly", "year": 2026, "month": 10}
INPUTS = {
    "vendas_produtos": 10000.1,
    "vendas_servicos": 2000.2,
    "devolucoes": 300.3,
    "custo_mercadorias": 4000,
    "custo_materiais": 100,
    "mao_obra_direta": 500,
    "salarios_encargos": 1500,
    "prolabore": 1000,
    "tarifas": 50.5,
    "juros_recebidos": 10,
    "regime_tributario": "presumido",
    "calcular_auto": True,
}


def send(project: Project, inputs: dict[str, Any] | None = None, **fields: Any) -> Any:
    body = {"inputs": INPUTS if inputs is None else inputs, "period": PERIOD, **fields}
    return project.signed_in("process-dre", body)


def columns(project: Project, names: str) -> list[Any]:
    return project.rows(f"select {names} from company_dre order by created_at")


def test_the_figures_of_a_month_by_hand() -> None:
    amounts: dict[str, float] = dict.fromkeys(AMOUNTS, 0.0)
    amounts |= {"vendas_produtos": 1000.0, "devolucoes": 100.0, "custo_mercadorias": 300.0, "aluguel": 150.0}
    amounts |= {"mao_obra_direta": 50.0, "juros_pagos": 20.0, "impostos_vendas": 100.0}
    figures = dre_figures(amounts, "real", automatic=False)
    assert figures == {
        "receita_bruta": 1000.0,
        "deducoes_receita": 200.0,
        "receita_liquida": 800.0,
        "custo_produtos_vendidos": 350.0,
        "lucro_bruto": 450.0,
        "margem_bruta": 56.25,
        "despesas_operacionais_total": 150.0,
        "resultado_operacional": 300.0,
        "margem_operacional": 37.5,
        "resultado_financeiro": -20.0,
        "resultado_antes_ir": 280.0,
        "impostos_sobre_lucro": pytest.approx(95.2),
        "lucro_liquido": pytest.approx(184.8),
        "margem_liquida": pytest.approx(23.1),
        "ebitda": 300.0,
        "ebitda_margin": 37.5,
        "ponto_equilibrio": pytest.approx(266.6666666),
    }
    taxes = {
        regime: dre_figures(amounts, regime, automatic=True)["deducoes_receita"] - 100
        for regime in ("simples", "presumido", "real", None)
    }
    assert taxes == {"simples": pytest.approx(60.0)} | dict.fromkeys(
        ("presumido", "real", None), pytest.approx(92.5)
    )
    profit_taxes = [
        dre_figures(amounts, regime, automatic=False)["impostos_sobre_lucro"]
        for regime in ("simples", "presumido")
    ]
    assert profit_taxes == [0.0, pytest.approx(1000 * 0.012 + 1000 * 0.0108)]
    nothing = dre_figures(dict.fromkeys(AMOUNTS, 0.0) | {"aluguel": 10.0}, None, automatic=True)
    assert (nothing["margem_liquida"], nothing["ponto_equilibrio"], nothing["impostos_sobre_lucro"]) == (
        0,
        0,
        0,
    )


def test_a_month_is_written_whole_and_again(project: Project) -> None:
    answer = send(project).json()
    assert answer["success"] is True
    assert answer["savedDre"]["calc_receita_bruta"] == 12000.3
    assert answer["dre"]["receita_bruta"] == 12000.300000000001  # doubles
    names = "input_vendas_produtos, input_descontos_concedidos, input_custo_mao_obra_direta, input_tarifas_bancarias"
    assert columns(project, names) == [tuple(map(Decimal, ("10000.10", "0.00", "500.00", "50.50")))]
    assert columns(project, "calc_receita_bruta, calc_deducoes_receita, calc_margem_bruta, company_id") == [
        (Decimal("12000.30"), Decimal("1410.33"), Decimal("56.56"), None)
    ]
    # What is not sent becomes 0, but for what JSON leaves out.
    send(project, {"vendas_servicos": 5})
    assert columns(project, "input_vendas_produtos, input_vendas_servicos, calc_receita_bruta") == [
        (Decimal("0.00"), Decimal("5.00"), Decimal("5.00"))
    ]
    assert columns(project, "input_regime_tributario, input_calcular_impostos_auto") == [("presumido", True)]


def test_a_row_that_is_named_is_the_one_that_changes(project: Project) -> None:
    """Several companies have a month each under ERP_DRE_BY_COMPANY: without the id there is nothing to conflict on."""
    company_ids = [project.add("company_profile", razao_social=name) for name in ("UM", "DOIS")]
    project.database.execute("alter table company_dre drop constraint company_dre_user_period_unique")
    months = [
        project.add("company_dre", company_id=one, period_year=2026, period_month=10) for one in company_ids
    ]
    assert send(project, dre_id=str(months[1])).json()["savedDre"]["id"] == str(months[1])
    assert columns(project, "company_id, calc_receita_bruta") == [
        (company_ids[0], Decimal("0.00")),
        (company_ids[1], Decimal("12000.30")),
    ]
    assert send(project).status_code == 500
    other = Project(project.fake, project.database, project.http)
    assert send(other, dre_id=str(months[0])).status_code == 500
    assert send(project, dre_id=str(uuid4())).status_code == 500


def test_every_active_company_gets_the_figures(project: Project) -> None:
    for name, is_active in (("UM", True), ("DOIS", True), ("PARADA", False)):
        project.add("company_profile", razao_social=name, is_active=is_active, regime_tributario="mei")
    Project(project.fake, project.database, project.http).add("company_profile", razao_social="ALHEIA")
    send(project)
    figures = (
        "faturamento_anual, faturamento_mensal_medio, folha_mensal, regime_tributario, compras_insumos_mensal,"
        " prolabore_mensal, dados_financeiros_origem, dados_financeiros_atualizados_em"
    )
    rows = project.rows(f"select razao_social, {figures} from company_profile order by 1")
    amounts = list(map(Decimal, ("144003.60", "12000.30", "2500.00", "4100.00", "1000.00")))
    same = (*amounts[:3], "presumido", *amounts[3:], "dre", NOW)
    assert rows == [
        ("ALHEIA", *[None] * 8),
        ("DOIS", *same),
        ("PARADA", None, None, None, "mei", None, None, None, None),
        ("UM", *same),
    ]
    send(project, {"vendas_produtos": 1})
    assert project.rows("select distinct regime_tributario from company_profile where is_active") == [(None,)]


def test_a_margin_that_its_column_cannot_hold_is_a_500_that_leaves_the_row(project: Project) -> None:
    project.add("company_profile", razao_social="UM")
    send(project)
    answer = send(project, {"vendas_produtos": 10_000, "aluguel": 110_000})
    assert (answer.status_code, answer.json()) == (500, {"error": "numeric field overflow"})
    assert columns(project, "calc_receita_bruta") == [(Decimal("12000.30"),)]
    assert project.rows("select faturamento_mensal_medio from company_profile") == [(Decimal("12000.30"),)]
    assert send(project, {"vendas_produtos": 10_000, "aluguel": 109_999}).status_code == 200
    assert columns(project, "calc_margem_liquida") == [(Decimal("-999.99"),)]


def test_what_a_body_must_have(project: Project) -> None:
    no_year = {"inputs": {}, "period": {"month": 1}}
    text = {"inputs": {"aluguel": "100"}, "period": PERIOD}
    bodies: list[Any] = [{}, {"inputs": INPUTS}, text, no_year, [], None]
    for body in bodies:
        assert project.signed_in("process-dre", body).status_code == 500
    assert project.rows("select count(*) from company_dre") == [(0,)]


def test_faults(project: Project) -> None:
    """Trap 66; and trap 62: the service's key is refused."""
    project.add("company_profile", razao_social="UM")
    seen = []
    for name in ("server_error", "without_effect", "half_done", "error_after"):
        project.fake.fail(f"process-dre_{name}", 1)
        status = send(project).status_code
        written = project.rows(
            "select (select count(*) from company_dre), count(*) from company_profile where faturamento_anual > 0"
        )
        seen.append((status, *written[0]))
    assert seen == [(500, 0, 0), (200, 0, 0), (500, 1, 0), (500, 1, 1)]
    assert project.call({"inputs": INPUTS, "period": PERIOD}, "process-dre").status_code == 401
