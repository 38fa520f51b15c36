"""The fake Sankhya as a stranger calls it (contract of the ERPs, section 8, trap 39)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.erp.sankhya_api import ACCESS_SECONDS
from sync_pipelines.sandbox.erp.sankhya_faults import ANSWERS, SERVICE
from sync_pipelines.sandbox.erp.sankhya_records import PAGE_SIZE
from sync_pipelines_tests.sandbox.erp.vendors.clients import US, Clock, company

QUERY = {"serviceName": SERVICE, "outputType": "json"}


@dataclass
class Caller:
    sankhya: SankhyaFake
    clock: Clock
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    token: str = "none"

    def login(self, **changes: str) -> httpx.Response:
        given = {**self.sankhya.account.credentials, **changes}
        form = {name: given[name] for name in ("client_id", "client_secret")}
        answer = self.http.post(
            f"{self.sankhya.url}/authenticate",
            data={"grant_type": "client_credentials", **form},
            headers={"X-Token": given["token"]},
        )
        self.token = answer.json().get("access_token", "none")
        return answer

    def load(self, entity: str, fields: str, page: int = 0, **query: str) -> httpx.Response:
        data_set = {
            "rootEntity": entity,
            "offsetPage": str(page),
            "entity": [{"path": "", "fieldset": {"list": fields}}],
        }
        return self.http.post(
            f"{self.sankhya.url}/gateway/v1/mge/service.sbr",
            params={**QUERY, **query},
            json={"serviceName": SERVICE, "requestBody": {"dataSet": data_set}},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def entities(self, entity: str, fields: str, page: int = 0) -> dict[str, Any]:
        body = self.load(entity, fields, page).json()
        assert body["status"] == "1"
        return dict(body["responseBody"]["entities"])


@pytest.fixture
def caller() -> Iterator[Caller]:
    clock = Clock()
    with (
        SankhyaFake(company(products=PAGE_SIZE + 1), clock=clock) as sankhya,
        httpx.Client(timeout=10) as http,
    ):
        yield Caller(sankhya, clock, http)


def test_a_page_names_its_columns_and_says_whether_there_are_more(caller: Caller) -> None:
    caller.login()
    first = caller.entities("Produto", "NCM, CODPROD")
    assert (len(first["entity"]), first["hasMoreResult"], first["total"]) == (
        PAGE_SIZE,
        "true",
        str(PAGE_SIZE),
    )
    # In the vendor's order, not in that of the question.
    assert [one["name"] for one in first["metadata"]["fields"]["field"]] == ["CODPROD", "NCM"]
    last = caller.entities("Produto", "CODPROD,NCM", 1)
    assert (last["entity"].keys(), last["hasMoreResult"]) == ({"f0", "f1"}, "false")
    assert "entity" not in caller.entities("Produto", "CODPROD", 2)
    mine, summed = caller.entities("Empresa", "CGC,CODEMP")["entity"]
    assert (mine["f0"], summed["f0"]) == ({"$": US.cnpj}, {})


def test_an_error_of_the_service_has_http_200(caller: Caller) -> None:
    caller.login()
    answers = [
        caller.load("MovimentacaoFinanceira", "NUFIN"),
        caller.load("Produto", "CODPROD,PRECO"),
        caller.load("Produto", "CODPROD", outputType="xml"),
    ]
    assert [(one.status_code, one.json()["status"]) for one in answers] == [(200, "0")] * 3
    assert [call.fault for call in caller.sankhya.calls.all] == [None, "0", "0", "0"]


def test_whoever_is_not_known_is_refused(caller: Caller) -> None:
    assert caller.load("Produto", "CODPROD").status_code == 401
    for name in ("client_id", "client_secret", "token"):
        assert caller.login(**{name: "another"}).status_code == 401
    assert caller.login().status_code == 200
    assert caller.load("Produto", "CODPROD").status_code == 200
    caller.clock.now += ACCESS_SECONDS
    assert caller.load("Produto", "CODPROD").status_code == 401
    written = repr(caller.sankhya.calls.all)
    assert not [secret for secret in caller.sankhya.account.credentials.values() if secret in written]


def test_no_fault_is_taken_for_a_page(caller: Caller) -> None:
    caller.login()
    for name in sorted(name for name in ANSWERS if name.startswith("Produto_")):
        caller.http.timeout = httpx.Timeout(0.2 if name.endswith("hang") else 10)
        caller.sankhya.fail(name, 1)
        try:
            answered = caller.load("Produto", "CODPROD")
            assert answered.status_code >= 400 or b"hasMoreResult" not in answered.content
        except httpx.HTTPError:
            assert name.rpartition("_")[2] in ("hang", "drop", "cut")
    assert caller.entities("Produto", "CODPROD")["hasMoreResult"] == "true"
