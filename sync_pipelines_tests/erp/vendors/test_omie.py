"""Omie's ways that no other vendor has: its faults, its blocks, its shapes (contract of the ERPs, section 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, Vendor
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
KEY = "35261111222333000181550010000010421408172536"
SECRET = "omie-secret-0123456789"
NO_RECORDS = {
    "faultstring": "ERROR: Não existem registros para a página [1]!",
    "faultcode": "SOAP-ENV:Client-5113",
}
BLOCK = {
    "faultstring": "ERROR: API bloqueada por consumo indevido. Tente novamente em 1678 segundos.",
    "faultcode": "MISUSE_API_PROCESS",
}
REDUNDANT = {
    "faultstring": "ERROR: Consumo redundante detectado. Aguarde 43 segundos para tentar novamente (REDUNDANT).",
    "faultcode": "SOAP-ENV:Client-6",
}
REFUSED = {
    "faultstring": "ERROR: A chave de acesso não está preenchida ou não é válida.",
    "faultcode": "SOAP-ENV:Client-101",
}
Answer = httpx.Response


def page(rows: Sequence[Mapping[str, Any]], **changes: Any) -> Answer:
    """A page of ListarNF that is the only one."""
    numbers = {"pagina": 1, "total_de_paginas": 1, "registros": len(rows), "total_de_registros": len(rows)}
    return Answer(200, json={**numbers, "nfCadastro": list(rows), **changes})


def invoice(number: int = 1, **ide: Any) -> dict[str, Any]:
    head = {
        "mod": "55",
        "serie": "001",
        "nNF": f"{number:09d}",
        "dEmi": "03/11/2026",
        "tpNF": "1",
        "tpAmb": "1",
    }
    return {
        "ide": {**head, "dCan": "", "cDeneg": "N", **ide},
        "total": {"ICMSTot": {"vNF": 14.88}},
        "compl": {"nIdNF": 55000 + number, "cChaveNFe": KEY},
    }


class Omie:
    """A transport that gives scripted answers, the last one for ever, and keeps what was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers, self.asked = list(answers), list[dict[str, Any]]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


Open = Callable[[Omie], Any]


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def account(ops_url: str, time: VirtualTime) -> Open:
    """Opens the account whose vendor gives these answers."""

    @contextmanager
    def opened(omie: Omie) -> Iterator[Vendor]:
        one = connection("omie", {"app_key": "1234567890123", "app_secret": SECRET})
        settings = {"OMIE_URL": "https://omie.example"}
        transport = httpx.MockTransport(omie)
        with open_account(one, ops_url, time, settings=settings, transport=transport) as vendor:
            yield vendor

    return opened


def invoices(vendor: Vendor) -> list[Invoice]:
    return [one for listed in vendor.invoices(FIRST, LAST) for one in listed.items]


def test_an_invoice_as_the_list_has_it(account: Open) -> None:
    omie = Omie(page([invoice(1042)]))
    with account(omie) as vendor:
        found = invoices(vendor)
    expected = Invoice(
        vendor_id="56042",
        state=InvoiceState.AUTHORISED,
        issued_on=date(2026, 11, 3),
        key=KEY,
        model="55",
        environment="1",
        direction=1,
        series="1",
        number="1042",
        total=Decimal("14.88"),
    )
    assert found == [expected]
    assert omie.asked[0]["param"] == [
        {
            "pagina": 1,
            "registros_por_pagina": 100,
            "dEmiInicial": "01/11/2026",
            "dEmiFinal": "30/11/2026",
            "tpAmb": "1",
        }
    ]


@pytest.mark.parametrize("status", [200, 500])
def test_no_records_is_an_empty_list(account: Open, status: int) -> None:
    with account(Omie(Answer(status, json=NO_RECORDS))) as vendor:
        assert invoices(vendor) == []


@pytest.mark.parametrize("status", [200, 500])
def test_refused_credentials_are_not_tried_again(account: Open, status: int) -> None:
    omie = Omie(Answer(status, json=REFUSED))
    with account(omie) as vendor:
        for _ in range(2):
            with pytest.raises(RefusedError) as caught:
                invoices(vendor)
    assert len(omie.asked) == 1
    assert SECRET not in str(caught.value)


def test_a_redundant_call_waits_until_it_is_none(account: Open, time: VirtualTime) -> None:
    omie = Omie(Answer(500, json=REDUNDANT), page([invoice()]))
    with account(omie) as vendor:
        assert len(invoices(vendor)) == 1
    assert 60 <= time.seconds < 70


def test_a_block_ends_the_calls_at_once_also_those_of_the_next_run(account: Open, time: VirtualTime) -> None:
    omie = Omie(Answer(425, json=BLOCK))
    with account(omie) as vendor:
        with pytest.raises(ThrottledError, match="2026-11-22 12:27:58 UTC"):
            invoices(vendor)
        with pytest.raises(ThrottledError):
            vendor.company()
    with account(omie) as vendor, pytest.raises(ThrottledError) as caught:
        vendor.company()
    assert caught.value.retry_after == pytest.approx(1678)
    assert len(omie.asked) == 1
    assert time.seconds == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            Answer(500, json={"faultstring": "SOAP-ERROR: Broken response", "faultcode": "SOAP-ENV:Server"}),
            TransientError,
        ),
        (Answer(200, json={"faultstring": "SOAP-ERROR: Broken response", "faultcode": "x"}), TransientError),
        (Answer(418), TransientError),
        (Answer(503), TransientError),
        (Answer(200, content=b'{"pagina": 1, "nfCad'), TransientError),
        (Answer(200, json=[]), TransientError),
        (Answer(200, json={}), TransientError),
        (
            Answer(500, json={"faultstring": "Tag [X] desconhecida", "faultcode": "SOAP-ENV:Client-71"}),
            PermanentError,
        ),
        (Answer(301, headers={"Location": "/elsewhere"}), PermanentError),
        (httpx.ReadTimeout("slow"), TransientError),
        (page([invoice()], registros=2), TransientError),
        (page([invoice()], total_de_registros=2), TransientError),
        (page([invoice(), invoice()]), TransientError),
        (page([invoice()], pagina=2), TransientError),
    ],
)
def test_an_error_is_never_an_empty_list(
    account: Open, answer: Answer | Exception, kind: type[SyncError]
) -> None:
    with account(Omie(answer)) as vendor, pytest.raises(kind):
        invoices(vendor)
