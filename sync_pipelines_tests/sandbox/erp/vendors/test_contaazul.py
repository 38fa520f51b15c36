"""The fake Conta Azul has the vendor's manners (contract of the ERPs, section 6, traps 22 to 31)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import httpx
import pytest

from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines.sandbox.erp.contaazul_documents import uuid_of
from sync_pipelines.sandbox.erp.contaazul_limits import ContaAzulLimits, ContaAzulRules
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle
from sync_pipelines_tests.erp.vendors.conformance.companies import company as company_with_xml
from sync_pipelines_tests.erp.vendors.conformance.companies import note as note_with_xml
from sync_pipelines_tests.sandbox.erp.vendors.clients import company, key_of, note, product
from sync_pipelines_tests.sandbox.erp.vendors.contaazul_caller import FINANCE, NOVEMBER, ContaAzulCaller

New = Callable[..., ContaAzulCaller]


def test_a_period_may_differ_by_fifteen_days_and_not_by_sixteen(new_contaazul: New) -> None:
    caller = new_contaazul(company(notes=1))
    first = {"data_inicial": "2026-11-01"}
    assert caller.get("/notas-fiscais", **first, data_final="2026-11-16").status_code == 200
    assert caller.refused("/notas-fiscais", **first, data_final="2026-11-17") == (
        "O período entre data_inicial e data_final não pode ser maior que 15 dias"
    )
    assert "data_inicial" in caller.refused("/notas-fiscais", **first, data_final="2026-10-31")
    assert "data_final" in caller.refused("/notas-fiscais", **first)
    assert "data_inicial" in caller.refused(
        "/notas-fiscais", data_inicial="01/11/2026", data_final="2026-11-02"
    )


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/notas-fiscais", (10, 20, 50, 100)), ("/produtos", (10, 20, 50, 100, 200, 500, 1000))],
)
def test_each_list_takes_pages_of_its_own_sizes(
    new_contaazul: New, path: str, allowed: tuple[int, ...]
) -> None:
    caller = new_contaazul(company())
    for size in allowed:
        assert caller.get(path, **{**NOVEMBER, "tamanho_pagina": size}).status_code == 200
    for size in (30, 1, 5000):
        assert "tamanho_pagina" in caller.refused(path, **{**NOVEMBER, "tamanho_pagina": size})
    assert "pagina" in caller.refused(path, **NOVEMBER, pagina=0)


def test_the_list_shows_issued_sales_and_counts_all_of_them(new_contaazul: New) -> None:
    made = company(notes=3)
    made.notes[1].corrected = True
    made.add_note(note(7010, direction=0))
    made.add_note(note(7011, model="65"))
    caller = new_contaazul(made)
    listed = caller.get("/notas-fiscais", **NOVEMBER).json()
    assert listed == {
        "itens": [
            {"chave_acesso": key_of(1), "numero_nota": 1, "status": "EMITIDA"},
            {"chave_acesso": key_of(2), "numero_nota": 2, "status": "CORRIGIDA_SUCESSO"},
            {"chave_acesso": key_of(3), "numero_nota": 3, "status": "EMITIDA"},
        ],
        "paginacao": {"pagina_atual": 1, "tamanho_pagina": 100, "total_itens": 3, "total_paginas": 1},
    }
    for vendor_id in (7001, 7002, 7003):
        made.cancel(vendor_id)
    nothing = {"pagina_atual": 1, "tamanho_pagina": 9223372036854775807, "total_itens": 3, "total_paginas": 1}
    assert caller.get("/notas-fiscais", **NOVEMBER).json() == {"itens": [], "paginacao": nothing}
    caller.fake.fail("invoices_null_rows")
    assert caller.get("/notas-fiscais", **NOVEMBER).json()["itens"] is None


def test_a_misspelt_parameter_brings_everything(new_contaazul: New) -> None:
    made = company(notes=2, products=2)
    made.products[1].is_active = False
    caller = new_contaazul(made, manners=Manners(needs_dates=False))
    found = caller.get(
        "/notas-fiscais", data_emissao_inicio="2020-01-01", data_emissao_fim="2020-01-02"
    ).json()
    assert len(found["itens"]) == 2
    # The active ones alone, whatever the status that a client asks for under another name.
    assert [one["status"] for one in caller.get("/produtos", situacao="INATIVO").json()["items"]] == ["ATIVO"]
    assert [one["status"] for one in caller.get("/produtos", status="INATIVO").json()["items"]] == ["INATIVO"]


def test_a_document_is_xml_or_a_zip_with_its_event_or_not_there(new_contaazul: New) -> None:
    made = company_with_xml(
        [note_with_xml(1), note_with_xml(2, corrected=True), note_with_xml(3, has_xml=False)]
    )
    caller = new_contaazul(made)
    plain, corrected, missing = made.notes

    def document(key: str | None) -> httpx.Response:
        return caller.get(f"/notas-fiscais/{key}")

    answered = document(plain.key)
    assert (answered.content, answered.headers["content-type"]) == (plain.xml(), "application/octet-stream")
    with ZipFile(BytesIO(document(corrected.key).content)) as archive:
        assert archive.namelist() == ["XML_1.xml", "EVENTO_1.xml"]
        assert archive.read("XML_1.xml") == corrected.xml()
        assert b"<tpEvento>110110</tpEvento>" in archive.read("EVENTO_1.xml")
    for key in (missing.key, "0" * 44):
        assert document(key).status_code == 404
        assert document(key).json() == {"error": "Nenhuma nota fiscal encontrada com a chave informada"}
    made.cancel(plain.vendor_id)
    with ZipFile(BytesIO(document(plain.key).content)) as archive:
        assert b"<tpEvento>110111</tpEvento>" in archive.read("EVENTO_1.xml")
    caller.fake.manners.cancelled_by_key = "missing"
    assert document(plain.key).status_code == 404


def test_products_are_in_english_and_their_ncm_is_in_the_detail(new_contaazul: New) -> None:
    made = company(products=1)
    made.add_product(product(2, is_service=True))
    caller = new_contaazul(made)
    listed = caller.get("/produtos").json()
    assert (len(listed["items"]), listed["totalItems"], "fiscal" in listed["items"][0]) == (1, 1, False)
    detail = caller.get(f"/produtos/{uuid_of(1)}").json()
    assert (detail["fiscal"]["ncm"]["codigo"], detail["ativo"]) == ("0811.90.00", True)
    assert caller.get(f"/produtos/{uuid_of(9)}").status_code == 404
    assert caller.get("/pessoas/conta-conectada").json()["documento"] == "12ABC34501DE35"


def test_titles_are_asked_for_by_due_date_and_their_shares_are_in_the_detail(new_contaazul: New) -> None:
    made = company()
    made.categories.append(SandboxCategory(1, "1", "Aluguel", side="payable"))
    days = {"issued_on": date(2026, 11, 3), "due_on": date(2026, 11, 30), "competence": None}
    made.titles += [
        SandboxTitle(9501, "payable", Decimal("10.00"), **days, splits=[(1, Decimal("10.00"))]),
        SandboxTitle(9502, "payable", Decimal("5.00"), **days, state="cancelled"),
    ]
    caller = new_contaazul(made)
    path, due = f"{FINANCE}/contas-a-pagar/buscar", {"data_vencimento_de": "2026-11-30"}
    assert "data_vencimento_ate" in caller.refused(path, **due)
    listed = caller.get(path, **due, data_vencimento_ate="2036-11-30").json()
    [row] = listed["itens"]
    assert (listed["itens_totais"], row["status_traduzido"], row["total"]) == (1, "EM_ABERTO", 10.0)
    # The day of the entry where nobody says another competence.
    assert row["data_competencia"] == "2026-11-03"
    assert row["categorias"] == [{"id": uuid_of(1), "nome": "Aluguel"}]
    [share] = caller.get(f"{FINANCE}/parcelas/{uuid_of(9501)}").json()["evento"]["rateio"]
    assert (share["id_categoria"], share["valor"]) == (uuid_of(1), 10.0)
    assert caller.get(f"{FINANCE}/parcelas/{uuid_of(9502)}").status_code == 404
    assert caller.get("/categorias", tipo="RECEITA").json() == {"itens_totais": 0, "itens": []}
    assert caller.get("/categorias", tipo="DESPESA").json()["itens_totais"] == 1


def test_ten_calls_a_second_and_six_hundred_a_minute(new_contaazul: New) -> None:
    caller = new_contaazul(company(), company())
    answered = [caller.get("/pessoas/conta-conectada", wait=0).status_code for _ in range(12)]
    assert answered == [200] * 10 + [429] * 2
    assert caller.get("/pessoas/conta-conectada", wait=0, account=1).status_code == 200
    assert caller.get("/pessoas/conta-conectada").status_code == 200
    [refused, _] = caller.fake.calls.of(status=429)
    assert refused.fault == "policies.ratelimit.QuotaViolation"
    limits = ContaAzulLimits(ContaAzulRules(calls_per_second=None))
    assert [limits.is_over("1", now / 20) for now in range(602)] == [False] * 600 + [True] * 2
    assert not limits.is_over("1", 60.0)


def test_an_access_token_lasts_an_hour_and_a_refresh_token_dies_with_its_use(new_contaazul: New) -> None:
    caller = new_contaazul(company())
    old = caller.fake.account.refresh_token
    assert caller.get("/pessoas/conta-conectada", wait=3_598).status_code == 200
    assert caller.get("/pessoas/conta-conectada", wait=2).status_code == 401
    answer = caller.token().json()
    assert answer["expires_in"] == 3_600
    assert answer["refresh_token"] == caller.fake.account.refresh_token != old
    assert answer["access_token"].count(".") == 2
    assert caller.get("/pessoas/conta-conectada", token=answer["access_token"]).status_code == 200
    used = caller.token(grant_type="refresh_token", refresh_token=old)
    assert (used.status_code, used.json()["error"]) == (400, "invalid_grant")
    assert caller.token(basic="Basic bm86Ym9keQ==").json()["error"] == "invalid_client"
    # Three minutes for the code of a person's consent.
    code = caller.fake.oauth.authorize(caller.fake.account)
    assert caller.token(wait=179, grant_type="authorization_code", code=code).status_code == 200


def test_the_retired_host_refuses_everybody(new_contaazul: New) -> None:
    caller = new_contaazul(company(), is_retired=True)
    assert caller.get("/pessoas/conta-conectada").status_code == 401
    assert caller.token().status_code == 200
    assert caller.get("/notas-fiscais", **NOVEMBER).status_code == 401


def test_faults_are_switched_by_name_and_no_token_is_recorded(new_contaazul: New) -> None:
    caller = new_contaazul(company(notes=3))
    faults = f"{caller.fake.origin}/_sandbox/faults"
    assert caller.http.post(faults, json={"name": "invoices_server_error", "times": 1}).status_code == 201
    assert caller.http.post(faults, json={"name": "nothing"}).status_code == 400
    statuses = [caller.get("/notas-fiscais", **NOVEMBER).status_code for _ in range(2)]
    assert statuses == [500, 200]
    caller.token()
    recorded = repr(caller.fake.calls.all)
    account = caller.fake.account
    assert not any(
        one in recorded for one in (account.access_token, account.refresh_token, account.client_secret)
    )
    assert [call.fault for call in caller.fake.calls.of("invoices")] == ["error_500", None]
