"""What Omie lists, and how it pages (contract of the ERPs, section 4, traps 2, 6 to 12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from sync_pipelines_tests.sandbox.erp.vendors.clients import (
    BRASILIA,
    CUSTOMER,
    SUPPLIER,
    OmieCaller,
    company,
    key_of,
    note,
)

NewOmie = Callable[..., OmieCaller]


def test_an_invoice_has_the_shape_of_the_contract(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    answered = caller.call(
        "ListarNF", pagina=1, registros_por_pagina=100, dEmiInicial="01/11/2026", dEmiFinal="30/11/2026"
    )
    assert answered.status_code == 200
    page = answered.json()
    assert {name: page[name] for name in page if name != "nfCadastro"} == {
        "pagina": 1,
        "total_de_paginas": 1,
        "registros": 1,
        "total_de_registros": 1,
    }
    [found] = page["nfCadastro"]
    assert found["ide"] == {
        "mod": 55,
        "serie": 1,
        "nNF": "000000001",
        "dEmi": "03/11/2026",
        "hEmi": "23:30:00",
        "dSaiEnt": "03/11/2026",
        "tpNF": 1,
        "tpAmb": "1",
        "finNFe": "1",
        "dReg": "03/11/2026",
        "dCan": "",
        "dInut": "",
        "cDeneg": "N",
    }
    assert found["nfDestInt"]["cnpj_cpf"] == "11.222.333/0001-81"
    assert found["compl"]["cChaveNFe"] == key_of(1)
    assert (found["det"][0]["prod"]["NCM"], found["det"][0]["prod"]["CFOP"]) == ("0811.90.00", "5.102")
    assert found["total"]["ICMSTot"]["vNF"] == 14.88
    [call] = caller.omie.calls.of("ListarNF", account="omie-1", status=200)
    assert call.parameters["dEmiInicial"] == "01/11/2026"
    assert caller.omie.account.app_key not in repr(caller.omie.calls.all)
    assert caller.omie.account.app_secret not in repr(caller.omie.calls.all)


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"dEmiInicial": "04/11/2026"}, [7002]),
        ({"dEmiFinal": "03/11/2026"}, [7001]),
        ({"dEmiInicial": "03/11/2026", "dEmiFinal": "04/11/2026"}, [7001, 7002]),
        # Trap 6: an ISO date and a misspelt filter say nothing, and everything comes.
        ({"dEmiInicial": "2026-11-04"}, [7001, 7002]),
        ({"dDtEmisIni": "04/11/2026"}, [7001, 7002]),
        ({"tpNF": "0"}, [7002]),
        ({"tpNF": 1}, [7001]),
        ({"filtrar_por_status": "C"}, [7002]),
        ({"filtrar_por_status": "N"}, [7001]),
        ({"tpAmb": "2"}, None),
    ],
)
def test_what_the_filters_do(new_omie: NewOmie, asked: dict[str, Any], ids: list[int] | None) -> None:
    ours = company(notes=1)
    later = datetime(2026, 11, 4, 0, 0, tzinfo=BRASILIA)
    ours.add_note(
        note(7002, issued_at=later, direction=0, issuer=SUPPLIER, recipient=CUSTOMER, state="cancelled")
    )
    caller = new_omie(ours)
    if ids is None:
        assert caller.call("ListarNF", **asked).json()["faultcode"] == "SOAP-ENV:Client-5113"
    else:
        assert caller.ids(**asked) == ids


def test_pages_are_cut_to_a_hundred_and_the_one_behind_the_last_is_an_error(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=200))
    first = caller.call("ListarNF", pagina=1, registros_por_pagina=500).json()
    assert (first["registros"], first["total_de_paginas"], first["total_de_registros"]) == (100, 2, 200)
    second = caller.call("ListarNF", pagina=2, registros_por_pagina=500).json()
    assert [one["compl"]["nIdNF"] for one in second["nfCadastro"]] == list(range(7101, 7201))
    third = caller.call("ListarNF", pagina=3, registros_por_pagina=500)
    assert third.status_code == 500
    assert third.json() == {
        "faultstring": "ERROR: Não existem registros para a página [3]!",
        "faultcode": "SOAP-ENV:Client-5113",
    }
    # What is not asked for is fifty rows.
    assert caller.call("ListarNF").json()["registros"] == 50


def test_states_and_directions(new_omie: NewOmie) -> None:
    ours = company()
    ours.add_note(note(7001, state="cancelled"))
    ours.add_note(note(7002, state="denied"))
    ours.add_note(note(7003, state="voided", key=None, items=[]))
    ours.add_note(note(7004, state="unissued", key=None))
    ours.add_note(note(7005, direction=0, issuer=SUPPLIER, recipient=CUSTOMER))
    ours.add_note(note(7006, model="65", recipient=None))
    rows = new_omie(ours).call("ListarNF").json()["nfCadastro"]
    by_id = {row["compl"]["nIdNF"]: row for row in rows}
    assert sorted(by_id) == [7001, 7002, 7003, 7005, 7006]
    assert by_id[7001]["ide"]["dCan"] == "22/11/2026"
    assert (by_id[7002]["ide"]["cDeneg"], by_id[7002]["ide"]["tpNF"]) == ("S", "1")
    assert by_id[7003]["ide"]["dInut"] == "03/11/2026"
    # Trap 9: on the other side of a purchase stands the supplier.
    assert (by_id[7005]["ide"]["tpNF"], by_id[7005]["nfDestInt"]["cRazao"]) == (0, "FORNECEDOR TESTE")
    assert by_id[7005]["total"]["ICMSTot"]["vNF"] == "14.88"
    assert (by_id[7006]["ide"]["mod"], by_id[7006]["nfDestInt"]["cnpj_cpf"]) == ("65", "")


def test_the_document_of_an_invoice(new_omie: NewOmie) -> None:
    ours = company(notes=1)
    ours.add_note(note(7002, has_xml=False))
    caller = new_omie(ours)
    found = caller.call("ObterNfe", nIdNfe=7001).json()
    assert (found["cCodStatus"], found["nChaveNfe"]) == ("0", ours.note(7001).key)
    assert found["cXmlNfe"] == ours.note(7001).xml().decode()
    missing = caller.call("ObterNfe", nIdNfe=7002).json()
    assert (missing["cCodStatus"], missing["cXmlNfe"]) == ("1", "")
    assert "não cadastrada" in caller.call("ObterNfe", nIdNfe=9).json()["faultstring"]
    caller.omie.fail("ObterNfe_escaped", page=7001)
    assert caller.call("ObterNfe", nIdNfe=7001).json()["cXmlNfe"].startswith("&lt;nfeProc&gt;")


def test_the_documents_of_the_accountant_page_by_other_words(new_omie: NewOmie) -> None:
    ours = company(notes=3)
    ours.set_state(7002, "denied")
    ours.alter_note(7003, direction=0)
    caller = new_omie(ours)
    page = caller.call("ListarDocumentos", nPagina=1, nRegPorPagina=1, cModelo="55").json()
    assert (page["nPagina"], page["nTotPaginas"], page["nRegistros"], page["nTotRegistros"]) == (1, 2, 1, 2)
    [first] = page["documentosEncontrados"]
    assert (first["cStatus"], first["nIdNF"]) == ("00", 7001)
    assert first["cXml"] == ours.note(7001).xml().decode()
    second = caller.call("ListarDocumentos", nPagina=2, nRegPorPagina=1, cModelo="55").json()
    assert second["documentosEncontrados"][0]["cStatus"] == "20"
    bought = caller.call("ListarDocumentos", cOperacao="0").json()["documentosEncontrados"]
    assert [one["nIdNF"] for one in bought] == [7003]


def test_products_that_are_not_sold_at_the_point_of_sale_hide(new_omie: NewOmie) -> None:
    ours = company(products=3)
    ours.alter_product(2, is_pdv=True)
    ours.alter_product(3, is_active=False, is_service=True, ncm="00")
    caller = new_omie(ours)
    hidden = caller.call("ListarProdutos", pagina=1).json()["produto_servico_cadastro"]
    assert [one["codigo_produto"] for one in hidden] == [2]
    shown = caller.call("ListarProdutos", pagina=1, filtrar_apenas_omiepdv="N").json()[
        "produto_servico_cadastro"
    ]
    assert [(one["codigo_produto"], one["inativo"], one["tipoItem"], one["ncm"]) for one in shown] == [
        (1, "N", "00", "0811.90.00"),
        (2, "N", "00", "0811.90.00"),
        (3, "S", "09", "00"),
    ]


def test_the_company(new_omie: NewOmie) -> None:
    caller = new_omie(company())
    [found] = caller.call("ListarEmpresas").json()["empresas_cadastro"]
    assert found["cnpj"] == "12.ABC.345/01DE-35"
    assert (found["cidade"], found["optante_simples_nacional"]) == ("SÃO PAULO (SP)", "S")
    caller.omie.fail("ListarEmpresas_city_code")
    assert caller.call("ListarEmpresas").json()["empresas_cadastro"][0]["cidade"] == "3550308"


def test_without_the_trailing_slash_one_is_sent_on(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    asked = {"call": "ListarNF", **caller.omie.account.credentials, "param": [{}]}
    sent_on = caller.http.post("/produtos/nfconsultar", json=asked)
    assert sent_on.status_code == 301
    assert sent_on.headers["Location"].endswith("/api/v1/produtos/nfconsultar/")
    # A client that follows asks with GET, and gets a page for people.
    followed = caller.http.post("/produtos/nfconsultar", json=asked, follow_redirects=True)
    assert followed.headers["Content-Type"].startswith("text/html")


def test_what_cannot_be_read_and_what_is_not_there(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    assert caller.http.post("/geral/produtos/", content=b"{").status_code == 500
    caller.paths["ListarContas"] = "/geral/produtos/"
    assert "not exists" in caller.call("ListarContas").json()["faultstring"]
    caller.paths["ListarNF"] = "/geral/produtos/"
    assert "not exists" in caller.call("ListarNF").json()["faultstring"]
    assert caller.http.post("/geral/nada/", json={}).status_code == 404
