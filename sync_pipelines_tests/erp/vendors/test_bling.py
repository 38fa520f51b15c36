"""Bling: what is asked, how lists end, what rows say, and what each refusal means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.bling import BlingVendor
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.erp.vendors.vendor import Company, Invoice, InvoiceState
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendors.bling_stub import Stub

KEY = "35261112ABC34501DE35550010000000771192837464"
FIRST, LAST = date(2026, 9, 1), date(2026, 11, 30)


def note(number: int, situacao: int = 6, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "tipo": 1,
        "situacao": situacao,
        "numero": f"{number:06}",
        "dataEmissao": "2026-11-03 23:30:00",
        "dataOperacao": "2026-11-04 08:00:00",
        "chaveAcesso": KEY,
        **more,
    }


@pytest.fixture
def stub() -> Stub:
    return Stub(lists={"nfe": [], "produtos": []})


@pytest.fixture
def vendor(stub: Stub, erp_url: str, ops_url: str) -> Iterator[BlingVendor]:
    number = UUID("1a2b3c4d-0000-4000-8000-000000000001")
    stored = {"access_token": "A1-token-0001"}
    connection = ErpConnection(number, number, "bling", "Loja", "active", credentials=stored)
    settings = read_as(ErpSettings, None, ERP_DATABASE_URL=erp_url, OPS_DATABASE_URL=ops_url)
    access = VendorAccess(
        settings,
        options={"transport": stub.transport, "sleep": stub.sleep, "jitter": lambda: 0.0},
        budget_options={"clock": stub.clock, "sleep": stub.sleep},
    )
    with access.open(connection) as opened:
        assert isinstance(opened, BlingVendor)
        yield opened


def listed(vendor: BlingVendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
    return [invoice for page in vendor.invoices(first, last) for invoice in page.items]


def test_the_company_is_a_name_and_a_cnpj(vendor: BlingVendor, stub: Stub) -> None:
    data = {
        "id": "436c",
        "nome": "Empresa Teste LTDA",
        "cnpj": "12.ABC.345/01DE-35",
        "email": "x@example.com",
    }
    stub.answers["empresas/me/dados-basicos"] = httpx.Response(200, json={"data": data})
    page = vendor.company()
    assert page.items == [Company(cnpj="12.ABC.345/01DE-35", legal_name="Empresa Teste LTDA")]
    assert stub.requests[0].headers["authorization"] == "Bearer A1-token-0001"


def test_invoices_are_asked_for_in_both_directions_and_the_cancelled_ones_as_well(
    vendor: BlingVendor, stub: Stub
) -> None:
    stub.lists["nfe"] = [note(1), note(2, 2), note(3, 9), note(4, 1), note(5, 7, tipo=0)]
    found = {one.vendor_id: (one.state, one.direction) for one in listed(vendor)}
    assert found == {
        "1": (InvoiceState.AUTHORISED, 1),
        "2": (InvoiceState.CANCELLED, 1),
        "3": (InvoiceState.DENIED, 1),
        "4": (InvoiceState.UNISSUED, 1),
        "5": (InvoiceState.AUTHORISED, 0),
    }
    assert stub.query(0) == {
        "pagina": "1",
        "limite": "100",
        "tipo": "1",
        "dataEmissaoInicial": "2026-09-01 00:00:00",
        "dataEmissaoFinal": "2026-11-30 23:59:59",
    }
    assert [stub.query(index).get("situacao") for index in range(4)] == [None, "2", None, "2"]


def test_a_row_of_the_list_says_what_the_interface_asks(vendor: BlingVendor, stub: Stub) -> None:
    stub.lists["nfe"] = [note(77)]
    assert listed(vendor) == [
        Invoice("77", InvoiceState.AUTHORISED, date(2026, 11, 3), KEY, model="55", direction=1, number="77")
    ]


@pytest.mark.parametrize(("rows", "pages"), [(0, 1), (99, 1), (100, 2), (101, 2), (200, 3)])
def test_a_list_ends_with_a_page_that_is_not_full(
    vendor: BlingVendor, stub: Stub, rows: int, pages: int
) -> None:
    stub.lists["nfe"] = [note(number) for number in range(1, rows + 1)]
    assert len(listed(vendor)) == rows
    assert len(stub.requests) == pages + 3
