"""The fake Bling is held to the vendor's own OpenAPI: paths, filters, and answers of a year of invoices."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sync_pipelines.sandbox.erp import bling_lists, bling_titles
from sync_pipelines.sandbox.erp.bling_api import BASE
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.ledger import add_ledger
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller
from sync_pipelines_tests.sandbox.erp.vendors.openapi import DOCUMENT, disagreements, parameters

#: The last day of the titles: about the fake's today.
DAY = date(2026, 11, 18)
NewBling = Callable[..., BlingCaller]


def test_the_base_and_every_path_are_the_vendors(new_bling: NewBling) -> None:
    assert DOCUMENT["servers"][0]["url"].endswith(BASE)
    served = {route.path for route in new_bling().bling.api.routes if route.path.startswith(BASE)}
    named = {path.replace("{id:int}", "{}").removeprefix(BASE) for path in served} - {"/oauth/token"}
    documented = {re.sub(r"\{\w+\}", "{}", path) for path in DOCUMENT["paths"]}
    assert named <= documented


def test_every_filter_that_the_fake_knows_is_documented() -> None:
    assert parameters("/nfe") >= bling_lists.INVOICE_FILTERS
    assert parameters("/nfce") | {"tipo"} >= bling_lists.INVOICE_FILTERS
    assert parameters("/produtos") >= bling_lists.PRODUCT_FILTERS
    assert parameters("/contas/receber") >= bling_titles.RECEIVABLE_FILTERS
    assert parameters("/contas/pagar") >= bling_titles.PAYABLE_FILTERS
    assert parameters("/categorias/receitas-despesas") >= bling_titles.CATEGORY_FILTERS


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        *(("/nfe", {"situacao": situation}) for situation in (2, 4, 5, 6, 9)),
        ("/nfe", {"tipo": 0}),
        ("/nfce", {}),
        ("/produtos", {"criterio": 5}),
        ("/empresas/me/dados-basicos", {}),
        ("/contas/receber", {"situacoes[]": [1, 2, 3, 4, 5]}),
        ("/contas/pagar", {}),
        ("/categorias/receitas-despesas", {}),
    ],
)
def test_answers_are_as_documented(
    new_bling: NewBling, company: ErpCompany, path: str, asked: dict[str, Any]
) -> None:
    answered = new_bling(add_ledger(company, 1, until=DAY, erp_type="bling")).get(path, **asked)
    assert answered.json()["data"]
    assert disagreements(path, 200, answered.json()) == []


@pytest.mark.parametrize(
    ("path", "documented"),
    [
        ("/nfe", "/nfe/{idNotaFiscal}"),
        ("/produtos", "/produtos/{idProduto}"),
        ("/contas/receber", "/contas/receber/{idContaReceber}"),
        ("/contas/pagar", "/contas/pagar/{idContaPagar}"),
    ],
)
def test_details_are_as_documented(
    new_bling: NewBling, company: ErpCompany, path: str, documented: str
) -> None:
    caller = new_bling(add_ledger(company, 1, until=DAY, erp_type="bling"))
    for number in caller.ids(path, limite=20):
        answered = caller.get(f"{path}/{number}")
        assert disagreements(documented, 200, answered.json()) == []
    missing = caller.get(f"{path}/999999999")
    assert disagreements(documented, missing.status_code, missing.json()) == []


def test_what_does_not_agree_is_found() -> None:
    answer = {"data": [{"id": "1", "situacao": 12, "contato": {"nome": 3}, "nada": 1}]}
    assert disagreements("/nfe", 200, answer) == [
        "answer.data[0].id is no integer: '1'",
        "answer.data[0].situacao is none of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]: 12",
        "answer.data[0].contato.nome is no string: 3",
        "answer.data[0].nada is not known",
    ]
    occurrence = {"data": {"ocorrencia": {"tipo": 9, "diaSemanaVencimento": 1, "nada": 2}}}
    assert disagreements("/contas/pagar/{idContaPagar}", 200, occurrence) == [
        "answer.data.ocorrencia.nada is not known"
    ]
