"""The items of a note: every group of ICMS, taxes by quantity, what is missing (traps 44, 45 and 47)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem, XmlNote

NOTE, ITEM = XmlNote(), XmlItem()
REGULAR = ("00", "02", "10", "15", "20", "30", "40", "51", "53", "60", "61", "70", "90")
SIMPLES = ("101", "102", "201", "202", "500", "900")


def read_note(xml: XmlNote) -> Note:
    document = read_document(xml.xml)
    assert isinstance(document, Note)
    return document


def only_item(item: XmlItem) -> dict[str, Any]:
    [found] = read_note(NOTE.but(items=(item,))).raw_data["produtos"]
    return dict(found)


def test_an_item_in_the_shape_of_the_application() -> None:
    assert only_item(ITEM) == {
        "numero": 1,
        "ncm": "08119000",
        "cfop": "5102",
        "cst_icms": "00",
        "cst_pis": "01",
        "cst_cofins": "01",
        "descricao": "ITEM 1",
        "quantidade": Decimal("6.0000"),
        "unidade": "CX",
        "valorUnitario": Decimal("2.4800000000"),
        "valorTotal": Decimal("14.88"),
        "icms": Decimal("1.79"),
        "pis": Decimal("0.25"),
        "cofins": Decimal("1.13"),
        "ipi": Decimal("0.74"),
        "icms_st": Decimal(0),
        "credito_icms": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
    }


@pytest.mark.parametrize("cst", REGULAR)
def test_each_group_of_the_regular_regime(cst: str) -> None:
    group = f"<ICMS{cst}><orig>0</orig><CST>{cst}</CST><vICMS>1.50</vICMS><vICMSST>2.50</vICMSST></ICMS{cst}>"
    item = only_item(XmlItem(icms=group))
    assert (item["cst_icms"], item["icms"], item["icms_st"]) == (cst, Decimal("1.50"), Decimal("2.50"))


@pytest.mark.parametrize("csosn", SIMPLES)
def test_each_group_of_simples(csosn: str) -> None:
    credit = "<pCredSN>2.00</pCredSN><vCredICMSSN>0.30</vCredICMSSN>"
    item = only_item(
        XmlItem(icms=f"<ICMSSN{csosn}><orig>0</orig><CSOSN>{csosn}</CSOSN>{credit}</ICMSSN{csosn}>")
    )
    assert (item["cst_icms"], item["icms"], item["icms_st"]) == (csosn, 0, 0)


@pytest.mark.parametrize("group", ["ICMSPart", "ICMSST"])
def test_groups_of_two_states(group: str) -> None:
    inner = "<orig>0</orig><CST>41</CST><vBCSTRet>9.00</vBCSTRet><vICMSSTRet>1.00</vICMSSTRet><vICMSST>3.00</vICMSST>"
    item = only_item(XmlItem(icms=f"<{group}>{inner}</{group}>"))
    assert (item["cst_icms"], item["icms_st"]) == ("41", Decimal("3.00"))


@pytest.mark.parametrize(
    ("pis", "expected"),
    [
        ("<PISAliq><CST>01</CST><vBC>1.00</vBC><pPIS>1.65</pPIS><vPIS>0.02</vPIS></PISAliq>", ("01", "0.02")),
        (
            "<PISQtde><CST>03</CST><qBCProd>6.0000</qBCProd><vAliqProd>0.1</vAliqProd><vPIS>0.60</vPIS></PISQtde>",
            ("03", "0.60"),
        ),
        ("<PISNT><CST>07</CST></PISNT>", ("07", "0")),
        (
            "<PISOutr><CST>99</CST><qBCProd>1</qBCProd><vAliqProd>0</vAliqProd><vPIS>0.00</vPIS></PISOutr>",
            ("99", "0"),
        ),
        ("", ("", "0")),
    ],
)
def test_each_group_of_pis_and_cofins(pis: str, expected: tuple[str, str]) -> None:
    item = only_item(XmlItem(pis=pis, cofins=pis.replace("PIS", "COFINS")))
    value = Decimal(expected[1])
    assert (item["cst_pis"], item["pis"], item["cst_cofins"], item["cofins"]) == (expected[0], value) * 2


@pytest.mark.parametrize(
    ("others", "ipi"),
    [
        ("<IPI><cEnq>999</cEnq><IPINT><CST>53</CST></IPINT></IPI>", 0),
        ("<IPI><CNPJProd>11222333000181</CNPJProd><cEnq>999</cEnq></IPI>", 0),
        ("", 0),
        ("<II><vBC>1.00</vBC><vII>0.10</vII></II>", 0),
    ],
)
def test_items_without_ipi(others: str, ipi: int) -> None:
    assert only_item(XmlItem(others=others))["ipi"] == ipi


def test_what_an_item_lacks_has_the_values_of_the_application() -> None:
    text = NOTE.text.replace("<NCM>08119000</NCM>", "").replace("<uCom>CX</uCom>", "")
    for field in ("qCom", "vUnCom", "vICMS"):
        start, end = text.index(f"<{field}>"), text.index(f"</{field}>")
        text = text[:start] + text[end + len(field) + 3 :]
    document = read_document(text.encode())
    assert isinstance(document, Note)
    [item] = document.raw_data["produtos"]
    assert {name: item[name] for name in ("ncm", "unidade", "quantidade", "valorUnitario", "icms")} == {
        "ncm": "00000000",
        "unidade": "UN",
        "quantidade": 0,
        "valorUnitario": 0,
        "icms": 0,
    }


def test_an_item_without_taxes_is_one_with_none() -> None:
    text = NOTE.text
    start, end = text.index("<imposto>"), text.index("</imposto>") + len("</imposto>")
    document = read_document((text[:start] + text[end:]).encode())
    assert isinstance(document, Note)
    assert document.raw_data["produtos"][0]["cst_icms"] == ""


def test_taxes_of_groups_that_nobody_knows_are_not_mixed_up_with_those_that_we_read() -> None:
    """PISST repeats the names of PIS, and the next version of the layout may do so too."""
    extra = (
        "<PISST><vBC>1.00</vBC><pPIS>9.00</pPIS><vPIS>9.00</vPIS></PISST>"
        "<gNovo><CST>77</CST><ICMS><ICMS00><vICMS>9.00</vICMS></ICMS00></ICMS><vCOFINS>9.00</vCOFINS></gNovo>"
        "<gNovo><prod><vProd>9.00</vProd></prod><det><prod><vProd>9.00</vProd></prod></det><vProd>9.00</vProd></gNovo>"
    )
    assert only_item(XmlItem(extra=extra)) == only_item(ITEM)


def test_values_deeper_in_a_group_that_we_read_are_not_its_own() -> None:
    icms = "<ICMS00><CST>00</CST><gNovo><vICMS>9.00</vICMS><CST>77</CST></gNovo><vICMS>1.79</vICMS></ICMS00>"
    assert only_item(XmlItem(icms=icms)) == only_item(ITEM)


def test_items_outside_of_the_total_and_services_are_summed_apart() -> None:
    service = XmlItem(icms="", others="<ISSQN><vISSQN>1.00</vISSQN></ISSQN>", value="5.00")
    note = read_note(NOTE.but(items=(ITEM, XmlItem(counts="0", value="9.99"), service)))
    assert note.sums == (Decimal("14.88"), Decimal("5.00"))
    assert note.items_count == 3
    assert [note.sums.tie_to(Decimal(total)) for total in ("14.88", "19.88", "24.87")] == [True, True, False]


@pytest.mark.parametrize(
    "text", ["1.234,56", "", "1e3", "NaN", "-1.00", "1_0", "1.", ".5", "١", "12345678901234"]
)
def test_what_is_no_number_names_its_item_and_not_its_value(text: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        read_note(NOTE.but(items=(ITEM, XmlItem(value=text))))
    assert (error.value.rule, error.value.where) == ("number", "item 2, vProd")
    assert not text or text not in str(error.value)


def test_a_number_may_stand_between_spaces() -> None:
    assert only_item(XmlItem(value="\n 14.88 "))["valorTotal"] == Decimal("14.88")
