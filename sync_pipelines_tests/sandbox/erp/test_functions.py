"""The doubles of the Edge Functions: who may call them, what they write, and how they fail (contract, section 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from sync_pipelines_tests.sandbox.erp.functions_project import Project

ITEM = {
    "ncm": "19022000",
    "cfop": "5102",
    "cst_pis": "01",
    "cst_cofins": "01",
    "cst_icms": "00",
    "valor_pis": 1.65,
    "valor_cofins": 7.6,
    "valor_icms": 18.0,
    "valor_ipi": 5,
    "valor_icms_st": 7.2,
    "credito_pis": 0,
    "credito_cofins": 0,
    "credito_icms": 0,
    "valor_item": 100,
    "descricao": "ITEM",
}
RTC = {
    "municipio": 3550308,
    "uf": "SP",
    "itens": [
        {
            "numero": 1,
            "ncm": "19022000",
            "descricao": "ITEM",
            "quantidade": 3,
            "unidade": "UN",
            "valorUnitario": 33.335,
            "cst": "000",
            "cClassTrib": "000001",
        }
    ],
}


def document(key: str = "K1", **item: object) -> dict[str, Any]:
    return {
        "chave_nfe": key,
        "numero": "77",
        "data_emissao": "2026-10-31T23:30:00-03:00",
        "cnpj_emitente": "12ABC34501DE35",
        "nome_emitente": "FORNECEDOR",
        "itens": [{**ITEM, **item}],
    }


def test_the_service_analyses_for_the_user_that_it_names(project: Project) -> None:
    answer = project.analyse(document()).json()
    assert answer["success"] is True
    assert answer["credits_count"] == 4
    assert answer["summary"]["total_potential"] == 39.45
    assert answer["summary"]["by_tax_type"] == {
        "pis_cofins": 9.25,
        "icms": 18.0,
        "icms_st": 7.2,
        "ipi": 5.0,
        "iss": 0,
    }
    credits = project.rows(
        "select user_id, nfe_key, nfe_number, nfe_date::text, supplier_cnpj, potential_recovery, confidence_level, cst"
        " from identified_credits order by potential_recovery"
    )
    same = (project.user_id, "K1", "77", "2026-10-31", "12ABC34501DE35")
    assert credits == [
        (*same, Decimal("5.00"), "low", "00"),
        (*same, Decimal("7.20"), "medium", "00"),
        (*same, Decimal("9.25"), "high", "01"),
        (*same, Decimal("18.00"), "medium", "00"),
    ]


def test_the_summary_of_today_has_the_figures_of_the_last_call_alone(project: Project) -> None:
    project.analyse(document("K1"), document("K2"))
    project.analyse(document("K3"))
    query = (
        "select analysis_date::text, period_start::text, period_end::text, pis_cofins_potential, icms_potential,"
        " icms_st_potential, ipi_potential, high_confidence_total, medium_confidence_total, low_confidence_total,"
        " total_potential, total_xmls_analyzed, credits_found_count from credit_analysis_summary"
    )
    amounts = ("9.25", "18.00", "7.20", "5.00", "9.25", "25.20", "5.00", "39.45")
    assert project.rows(query) == [("2026-11-22", "2025-11-22", "2026-11-22", *map(Decimal, amounts), 1, 4)]


def test_a_call_without_the_import_doubles_credits_and_one_with_it_replaces_them(project: Project) -> None:
    """Trap 61."""
    for _ in range(2):
        project.analyse(document())
    assert project.rows("select count(*) from identified_credits") == [(8,)]
    project.database.execute("delete from identified_credits")
    import_id = str(project.add_import())
    for _ in range(2):
        project.analyse(document(), xml_import_id=import_id)
    assert project.rows("select count(*) from identified_credits") == [(4,)]
    assert project.analyse(xml_import_id=import_id).json()["credits_count"] == 0
    assert project.rows("select count(*) from identified_credits") == [(0,)]


def test_a_notification_comes_only_with_credits(project: Project) -> None:
    project.analyse(document(cst_pis="49", cst_icms="102", valor_ipi=0, valor_icms_st=0))
    assert project.rows("select count(*) from notifications") == [(0,)]
    project.analyse(document(valor_icms=1800))
    assert project.rows("select title, message, type, category, action_url from notifications") == [
        (
            "💰 4 créditos tributários identificados!",
            "Potencial de recuperação de R$ 1.821,45.",
            "success",
            "sistema",
            "/analise-notas-fiscais",
        )
    ]


def test_what_a_body_must_have(project: Project) -> None:
    """Trap 61: no body is a 500, too many documents are a 400."""
    bearer = {"Authorization": f"Bearer {project.fake.service_key}"}
    assert project.http.post("/functions/v1/analyze-credits", headers=bearer).status_code == 500
    assert project.analyse(parsed_xmls=None).status_code == 400
    assert project.analyse(parsed_xmls={}).status_code == 400
    assert project.analyse(*[document()] * 501).status_code == 400
    assert project.analyse(*[document()] * 2).status_code == 200
    assert project.analyse({"chave_nfe": "K"}).status_code == 500
    assert project.analyse(document(valor_icms="dezoito")).status_code == 500
    assert [call.status for call in project.fake.of("analyze-credits")] == [500, 400, 400, 400, 200, 500, 500]


def test_a_token_of_a_user_is_checked(project: Project) -> None:
    fake, other = project.fake, str(uuid4())

    def status(token: str) -> int:
        return project.call({"parsed_xmls": [document()], "user_id": other}, token=token).status_code

    claims = {"sub": str(project.user_id), "aud": "authenticated", "role": "authenticated", "exp": 2**33}
    assert status(fake.token(project.user_id)) == 200
    # The token counts, whatever the body names.
    assert project.rows("select distinct user_id from identified_credits") == [(project.user_id,)]
    assert status(fake.token(project.user_id, -1)) == 401
    assert status(fake.token(project.user_id, aud="anon")) == 401
    assert status(fake.token(project.user_id, role="anon")) == 401
    assert status(fake.token(project.user_id, sub="nobody")) == 401
    assert status(jwt.encode(claims, "x" * 32, "HS256")) == 401
    assert status(jwt.encode(claims, fake.jwt_secret, "HS512")) == 401
    assert status("no-token") == 401
    assert project.http.post("/functions/v1/analyze-credits", json={}).status_code == 401
    assert project.call({"parsed_xmls": []}).status_code == 401  # the service names nobody


def test_the_reform_is_calculated_for_a_user_and_kept(project: Project) -> None:
    """Trap 62: the service's key is refused."""
    assert project.call(RTC, "calculate-rtc").status_code == 401
    answer = project.call(RTC, "calculate-rtc", project.fake.token(project.user_id)).json()
    assert answer["totals"] == {"cbs": 0.9, "ibsUf": 0.1, "ibsMun": 0, "is": 0, "total": 1.0}
    assert project.rows("select user_id, result_data->'totals'->>'cbs' from tax_calculations") == [
        (project.user_id, "0.9")
    ]


