"""The doubles of the NCM analysis, the score and the opportunities: what they read, replace and add (section 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines_tests.sandbox.erp.functions_project import NOW, Project

NCM = "analyze-ncm-from-xmls"
SCORE = "calculate-tax-score"
MATCH = "match-opportunities"


def add_note(project: Project, *goods: tuple[str | None, str, float]) -> None:
    lines = [{"ncm": ncm, "descricao": name, "valorTotal": amount} for ncm, name, amount in goods]
    project.add("xml_analysis", xml_type="NFe", raw_data=Jsonb({"produtos": lines}))


@pytest.mark.parametrize("function", [NCM, SCORE, MATCH])
def test_the_service_is_nobody_to_them(project: Project, function: str) -> None:
    """Trap 62."""
    assert project.call({"user_id": str(project.user_id)}, function).json() == {"error": "Unauthorized"}
    assert project.http.post(f"/functions/v1/{function}").status_code == 401


def test_the_ncm_analysis_replaces_the_catalogue_of_the_user(project: Project) -> None:
    """Trap 63."""
    company_id = project.add("company_profile", razao_social="UM")
    project.add("company_ncm_analysis", company_id=company_id, product_name="DO ERP", ncm_code="19022000")
    other = Project(project.fake, project.database, project.http)
    other.add("company_ncm_analysis", product_name="ALHEIO", ncm_code="1")
    assert project.signed_in(NCM).json()["stats"]["xmls_processed"] == 0
    assert project.rows("select count(*) from company_ncm_analysis") == [(2,)]
    add_note(project, ("1902.20.00", "MASSA", 60.0), ("84", "PEÇA", 20.0), (None, "SEM NCM", 10.0))
    add_note(project, ("19022000", "OUTRA MASSA", 10.0), ("190220001", "LONGO", 0.0))
    project.add("xml_analysis", xml_type="NFe")
    answer = project.signed_in(NCM).json()
    assert answer["stats"] == {
        "xmls_processed": 3,
        "ncms_found": 3,
        "ncms_created": 3,
        "ncms_ok": 1,
        "ncms_critical": 2,
        "total_faturamento": 100.0,
        "critical_revenue_percentage": 30.0,
    }
    rows = project.rows(
        "select ncm_code, product_name, status, revenue_percentage, company_id from company_ncm_analysis"
        f" where user_id = '{project.user_id}' order by revenue_percentage desc"
    )
    assert rows == [
        ("19022000", "MASSA", "ok", Decimal(70), None),
        ("84", "PEÇA", "revisar_ncm", Decimal(20), None),
        ("", "SEM NCM", "incompleto", Decimal(10), None),
    ]
    assert project.rows("select count(*) from company_ncm_analysis") == [(4,)]
    project.fake.fail(f"{NCM}_half_done", 1)
    assert project.signed_in(NCM).status_code == 500
    assert project.rows("select product_name from company_ncm_analysis") == [("ALHEIO",)]


def test_the_ncm_analysis_reads_a_thousand_invoices(project: Project) -> None:
    project.database.execute(
        "insert into xml_analysis (user_id, xml_type, raw_data) select %s, 'NFe', %s from generate_series(1, 1001)",
        [project.user_id, Jsonb({"produtos": [{"ncm": "19022000", "valorTotal": 1}]})],
    )
    assert project.signed_in(NCM).json()["stats"]["total_faturamento"] == 1000.0


def test_the_score_of_a_user_grows_a_history(project: Project) -> None:
    """Trap 65: each call adds a row, whether or not anything changed."""
    assert project.signed_in(SCORE).json()["score"] == 0
    assert project.rows("select count(*) from tax_score_history") == [(0,)]
    project.add("profiles", empresa="UM", cnae="4711", regime="simples", faturamento_mensal=1000)
    project.add("simulations", calculator_slug="comparativo-regimes")
    project.add_import()
    project.database.execute("update tax_score set resp_certidoes = 'sim', resp_situacao_fiscal = 'regular'")
    project.add("credit_analysis_summary", total_potential=39.45)
    first = project.signed_in(SCORE).json()
    assert first["dimensions"] == {
        "conformidade": 100,
        "eficiencia": 50,
        "risco": 200,
        "documentacao": 10,
        "gestao": 100,
    }
    assert (first["score"], first["grade"], first["cardsCompletos"]) == (460, "C", 5)
    # The statement that was created last counts, though another month is newer.
    for month, revenue, age in ((11, 1000, "1 hour"), (9, 500, "0")):
        project.add(
            "company_dre",
            period_year=2026,
            period_month=month,
            calc_receita_bruta=revenue,
            calc_deducoes_receita=100,
        )
        project.database.execute(
            "update company_dre set created_at = now() - %s::interval where period_month = %s", [age, month]
        )
    second = project.signed_in(SCORE).json()
    assert second["dimensions"] == {**first["dimensions"], "eficiencia": 160, "gestao": 200}
    project.signed_in(SCORE)
    assert project.rows("select score_total, calculated_at from tax_score_history order by 1") == [
        (460, NOW),
        (670, NOW),
        (670, NOW),
    ]
    assert project.rows(
        "select score_total, score_grade, auto_regime_tributario, auto_dre_preenchido, economia_potencial,"
        " resp_certidoes, calculated_at from tax_score"
    ) == [(670, "B", "simples", True, Decimal("39.45"), "sim", NOW)]
    assert project.rows("select action_code from score_actions") == [("IMPORTAR_XMLS",)]


def test_faults_of_the_score(project: Project) -> None:
    project.add("profiles", empresa="UM")
    seen: list[Any] = []
    for name in ("half_done", "without_effect", "error_after"):
        project.fake.fail(f"{SCORE}_{name}", 1)
        answer = project.signed_in(SCORE)
        tables = project.rows(
            "select (select count(*) from tax_score_history), (select count(*) from score_actions)"
        )
        seen.append((answer.status_code, *tables[0]))
    assert seen == [(500, 1, 0), (200, 1, 0), (500, 2, 4)]
    project.database.execute("alter table score_actions rename to gone")
    assert project.signed_in(SCORE).json() == {
        "error": "Erro ao calcular score",
        "details": 'relation "public.score_actions" does not exist',
    }


def test_opportunities_want_one_company(project: Project) -> None:
    """Trap 64."""
    refusal = {"error": "complete_profile", "message": "Complete o perfil da empresa primeiro"}
    assert project.signed_in(MATCH, {}).json() == refusal
    first = project.add("company_profile", setor="comercio", uf_sede="SP", faturamento_mensal_medio=100_000)
    answer = project.signed_in(MATCH).json()
    assert (answer["total_opportunities"], answer["quick_wins"], answer["high_impact"]) == (2, 1, 2)
    assert (answer["economia_anual_min"], answer["by_category"]) == (18000.0, {"creditos": 1, "icms": 1})
    project.add("company_profile", setor="industria", regime_tributario="simples")
    answered = project.signed_in(MATCH, {"company_id": str(uuid4())})
    assert (answered.status_code, answered.json()) == (400, refusal)
    assert project.rows("select distinct company_id from company_opportunities") == [(None,)]
    assert project.signed_in(MATCH, {"company_id": str(first)}).json()["total_opportunities"] == 2
    assert project.rows("select company_id, count(*) from company_opportunities group by 1") == [(first, 2)]


def test_a_persons_word_on_an_opportunity_is_lost(project: Project) -> None:
    project.add("company_profile", setor="comercio", uf_sede="SP")
    project.signed_in(MATCH)
    project.database.execute(
        "update company_opportunities set status = 'interessado', notas_usuario = 'nossa'"
    )
    project.database.execute("update tax_opportunities set is_active = false where code = 'SP_ICMS'")
    project.signed_in(MATCH)
    query = (
        "select o.code, c.status, c.notas_usuario from company_opportunities c"
        " join tax_opportunities o on o.id = c.opportunity_id order by 1"
    )
    assert project.rows(query) == [
        ("COMERCIO_CREDITOS", "nova", "nossa"),
        ("SP_ICMS", "interessado", "nossa"),
    ]
    project.fake.fail(f"{MATCH}_half_done", 1)
    assert project.signed_in(MATCH).status_code == 500
    assert project.rows(query) == [("SP_ICMS", "interessado", "nossa")]
