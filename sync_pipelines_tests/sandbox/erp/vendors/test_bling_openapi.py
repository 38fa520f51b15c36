"""The fake Bling is held to the vendor's own OpenAPI: paths, filters, and answers of a year of invoices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sync_pipelines.sandbox.erp import bling_lists
from sync_pipelines.sandbox.erp.bling_api import BASE
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller
from sync_pipelines_tests.sandbox.erp.vendors.openapi import DOCUMENT, disagreements, parameters

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


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        *(("/nfe", {"situacao": situation}) for situation in (2, 4, 5, 6, 9)),
        ("/nfe", {"tipo": 0}),
        ("/nfce", {}),
        ("/produtos", {"criterio": 5}),
        ("/empresas/me/dados-basicos", {}),
    ],
)
def test_answers_are_as_documented(
    new_bling: NewBling, company: ErpCompany, path: str, asked: dict[str, Any]
) -> None:
    answered = new_bling(company).get(path, **asked)
    assert answered.json()["data"]
    assert disagreements(path, 200, answered.json()) == []


@pytest.mark.parametrize(
    ("path", "documented"), [("/nfe", "/nfe/{idNotaFiscal}"), ("/produtos", "/produtos/{idProduto}")]
)
def test_details_are_as_documented(
    new_bling: NewBling, company: ErpCompany, path: str, documented: str
) -> None:
    caller = new_bling(company)
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