@pytest.mark.parametrize("fields", [{"itens": []}, {"uf": ""}, {"itens": [{**RTC["itens"][0], "ncm": "00"}]}])  # type: ignore[index]
def test_the_reform_wants_goods_with_a_code(project: Project, fields: dict[str, Any]) -> None:
    answer = project.call({**RTC, **fields}, "calculate-rtc", project.fake.token(project.user_id))
    assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_faults_before_and_after_the_work(project: Project) -> None:
    """Trap 66."""
    for name, credits in (
        ("server_error", 0),
        ("without_effect", 0),
        ("error_after", 4),
        ("cut_after", 8),
        ("drop_after", 12),
    ):
        project.fake.fail(f"analyze-credits_{name}", 1)
        try:
            answer = project.analyse(document())
            assert answer.status_code == (200 if name == "without_effect" else 500)
        except httpx.TransportError:
            assert name in ("cut_after", "drop_after")
        assert project.rows("select count(*) from identified_credits") == [(credits,)]
    assert [call.status for call in project.fake.calls] == [500, 200, 500, 0, 0]


def test_a_fault_half_way_leaves_an_import_without_credits(project: Project) -> None:
    import_id = str(project.add_import())
    project.analyse(document(), xml_import_id=import_id)
    project.fake.fail("analyze-credits_half_done", 1)
    assert project.analyse(document(), xml_import_id=import_id).status_code == 500
    assert project.rows("select count(*) from identified_credits") == [(0,)]


def test_a_fault_hits_its_function_only_and_the_call_that_it_is_for(project: Project) -> None:
    project.fake.fail("calculate-rtc_server_error")
    project.fake.fail("analyze-credits_server_error", 1, after=1)
    assert [project.analyse(document()).status_code for _ in range(3)] == [200, 500, 200]
    reply = project.http.post("/_sandbox/faults", json={"name": "analyze-credits_bad_gateway", "times": 1})
    assert reply.status_code == 201
    assert project.analyse(document()).status_code == 502
    project.fake.clear()
    assert project.call(RTC, "calculate-rtc", project.fake.token(project.user_id)).status_code == 200


def test_something_may_happen_before_a_call_does_its_work(project: Project) -> None:
    happened: list[int] = []
    project.fake.before("analyze-credits", 2, lambda: happened.append(len(project.fake.calls)))
    for _ in range(3):
        project.analyse(document())
    assert happened == [1]


def test_a_function_that_is_not_there(project: Project) -> None:
    assert project.call({}, "match-nothing").status_code == 404
