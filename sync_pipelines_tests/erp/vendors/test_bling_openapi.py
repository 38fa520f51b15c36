"""Our client is held to Bling's own OpenAPI: what it sends is documented, what the schemas allow is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import httpx
import pytest

from sync_pipelines.erp.vendors.bling import SPEC
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, Side, Title, TitleState
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld, listed
from sync_pipelines_tests.sandbox.erp.vendors.openapi import DOCUMENT, disagreements

BASE = "/Api/v3"
#: A date of the document's examples, so that a generated invoice lies in what is asked for.
FIRST, LAST = date(2023, 1, 1), date(2023, 1, 31)


class Generated:
    """Answers made from the schemas. `random` chooses what is there; every value is of the document's own type."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path, numbers = documented(request)
        schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        body = self.value(schema, "")
        data = body["data"]
        if isinstance(data, list):
            wanted = {name: request.url.params.get(name) for name in ("situacao", "situacoes[]")}
            for number, row in enumerate(data):
                row["id"] = number + 1
                if situation := wanted["situacao"] or wanted["situacoes[]"]:
                    row |= {"situacao": int(situation), "id": number + 101}
        elif numbers:
            data["id"] = int(numbers[0])
            data.pop("xml", None)
        return httpx.Response(200, json=body)

    def value(self, schema: Mapping[str, Any], name: str) -> Any:
        schema = resolved(schema)
        parts = [*schema.get("allOf", ()), *schema.get("oneOf", ())[:1], *schema.get("anyOf", ())[:1]]
        if schema.get("type") == "object" or "properties" in schema or parts:
            made = {key: value for part in parts for key, value in self.value(part, name).items()}
            for key, one in schema.get("properties", {}).items():
                if key in {"data", "id", "nome", "tipo", "situacao"} or self.random.random() < 0.7:
                    made[key] = self.value(one, key)
            return made
        if schema.get("type") == "array":
            return [self.value(schema.get("items", {}), name) for _ in range(self.random.randint(1, 5))]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        # Of numbers some examples are texts.
        if schema.get("type") == "string" and "example" in schema and self.random.random() < 0.7:
            return schema["example"]
        return self.plain(schema)

    def plain(self, schema: Mapping[str, Any]) -> Any:
        kind = schema.get("type")
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "integer":
            return self.random.choice([0, 1, 12345678, 10**15])
        if kind == "number":
            return self.random.choice([0, 1, 10.3, 0.1, 1e-7, 123456789.99])
        if str(schema.get("format", "")).startswith("date"):
            return self.random.choice(["0000-00-00", "2023-01-12", "2023-01-12 09:52:12"])
        return self.random.choice(["", "texto", "ação", "0"])


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = DOCUMENT
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def documented(request: httpx.Request) -> tuple[str, tuple[str, ...]]:
    """The document's path of a request, and the numbers in it."""
    sent = request.url.path.removeprefix(BASE)
    for path in DOCUMENT["paths"]:
        if found := re.fullmatch(re.sub(r"\{\w+\}", r"(\\d+)", path), sent):
            return path, found.groups()
    raise AssertionError(f"{sent} is not documented")


def everything(bling: BlingWorld, answer: Generated) -> tuple[list[Invoice], list[Title]]:
    """Every call that the client can make: the invoices and the titles, each with its detail."""
    with bling.open(transport=httpx.MockTransport(answer)) as vendor:
        assert vendor.company().items
        for since in (None, datetime(2026, 11, 20, tzinfo=UTC)):
            assert [page.items for page in vendor.products(since)]
        invoices = listed(vendor, FIRST, LAST)
        for invoice in invoices:
            assert vendor.invoice_xml(invoice).xml is None
        assert [one.name for page in vendor.categories() for one in page.items]
        listed_titles = [one for page in vendor.titles(FIRST, LAST) for one in page.items]
        whole = [vendor.title(one.side, one.vendor_id) for one in listed_titles]
    return invoices, [*listed_titles, *(one for one in whole if one is not None)]


@pytest.mark.parametrize("seed", range(5))
def test_answers_that_the_schemas_allow_are_read(bling: BlingWorld, seed: int) -> None:
    read = [everything(bling, Generated(100 * seed + more)) for more in range(3)]
    invoices = [one for found, _ in read for one in found]
    assert {one.state for one in invoices} >= {InvoiceState.AUTHORISED, InvoiceState.UNISSUED}
    assert all(FIRST <= one.issued_on <= LAST for one in invoices)
    titles = [one for _, found in read for one in found]
    assert {one.state for one in titles} >= {TitleState.OPEN, TitleState.SETTLED, TitleState.CANCELLED}
    assert {one.side for one in titles if one.splits} == set(Side)
    assert all(one.has_detail or not one.splits for one in titles)


def test_every_path_and_parameter_that_is_sent_is_documented(bling: BlingWorld) -> None:
    answer = Generated(1)
    everything(bling, answer)
    sent: dict[str, set[str]] = {}
    for request in answer.requests:
        path, _ = documented(request)
        known = {one["name"]: resolved(one["schema"]) for one in of_query(path)}
        for name, value in request.url.params.items():
            assert name in known, f"{path} takes no {name}"
            assert_fits(value, known[name])
        sent.setdefault(path, set()).update(request.url.params)
    assert sent == {
        "/empresas/me/dados-basicos": set(),
        "/produtos": {"pagina", "limite", "criterio", "dataAlteracaoInicial", "dataAlteracaoFinal"},
        "/produtos/{idProduto}": set(),
        "/nfe": {"pagina", "limite", "tipo", "situacao", "dataEmissaoInicial", "dataEmissaoFinal"},
        "/nfe/{idNotaFiscal}": set(),
        "/categorias/receitas-despesas": {"pagina", "limite", "tipo", "situacao"},
        "/contas/receber": {
            "pagina",
            "limite",
            "situacoes[]",
            "tipoFiltroData",
            "dataInicial",
            "dataFinal",
        },
        "/contas/receber/{idContaReceber}": set(),
        "/contas/pagar": {
            "pagina",
            "limite",
            "situacao",
            "dataVencimentoInicial",
            "dataVencimentoFinal",
        },
        "/contas/pagar/{idContaPagar}": set(),
    }
    assert {request.method for request in answer.requests} == {"GET"}


def of_query(path: str) -> list[Mapping[str, Any]]:
    given = [resolved(one) for one in DOCUMENT["paths"][path]["get"].get("parameters", [])]
    return [one for one in given if one["in"] == "query"]


def assert_fits(value: str, schema: Mapping[str, Any]) -> None:
    """A parameter is of its type, one of its values, and written as its example is."""
    if schema["type"] == "integer":
        assert int(value) >= schema.get("minimum", 0)
    if "enum" in schema:
        assert value in {str(one) for one in schema["enum"]}
    if str(schema.get("format", "")).startswith("date"):
        assert re.sub(r"\d", "0", value) == re.sub(r"\d", "0", schema["example"])


def test_the_base_address_is_the_documents() -> None:
    base = DOCUMENT["servers"][0]["url"]
    assert SPEC.base_url(read_as(ErpSettings, None)) == base
    assert SPEC.base_url(read_as(ErpSettings, None, BLING_URL=base.removesuffix(BASE))) == base


def test_what_is_generated_agrees_with_the_document() -> None:
    """Otherwise these tests would prove nothing."""
    request = httpx.Request("GET", f"https://api.bling.com.br{BASE}/nfe/77")
    for seed in range(20):
        answer = Generated(seed)(request)
        assert disagreements("/nfe/{idNotaFiscal}", 200, json.loads(answer.content)) == []
