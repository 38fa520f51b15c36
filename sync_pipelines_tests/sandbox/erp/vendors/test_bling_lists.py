"""What Bling lists, how it pages, and what only a detail says (contract of the ERPs, section 5, traps 14 to 16, 20)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from sync_pipelines_tests.sandbox.erp.vendors.clients import (
    BRASILIA,
    CUSTOMER,
    SUPPLIER,
    BlingCaller,
    company,
    key_of,
    note,
    product,
)

NewBling = Callable[..., BlingCaller]


def test_a_row_has_the_shape_of_the_contract(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    november: dict[str, Any] = {
        "dataEmissaoInicial": "2026-11-01 00:00:00",
        "dataEmissaoFinal": "2026-11-30 23:59:59",
    }
    answered = caller.get("/nfe", pagina=1, limite=100, situacao=5, **november)
    assert answered.status_code == 200
    assert answered.json() == {
        "data": [
            {
                "id": 7001,
                "tipo": 1,
                "situacao": 5,
                "numero": "000001",
                "dataEmissao": "2026-11-03 23:30:00",
                "dataOperacao": "2026-11-03 23:30:00",
                "contato": {"id": 2, "nome": "CLIENTE TESTE", "numeroDocumento": "11222333000181"},
                "naturezaOperacao": {"id": 5},
                "loja": {"id": 0},
                "chaveAcesso": key_of(1),
            }
        ]
    }
    [call] = caller.bling.calls.of("invoices", account="bling-1", status=200)
    assert call.parameters["situacao"] == "5"
    for secret in (caller.bling.account.access_token, caller.bling.account.refresh_token):
        assert secret not in repr(caller.bling.calls.all)


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        # Trap 14: cancelled invoices come only to who asks for them.
        ({}, [7001, 7003, 7004, 7006]),
        ({"situacao": 2}, [7002]),
        ({"situacao": 9}, [7003]),
        ({"situacao": 5}, [7001, 7006]),
        ({"situacao": 4}, [7004]),
        ({"tipo": 0}, [7005]),
        ({"tipo": 0, "situacao": 6}, [7005]),
        ({"dataEmissaoFinal": "2026-11-03 23:29:59"}, [7003]),
        ({"dataEmissaoInicial": "2026-11-03 23:30:00"}, [7001, 7004, 7006]),
        ({"dataEmissaoInicial": "2026-11-03"}, [7001, 7004, 7006]),
        ({"dataEmissaoFinal": "2026-11-03"}, [7001, 7003, 7004, 7006]),
        ({"chaveAcesso": key_of(6)}, [7006]),
        ({"numero": 1, "serie": 1}, [7001]),
        ({"serie": 2}, []),
        ({"desconhecido": "x"}, [7001, 7003, 7004, 7006]),
    ],
)
def test_what_the_filters_do(new_bling: NewBling, asked: dict[str, Any], ids: list[int]) -> None:
    ours = company(notes=1)
    ours.add_note(note(7002, state="cancelled"))
    ours.add_note(note(7003, state="denied", issued_at=datetime(2026, 10, 31, 12, tzinfo=BRASILIA)))
    ours.add_note(note(7004, state="unissued", key=None))
    ours.add_note(note(7005, direction=0, issuer=SUPPLIER, recipient=CUSTOMER))
    ours.add_note(note(7006))
    ours.add_note(note(7007, state="voided", key=None, items=[]))
    ours.add_note(note(7008, model="65", recipient=None))
    caller = new_bling(ours)
    assert sorted(caller.ids("/nfe", **asked)) == ids
    assert caller.ids("/nfce") == [7008]


def test_both_directions_come_where_the_vendor_does_not_choose(new_bling: NewBling) -> None:
    ours = company(notes=1)
    ours.add_note(note(7002, direction=0, issuer=SUPPLIER, recipient=CUSTOMER))
    rows = new_bling(ours, default_direction=None).get("/nfe").json()["data"]
    assert [(row["id"], row["contato"]["nome"]) for row in rows] == [
        (7001, "CLIENTE TESTE"),
        (7002, "FORNECEDOR TESTE"),
    ]


@pytest.mark.parametrize("rows", [0, 99, 100, 200])
def test_there_is_no_total_and_an_exact_multiple_costs_an_empty_page(new_bling: NewBling, rows: int) -> None:
    caller = new_bling(company(notes=rows))
    sizes = [len(caller.ids("/nfe", pagina=page, limite=500)) for page in range(1, rows // 100 + 2)]
    assert sizes == [*([100] * (rows // 100)), rows % 100]
    assert set(caller.get("/nfe").json()) == {"data"}


@pytest.mark.parametrize(
    ("asked", "element"),
    [
        ({"situacao": 12}, "situacao"),
        ({"tipo": "x"}, "tipo"),
        ({"pagina": 0}, "pagina"),
        ({"limite": "muitos"}, "limite"),
        ({"dataEmissaoInicial": "01/11/2026"}, "dataEmissaoInicial"),
        (
            {"dataEmissaoInicial": "2025-11-01 00:00:00", "dataEmissaoFinal": "2026-11-02 00:00:00"},
            "dataEmissaoInicial",
        ),
    ],
)
def test_what_cannot_be_asked_for(new_bling: NewBling, asked: dict[str, Any], element: str) -> None:
    refused = new_bling(company(notes=1)).get("/nfe", **asked)
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "VALIDATION_ERROR"
    assert [field["element"] for field in refused.json()["error"]["fields"]] == [element]


def test_a_year_may_be_asked_for(new_bling: NewBling) -> None:
    year: dict[str, Any] = {
        "dataEmissaoInicial": "2025-11-22 00:00:00",
        "dataEmissaoFinal": "2026-11-21 23:59:59",
    }
    assert new_bling(company(notes=1)).ids("/nfe", **year) == [7001]


def test_only_the_detail_has_items_value_and_the_link(new_bling: NewBling) -> None:
    ours = company(notes=1)
    ours.add_note(note(7004, has_xml=False))
    caller = new_bling(ours, key_in_list=False)
    rows = caller.get("/nfe").json()["data"]
    assert all("chaveAcesso" not in row for row in rows)
    # Trap 20: a date that is not filled in.
    assert rows[1]["dataOperacao"] == "0000-00-00 00:00:00"
    found = caller.detail(7001)
    assert (found["chaveAcesso"], found["serie"], found["valorNota"]) == (key_of(1), 1, 14.88)
    [item] = found["itens"]
    assert (item["classificacaoFiscal"], item["cfop"], item["valorTotal"]) == ("0811.90.00", "5102", 14.88)
    fetched = caller.http.get(found["xml"])
    assert (fetched.status_code, fetched.content) == (200, ours.note(7001).xml())
    assert caller.bling.calls.of("xml")[0].parameters == {"id": 7001, "has_authorization": False}
    assert caller.detail(7004)["xml"] == ""
    assert caller.get("/nfe/9").status_code == 404
    assert caller.get("/nfe/9").json()["error"]["type"] == "RESOURCE_NOT_FOUND"


def test_products_have_their_ncm_in_the_detail_only(new_bling: NewBling) -> None:
    ours = company()
    for number in range(1, 9):
        ours.add_product(product(number))
    ours.alter_product(2, is_active=False)
    ours.alter_product(3, is_service=True, ncm="")
    caller = new_bling(ours)
    # Who does not say which gets the last ones included.
    assert caller.ids("/produtos") == [7, 8]
    assert caller.ids("/produtos", criterio=5) == list(range(1, 9))
    assert caller.ids("/produtos", criterio=2) == [1, 3, 4, 5, 6, 7, 8]
    assert caller.ids("/produtos", criterio=3) == [2]
    assert caller.ids("/produtos", criterio=4) == []
    assert caller.get("/produtos", criterio=6).status_code == 400
    row = caller.get("/produtos", criterio=3).json()["data"][0]
    assert (row["situacao"], row["tipo"], "tributacao" in row) == ("I", "P", False)
    found = caller.get("/produtos/3").json()["data"]
    assert (found["tipo"], found["tributacao"]["ncm"], found["unidade"]) == ("S", "", "UN")
    assert caller.get("/produtos/2").json()["data"]["tributacao"]["ncm"] == "0811.90.00"
    assert caller.get("/produtos/99").status_code == 404


def test_products_that_changed(new_bling: NewBling) -> None:
    ours = company()
    for number in range(1, 4):
        ours.add_product(product(number))
    ours.now = datetime(2026, 11, 25, 8, tzinfo=BRASILIA)
    ours.alter_product(2, ncm="2203.00.00")
    caller = new_bling(ours)
    assert caller.ids("/produtos", criterio=5, dataAlteracaoInicial="2026-11-25 08:00:00") == [2]
    assert caller.ids("/produtos", criterio=5, dataAlteracaoInicial="2026-11-26 00:00:00") == []
    assert caller.ids("/produtos", criterio=5, dataAlteracaoFinal="2026-11-24 00:00:00") == [1, 3]


def test_the_company(new_bling: NewBling) -> None:
    found = new_bling(company()).get("/empresas/me/dados-basicos").json()["data"]
    assert (found["nome"], found["cnpj"]) == ("EMPRESA TESTE LTDA", "12.ABC.345/01DE-35")
    assert set(found) == {"id", "nome", "cnpj", "email", "dataContrato"}
