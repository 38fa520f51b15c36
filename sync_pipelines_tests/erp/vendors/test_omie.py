"""Omie's ways that no other vendor has: its faults, its blocks, its shapes (contract of the ERPs, section 4)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync_pipelines.erp.vendors.session import BlockedError
from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, InvoiceXml, Vendor
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
SERVER = {
    "faultstring": "SOAP-ERROR: Broken response from Application Server",
    "faultcode": "SOAP-ENV:Server",
}
REFUSED_CONNECTION = httpx.ConnectError("refused")
SLOW = httpx.ReadTimeout("slow")
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


def document_of(row: Mapping[str, Any]) -> Invoice:
    """The invoice of a row, to ask for its document."""
    number, key = str(row["compl"].get("nIdNF") or "1/1/1"), row["compl"].get("cChaveNFe")
    return Invoice(number, InvoiceState.AUTHORISED, issued_on=FIRST, key=key)


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


@pytest.mark.parametrize(
    "text", ["Chave de acesso da NF-e não encontrada!", "NF-e não cadastrada para o Código [55001]!"]
)
def test_an_invoice_that_the_vendor_has_not_has_no_document(account: Open, text: str) -> None:
    said = {"faultstring": f"ERROR: {text}", "faultcode": "SOAP-ENV:Client-103"}
    with account(Omie(Answer(500, json=said))) as vendor:
        assert vendor.invoice_xml(document_of(invoice())) == InvoiceXml(KEY, None)
        with pytest.raises(TransientError):
            invoices(vendor)  # of a list it says nothing


def test_what_is_not_allowed_says_nothing_of_other_methods(account: Open) -> None:
    with account(Omie(Answer(403), page([invoice()]))) as vendor:
        with pytest.raises(RefusedError) as caught:
            vendor.company()
        assert caught.value.status == 403
        assert len(invoices(vendor)) == 1


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


@pytest.mark.parametrize("seconds", ["999999999999", "9" * 400])
@pytest.mark.parametrize("fault", [BLOCK, REDUNDANT])
def test_a_wait_beyond_any_date_is_a_day(fault: Mapping[str, str], seconds: str, account: Open) -> None:
    words = re.sub(r"\d+ segundos", f"{seconds} segundos", fault["faultstring"])
    omie = Omie(Answer(500, json={**fault, "faultstring": words}))
    with account(omie) as vendor, pytest.raises(TransientError) as caught:
        invoices(vendor)
    assert caught.value.retry_after == 86_400
    assert len(omie.asked) == 1


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


@pytest.mark.parametrize(
    ("ide", "state", "is_voided"),
    [
        ({"dCan": "04/11/2026"}, InvoiceState.CANCELLED, False),
        ({"dCan": "00/00/0000"}, InvoiceState.AUTHORISED, False),
        ({"dCan": None}, InvoiceState.AUTHORISED, False),
        ({"cDeneg": "S"}, InvoiceState.DENIED, False),
        ({"dInut": "04/11/2026"}, InvoiceState.UNISSUED, True),
        ({"dInut": " "}, InvoiceState.AUTHORISED, False),
    ],
)
def test_the_dates_of_an_invoice_say_what_became_of_it(
    account: Open, ide: Mapping[str, Any], state: InvoiceState, is_voided: bool
) -> None:
    with account(Omie(page([invoice(**ide)]))) as vendor:
        (found,) = invoices(vendor)
    assert (found.state, found.is_voided) == (state, is_voided)


def test_an_invoice_without_a_key_was_not_issued(account: Open) -> None:
    row = invoice()
    row["compl"]["cChaveNFe"] = ""
    with account(Omie(page([row]))) as vendor:
        (found,) = invoices(vendor)
    assert (found.key, found.state) == (None, InvoiceState.UNISSUED)


def test_two_invoices_without_a_number_of_the_vendor_are_two(account: Open) -> None:
    rows = [invoice(1), invoice(2)]
    for row in rows:
        row["compl"] = {}
    with account(Omie(page(rows))) as vendor:
        assert [one.number for one in invoices(vendor)] == ["1", "2"]
        assert vendor.invoice_xml(document_of(rows[0])).xml is None


def test_an_invoice_without_a_day_is_an_error(account: Open) -> None:
    with account(Omie(page([invoice(dEmi="")]))) as vendor, pytest.raises(PermanentError, match="55001"):
        invoices(vendor)


DOCUMENT = (
    "<?xml version='1.0' encoding='ISO-8859-1'?><nfeProc><xNome>São João &amp; Filhos</xNome></nfeProc>"
)


@pytest.mark.parametrize(
    ("answer", "xml"),
    [
        ({"cXmlNfe": DOCUMENT}, DOCUMENT.encode("latin-1")),
        ({"cXmlNfe": html.escape(DOCUMENT)}, DOCUMENT.encode("latin-1")),
        ({"cXmlNfe": "\ufeff<nfeProc>ã</nfeProc>"}, "<nfeProc>ã</nfeProc>".encode()),
        ({"cXmlNfe": ""}, None),
        ({"cXmlNfe": DOCUMENT, "cCodStatus": "1"}, None),
        ({"cXmlNfe": DOCUMENT, "cCodStatus": 0}, DOCUMENT.encode("latin-1")),
        ({}, None),
    ],
)
def test_the_document_of_an_invoice(account: Open, answer: Mapping[str, Any], xml: bytes | None) -> None:
    omie = Omie(Answer(200, json={"nChaveNfe": KEY, "cCodStatus": "0", **answer}))
    with account(omie) as vendor:
        found = vendor.invoice_xml(document_of(invoice()))
    assert (found.key, found.xml) == (KEY, xml)
    assert omie.asked[0]["param"] == [{"nIdNfe": 55001}]


@pytest.mark.parametrize(
    ("row", "city", "regime"),
    [
        ({"cidade": "SÃO PAULO (SP)", "optante_simples_nacional": "S"}, "SÃO PAULO", "simples"),
        ({"cidade": "3550308", "optante_simples_nacional": "N"}, None, None),
        ({"cidade": "Embu (das Artes)"}, "Embu (das Artes)", None),
    ],
)
def test_the_company(account: Open, row: Mapping[str, Any], city: str | None, regime: str | None) -> None:
    rows = [
        {"codigo_empresa": 1, "inativa": "S", "cnpj": "1"},
        {"codigo_empresa": 2, "inativa": "N", "cnpj": "12.ABC.345/01DE-35", **row},
    ]
    with account(Omie(page([], registros=2, total_de_registros=2, empresas_cadastro=rows))) as vendor:
        (found,) = vendor.company().items
    assert (found.cnpj, found.city, found.regime) == ("12.ABC.345/01DE-35", city, regime)


def test_products_are_asked_for_beyond_the_point_of_sale(account: Open) -> None:
    omie = Omie(Answer(500, json=NO_RECORDS))
    with account(omie) as vendor:
        assert [list(listed.items) for listed in vendor.products()] == [[]]
    (asked,) = omie.asked[0]["param"]
    assert (asked["apenas_importado_api"], asked["filtrar_apenas_omiepdv"]) == ("N", "N")


def test_a_method_is_left_alone_before_its_tenth_error(account: Open, time: VirtualTime) -> None:
    omie = Omie(Answer(500, json=SERVER))
    with account(omie) as vendor:
        for _ in range(9):
            with pytest.raises(TransientError):
                invoices(vendor)
        assert len(omie.asked) == 9
        with pytest.raises(ThrottledError, match="fewer calls") as caught:
            invoices(vendor)
        first = time.seconds
        with pytest.raises(TransientError):
            vendor.company()  # another method is not concerned
    assert 0 < (caught.value.retry_after or 0) < 1900
    time.sleep(1900 - first)
    healthy = Omie(page([invoice()]))
    with account(healthy) as vendor:
        assert len(invoices(vendor)) == 1


def test_empty_lists_count_as_errors(account: Open) -> None:
    omie = Omie(Answer(500, json=NO_RECORDS))
    with account(omie) as vendor:
        for number in range(1, 10):
            assert next(vendor.invoices(FIRST.replace(day=number), LAST)).items == []
        with pytest.raises(ThrottledError):
            invoices(vendor)
    assert len(omie.asked) == 9


def test_documents_leave_room_for_the_calls_under_way(account: Open) -> None:
    omie = Omie(Answer(500, json=SERVER))
    with account(omie) as vendor:
        for number in range(20):
            with pytest.raises(TransientError):
                vendor.invoice_xml(document_of(invoice(number)))
    assert len(omie.asked) == 6


@pytest.mark.parametrize(
    ("answer", "waits"), [(Answer(503), False), (httpx.ConnectError("refused"), False), (SLOW, True)]
)
def test_a_request_is_repeated_within_a_minute_only_if_the_vendor_has_not_seen_it(
    account: Open, time: VirtualTime, answer: Answer | Exception, waits: bool
) -> None:
    with account(Omie(answer, page([invoice()]))) as vendor:
        assert len(invoices(vendor)) == 1
    assert (time.seconds >= 60) is waits


def test_a_concurrent_call_is_made_again(account: Open, time: VirtualTime) -> None:
    said = {"faultstring": "ERROR: Já existe uma requisição desse método sendo executada.", "faultcode": "x"}
    with account(Omie(Answer(500, json=said), page([invoice()]))) as vendor:
        assert len(invoices(vendor)) == 1
    assert time.seconds >= 5


def test_a_block_of_seconds_is_not_waited_for(account: Open, time: VirtualTime) -> None:
    said = {
        **BLOCK,
        "faultstring": "ERROR: API bloqueada por consumo indevido. Tente novamente em 7 segundos.",
    }
    omie = Omie(Answer(200, json=said))
    with account(omie) as vendor, pytest.raises(BlockedError):
        invoices(vendor)
    assert (len(omie.asked), time.seconds) == (1, 0)
