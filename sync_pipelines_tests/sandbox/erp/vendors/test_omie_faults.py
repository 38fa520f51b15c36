"""The faults of the fake Omie, for a method, its n-th call, a page, an account (traps 1, 2 and 5 of the ERPs)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.omie_faults import ANSWERS
from sync_pipelines_tests.sandbox.erp.vendors.clients import OmieCaller, company, key_of

NewOmie = Callable[..., OmieCaller]


def test_a_fault_hits_the_call_that_it_is_meant_for(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1), company(notes=1))
    caller.omie.fail("ListarNF_fault", 1, after=2)
    assert [caller.call("ListarNF").status_code for _ in range(4)] == [200, 200, 500, 200]
    caller.omie.fail("ListarNF_unavailable", account="omie-2", page=2)
    assert caller.call("ListarNF", account=1, pagina=1).status_code == 200
    assert caller.call("ListarNF", account=0, pagina=2).status_code == 500
    assert caller.call("ListarNF", account=1, pagina=2).status_code == 503
    assert caller.call("ListarEmpresas", account=1, pagina=2).status_code == 500
    caller.omie.clear()
    assert caller.call("ListarNF", account=1, pagina=2).json()["faultcode"] == "SOAP-ENV:Client-5113"
    with pytest.raises(ValueError, match="There is no fault 'nada'"):
        caller.omie.fail("nada")


@pytest.mark.parametrize("name", sorted(name for name in ANSWERS if name.startswith("ListarProdutos_")))
def test_no_fault_is_taken_for_a_page(new_omie: NewOmie, name: str) -> None:
    caller = new_omie(company(products=1))
    caller.http.timeout = httpx.Timeout(0.2 if name.endswith("hang") else 10)
    caller.omie.fail(name, 1)
    try:
        answered = caller.call("ListarProdutos", filtrar_apenas_omiepdv="N")
        assert answered.status_code >= 400 or b"produto_servico_cadastro" not in answered.content
        assert caller.omie.calls.all[-1].status == answered.status_code
    except httpx.HTTPError:
        assert name.rpartition("_")[2] in ("hang", "drop", "cut")
        assert caller.omie.calls.count("ListarProdutos", status=0) in (0, 1)
    assert caller.call("ListarProdutos", filtrar_apenas_omiepdv="N").status_code == 200


def test_every_fault_of_the_vendor_may_come_with_status_200(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    caller.omie.fail("faults_200")
    for parameters in ({"pagina": 2}, {"pagina": 3}):
        found = caller.call("ListarNF", **parameters)
        assert (found.status_code, found.json()["faultcode"]) == (200, "SOAP-ENV:Client-5113")
    assert caller.call("ListarNF", wait=1, pagina=3).status_code == 200
    assert caller.call("ListarNF").json()["registros"] == 1
    assert [call.fault for call in caller.omie.calls.of(status=200)] == [
        "SOAP-ENV:Client-5113",
        "SOAP-ENV:Client-5113",
        "SOAP-ENV:Client-6",
        None,
    ]
    # They count for the block as the others do.
    for number in range(4, 11):
        caller.call("ListarNF", pagina=number)
    assert caller.call("ListarNF").status_code == 425


@pytest.mark.parametrize(
    ("name", "page", "expected"),
    [
        ("lost", 2, (500, None)),
        ("lost_200", 2, (200, None)),
        ("repeats", 2, (200, (2, 3, 5, [7001, 7002]))),
        ("stuck", 2, (200, (1, 3, 5, [7001, 7002]))),
        ("short", 2, (200, (2, 3, 5, [7003]))),
        ("total_too_high", 2, (200, (2, 3, 6, [7003, 7004]))),
        ("total_too_low", 2, (200, (2, 3, 4, [7003, 7004]))),
        ("pages_too_few", 2, (200, (2, 2, 5, [7003, 7004]))),
        ("totals_as_text", 2, (200, ("2", "3", "5", [7003, 7004]))),
        ("without_totals", 2, (200, (2, None, None, [7003, 7004]))),
    ],
)
def test_pages_that_are_not_what_was_asked_for(
    new_omie: NewOmie, name: str, page: int, expected: Any
) -> None:
    caller = new_omie(company(notes=5))
    caller.omie.fail(f"ListarNF_{name}", page=page)
    answered = caller.call("ListarNF", pagina=page, registros_por_pagina=2)
    found = answered.json()
    figures = None
    if "nfCadastro" in found:
        ids = [one["compl"]["nIdNF"] for one in found["nfCadastro"]]
        figures = (found["pagina"], found.get("total_de_paginas"), found.get("total_de_registros"), ids)
    assert (answered.status_code, figures) == expected
    assert caller.call("ListarNF", pagina=1, registros_por_pagina=2).json()["registros"] == 2


def test_lists_without_keys_or_rows_and_documents_that_are_not_there(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=2))
    caller.omie.fail("ListarNF_without_key")
    assert "cChaveNFe" not in caller.call("ListarNF").json()["nfCadastro"][0]["compl"]
    caller.omie.fail("ListarNF_list_null")
    assert caller.call("ListarNF").json()["nfCadastro"] is None
    caller.omie.fail("ObterNfe_status", 1)
    assert caller.call("ObterNfe", nIdNfe=7001).json()["cCodStatus"] == "1"
    caller.omie.fail("ObterNfe_without_xml", 1)
    assert caller.call("ObterNfe", nIdNfe=7001).json()["cXmlNfe"] == ""
    caller.omie.fail("ObterNfe_of_another", page=7001)
    assert caller.call("ObterNfe", nIdNfe=7001).json()["nChaveNfe"] == key_of(2)
    assert caller.call("ObterNfe", nIdNfe=7002).json()["nChaveNfe"] == key_of(2)


def test_nothing_may_be_a_list_and_a_fault_a_400(new_omie: NewOmie) -> None:
    caller = new_omie(company())
    caller.omie.fail("ListarNF_nothing_as_list", 1)
    assert caller.call("ListarNF").json() == {
        "pagina": 1,
        "total_de_paginas": 0,
        "registros": 0,
        "total_de_registros": 0,
        "nfCadastro": [],
    }
    caller.omie.fail("faults_400", 1)
    assert [caller.call("ListarNF").status_code for _ in range(2)] == [400, 500]


def test_faults_are_switched_over_http(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    switchboard = f"{caller.omie.origin}/_sandbox/faults"
    fault = {"name": "ListarNF_fault", "account": "omie-1", "page": 1}
    assert httpx.post(switchboard, json=fault).status_code == 201
    assert caller.call("ListarNF").json()["faultcode"] == "SOAP-ENV:Server"
    assert httpx.get(switchboard).json()["on"] == {"ListarNF_fault of ('omie-1', 1)": None}
    httpx.delete(switchboard)
    assert caller.call("ListarNF").status_code == 200


def test_a_company_may_change_while_it_is_read(new_omie: NewOmie) -> None:
    ours = company(notes=3)
    caller = new_omie(ours)
    assert caller.call("ListarNF", pagina=1, registros_por_pagina=1).json()["total_de_registros"] == 3
    caller.omie.before("ListarNF", 1, lambda: ours.remove_note(7001))
    assert caller.call("ListarNF", pagina=2, registros_por_pagina=1).json()["total_de_registros"] == 2
    assert caller.call("ListarNF", pagina=2, registros_por_pagina=1).json()["total_de_registros"] == 2
