"""Sankhya beyond what every vendor holds: its envelope (trap 39), its errors with HTTP 200, its login."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from sync_pipelines.erp.connections.credentials import CredentialsError
from sync_pipelines.erp.vendors.oauth import ExpiredTokenError
from sync_pipelines.erp.vendors.sankhya import head_offices, judge
from sync_pipelines.erp.vendors.sankhya_records import RecordList
from sync_pipelines.erp.vendors.vendor import Company, Product, Vendor
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.json import JsonAnswer
from sync_pipelines.sandbox.erp import sankhya_faults
from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.erp.sankhya_api import ACCESS_SECONDS
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account
from sync_pipelines_tests.erp.vendors.conformance.companies import PROFILE, company, products


@dataclass
class World:
    """A fake with one installation, and our adapter on it."""

    fake: SankhyaFake
    time: VirtualTime
    ops_url: str

    def open(self, **changes: Any) -> AbstractContextManager[Vendor]:
        """With these changes to the credentials; None takes one away."""
        values = {**self.fake.account.credentials, **changes}
        one = connection("sankhya", {name: value for name, value in values.items() if value is not None})
        return open_account(one, self.ops_url, self.time, settings={"SANKHYA_URL": self.fake.url})


@pytest.fixture
def world(ops_url: str) -> Iterator[World]:
    time = VirtualTime()
    with SankhyaFake(company(), clock=time.timestamp) as fake:
        yield World(fake, time, ops_url)


def listed(vendor: Vendor) -> list[Product]:
    return [one for page in vendor.products() for one in page.items]


def test_one_row_is_an_object_and_columns_are_named_by_the_vendor(world: World) -> None:
    [only] = products(1)
    made = world.fake.account.company.add_product(replace(only, ean="7891000000017"))
    with world.open() as vendor:
        assert listed(vendor) == [
            Product(
                vendor_id=str(made.vendor_id),
                name=made.name,
                code=str(made.vendor_id),
                ncm=made.ncm,
                unit="UN",
                ean="7891000000017",
            )
        ]
        assert list(vendor.company().items) == [
            Company(cnpj=PROFILE.cnpj, legal_name=PROFILE.legal_name, trade_name=PROFILE.trade_name)
        ]
    [call] = world.fake.calls.of("Produto")
    assert call.parameters["page"] == 0


def test_what_has_no_code_of_its_own_is_none(world: World) -> None:
    [only] = products(1)
    world.fake.account.company.add_product(replace(only, ncm="", ean="REF-77", unit=""))
    with world.open() as vendor:
        [found] = listed(vendor)
    assert (found.ncm, found.ean, found.unit, found.price) == (None, None, None, None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (sankhya_faults.refusal("Campo não encontrado: XYZ"), PermanentError),
        (sankhya_faults.refusal("Serviço indisponível, tente novamente."), TransientError),
        (sankhya_faults.refusal("Não autorizado.", "3"), ExpiredTokenError),
        (sankhya_faults.xml_refusal("ORA-00904: identificador inválido"), PermanentError),
        (sankhya_faults.xml_refusal("Tempo limite esgotado"), TransientError),
        (sankhya_faults.xml_refusal("Sessão expirada"), ExpiredTokenError),
        (sankhya_faults.xml_refusal("Não autorizado."), ExpiredTokenError),
        (sankhya_faults.unauthorized(), ExpiredTokenError),
        (sankhya_faults.invalid_client(), RefusedError),
    ],
)
def test_an_error_comes_with_http_200(answer: Any, kind: type[Exception]) -> None:
    """Trap 39: `status` is "0", and the message of an answer in XML is in base64."""
    content = bytes(answer.body)
    is_json = content.startswith(b"{")
    body = json.loads(content) if is_json else None
    error = judge(JsonAnswer(answer.status_code, body, is_json=is_json, content=content))
    assert type(error) is kind
    assert "XYZ" not in str(error)
    assert "ORA" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "texto",
        {},
        {"responseBody": {}},
        {"status": None},
    ],
)
def test_what_has_no_status_is_no_answer(body: object) -> None:
    assert type(judge(JsonAnswer(200, body, is_json=True, content=b"<html>"))) is TransientError


def page(**entities: object) -> Mapping[str, object]:
    return {"status": "1", "responseBody": {"entities": {"hasMoreResult": "false", **entities}}}


NAMED = {"fields": {"field": [{"name": "NCM"}, {"name": "CODPROD"}]}}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (page(), []),
        (page(entity=[]), []),
        (page(entity={}), []),
        (page(hasMoreResult=False), []),
        (page(metadata=NAMED, entity={"f0": {}, "f1": {"$": 7}}), [{"CODPROD": "7", "NCM": None}]),
        (page(metadata=NAMED, entity={"f1": {"$": "7"}, "_rmd": {}}), [{"CODPROD": "7", "NCM": None}]),
        (
            page(metadata=NAMED, entity=[{"f0": {"$": " 1902 "}, "f1": {"$": "7"}}]),
            [{"CODPROD": "7", "NCM": "1902"}],
        ),
    ],
)
def test_a_page_has_rows_by_name(body: object, rows: list[object]) -> None:
    records = RecordList("Sankhya (Produto)", ("CODPROD", "NCM"))
    found = list(records.pages(lambda _: JsonAnswer(200, body, is_json=True)))
    assert [row for one in found for row in one.items] == rows


@pytest.mark.parametrize(
    "body",
    [
        {"status": "1"},
        {"status": "1", "responseBody": {"entities": {"entity": []}}},
        page(hasMoreResult="talvez"),
        page(hasMoreResult="true"),
        page(entity={"f0": {"$": "7"}}),
        page(metadata={"fields": {"field": {"name": "CODPROD"}}}, entity={"f0": {"$": "7"}}),
        page(metadata=NAMED, entity=[{"f0": {"$": "1902"}}]),
        page(metadata=NAMED, entity=["7"]),
    ],
)
def test_what_is_no_page_is_an_error_and_no_empty_list(body: object) -> None:
    records = RecordList("Sankhya (Produto)", ("CODPROD", "NCM"))
    with pytest.raises(TransientError):
        list(records.pages(lambda _: JsonAnswer(200, body, is_json=True)))


def test_a_token_lasts_until_the_vendor_refuses_it(world: World) -> None:
    with world.open() as vendor:
        listed(vendor)
        world.time.sleep(ACCESS_SECONDS + 1)
        listed(vendor)
        vendor.company()
    assert world.fake.calls.count("token") == 2
    assert vendor.calls == len(world.fake.calls.all) == 6


@pytest.mark.parametrize("fault", ["not_authorised", "xml_not_authorised"])
def test_a_session_that_a_service_calls_ended_is_renewed_once(world: World, fault: str) -> None:
    world.fake.fail(f"Produto_{fault}", 1)
    with world.open() as vendor:
        assert listed(vendor) == []
    assert world.fake.calls.count("token") == 2


def test_refused_credentials_wait_for_a_person_after_one_login(world: World) -> None:
    with world.open(client_secret="outro-segredo-qualquer") as vendor:
        for _ in range(2):
            with pytest.raises(RefusedError, match="client_id, client_secret and the gateway's token"):
                vendor.company()
    assert [call.method for call in world.fake.calls.all] == ["token"]


def test_the_login_that_was_ended_says_what_to_enter(world: World) -> None:
    legacy: dict[str, Any] = {"client_id": None, "client_secret": None, "app_key": "k-1", "sankhya_id": "s-1"}
    with (
        pytest.raises(CredentialsError, match=r"lack client_id and client_secret\. .*App Key.*X-Token"),
        world.open(**legacy),
    ):
        pass


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        # The branches of one company: its head office. Without one, the first.
        (["99888777000205", "99888777000110"], ["99888777000110"]),
        (["99888777000205", "99888777000300"], ["99888777000205"]),
        # Several companies: the connection says which is its own.
        (["99888777000110", "11222333000181"], ["99888777000110", "11222333000181"]),
        # Not one with a CNPJ: nothing to choose by.
        ([None, ""], [None]),
    ],
)
def test_the_company_is_the_head_office(others: list[str | None], chosen: list[str | None]) -> None:
    rows = [{"CODEMP": str(number), "CGC": cnpj} for number, cnpj in enumerate(others)]
    assert [row["CGC"] for row in head_offices(list(rows))] == chosen


def test_what_is_not_established_is_not_invented(world: World) -> None:
    with world.open() as vendor:
        for ask in (
            lambda: vendor.invoices(date(2026, 11, 1), date(2026, 11, 30)),
            lambda: vendor.titles(date(2026, 11, 1), date(2026, 11, 30)),
            vendor.categories,
        ):
            with pytest.raises(PermanentError, match="Sankhya"):
                ask()
    assert world.fake.calls.all == []
