"""What the truth expects of a processed month is what the double of `process-dre` makes of it; a change is found."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines.sandbox.erp.dre_figures import AMOUNTS, RENAMED, dre_figures
from sync_pipelines.sandbox.erp.ledger import add_ledger
from sync_pipelines.sandbox.erp.truth import Account, differences
from sync_pipelines.sandbox.erp.truth_statements import figures_of
from sync_pipelines.sandbox.erp.year import made_up_company
from sync_pipelines_tests.sandbox.erp.functions_project import Project


@pytest.mark.parametrize("regime", ["simples", "presumido", "real", None])
@pytest.mark.parametrize("automatic", [True, False])
def test_the_figures_of_a_month_are_those_of_the_function(regime: str | None, automatic: bool) -> None:
    random = Random(f"{regime} {automatic}")
    for _ in range(50):
        amounts = {name: Decimal(random.randrange(10**7)) / 100 for name in AMOUNTS if random.random() < 0.6}
        amounts = dict.fromkeys(AMOUNTS, Decimal(0)) | amounts
        row: dict[str, Any] = {f"input_{RENAMED.get(name, name)}": value for name, value in amounts.items()}
        row |= {"input_regime_tributario": regime, "input_calcular_impostos_auto": automatic}
        made = dre_figures(
            {name: float(value) for name, value in amounts.items()}, regime, automatic=automatic
        )
        for name, value in figures_of(row).items():
            assert abs(value - Decimal(made[name])) < Decimal("0.001"), name


TODAY = date(2026, 11, 22)


def _account(project: Project, erp_type: str, seed: int) -> Account:
    """An account whose company sold goods this month, as far as its ERP says so."""
    company = made_up_company(seed, until=TODAY, months=1, a_month=12, products=8, lines=1)
    add_ledger(company, seed, until=TODAY, erp_type=erp_type, months=1)
    company.titles = [one for one in company.titles if one.note_key]
    return Account(
        company,
        erp_type,
        user_id=project.user_id,
        connection_id=uuid4(),
        first=date(2026, 11, 1),
        last=TODAY,
        company_id=add_company(project.database, project.user_id, company.profile.cnpj),
    )


def test_what_the_function_left_is_the_truth_once_the_other_company_has_its_own_again(
    project: Project,
) -> None:
    seller, other = _account(project, "omie", 3), _account(project, "sankhya", 4)
    sales = float(sum(one.amount for one in seller.company.titles))
    inputs = {"vendas_produtos": sales, "calcular_auto": True, "regime_tributario": "real"}
    body = {"inputs": inputs, "period": {"type": "monthly", "year": 2026, "month": 11}}
    assert project.signed_in("process-dre", body).status_code == 200
    project.database.execute("update company_dre set company_id = %s", [seller.company_id])

    def found() -> list[str]:
        return differences(project.database, seller, other, modules=[], with_statements=True)

    # It writes its figures into the profile of every company of the user.
    assert [one.partition(" is ")[0] for one in found()] == [
        f"profile of {other.company.profile.trade_name}: {name}"
        for name in (
            "faturamento_mensal_medio",
            "faturamento_anual",
            "receita_liquida_mensal",
            "compras_insumos_mensal",
            "folha_mensal",
            "prolabore_mensal",
        )
    ]
    project.database.execute(
        "update company_profile set faturamento_mensal_medio = null, faturamento_anual = null,"
        " receita_liquida_mensal = null, compras_insumos_mensal = null, folha_mensal = null,"
        " prolabore_mensal = null where id = %s",
        [other.company_id],
    )
    assert found() == []
    project.database.execute("update company_dre set calc_lucro_liquido = calc_lucro_liquido - 0.02")
    assert [one.partition(" is ")[0] for one in found()] == [
        "company_dre of 2026-11 of Aurora 3: calc_lucro_liquido"
    ]
