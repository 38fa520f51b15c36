"""The body of `calculate-rtc` and its answer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sync_pipelines.erp.invoices.nfe.calculation import CalculatedReform, calculated_reform, calculation_body
from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note, ReformTaxes
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem, XmlNote

TOTALS = {"cbs": Decimal("1.31"), "ibsUf": 1, "ibsMun": 0.8, "is": 0, "total": Decimal("3.11")}


def read_note(xml: XmlNote) -> Note:
    note = read_document(xml.xml)
    assert isinstance(note, Note)
    return note


def test_the_body_of_a_note() -> None:
    items = (XmlItem(), XmlItem(ncm="<NCM>00</NCM>"))
    body = calculation_body(read_note(XmlNote(items=items)))
    first = {
        "numero": 1,
        "ncm": "08119000",
        "descricao": "ITEM 1",
        "quantidade": Decimal("6.0000"),
        "unidade": "CX",
        "valorUnitario": Decimal("2.4800000000"),
        "cst": "000",
        "cClassTrib": "000001",
    }
    second = {**first, "numero": 2, "ncm": "00000000", "descricao": "ITEM 2"}
    assert body == {"municipio": 3550308, "uf": "SP", "itens": [first, second]}


@pytest.mark.parametrize(("code", "municipality"), [("4106902", 4106902), ("", 3550308), ("x", 3550308)])
def test_the_municipality_is_the_notes_own(code: str, municipality: int) -> None:
    text = XmlNote().text.replace("<cMunFG>3550308</cMunFG>", f"<cMunFG>{code}</cMunFG>")
    note = read_document(text.encode())
    assert isinstance(note, Note)
    assert calculation_body(note)["municipio"] == municipality


def test_an_answer_with_figures() -> None:
    expected = ReformTaxes(Decimal("1.31"), Decimal(1), ibs_mun=Decimal("0.8"), selective=Decimal(0))
    answer = {"success": True, "data": {"id": 7}, "totals": TOTALS, "warning": None}
    assert calculated_reform(answer) == CalculatedReform(expected, {"id": 7})


@pytest.mark.parametrize("data", [None, [1], "text"])
def test_data_of_another_shape_is_kept(data: object) -> None:
    found = calculated_reform({"success": True, "data": data, "totals": TOTALS})
    assert found is not None
    assert found.data == {"data": data}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"success": False, "error": "x"},
        {"success": False, "data": {}, "totals": TOTALS},
        {"success": True, "data": {}},
        {"success": True, "data": {}, "totals": {**TOTALS, "cbs": None}},
        {"success": True, "data": {}, "totals": {**TOTALS, "cbs": "1.31"}},
        {"success": True, "data": {}, "totals": {**TOTALS, "cbs": True}},
        {"success": True, "data": {}, "totals": {**TOTALS, "cbs": float("nan")}},
        {"success": True, "data": {}, "totals": {"cbs": 1}},
    ],
)
def test_an_answer_without_figures_is_none(answer: object) -> None:
    assert calculated_reform(answer) is None
