"""The taxes of the reform that a note states itself, and those that it does not (trap 45)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note, ReformTaxes
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem, XmlNote

NOTE = XmlNote()
IBS = (
    "<gIBS><gIBSUF><vDif>9.00</vDif><vDevTrib>9.00</vDevTrib><vIBSUF>0.10</vIBSUF></gIBSUF>"
    "<gIBSMun><vDif>9.00</vDif><vIBSMun>0.20</vIBSMun></gIBSMun><vIBS>0.30</vIBS><vCredPres>9.00</vCredPres></gIBS>"
)
CBS = "<gCBS><vDif>9.00</vDif><vCBS>0.90</vCBS><vCredPres>9.00</vCredPres></gCBS>"
MONO = (
    "<gMono><vIBSMono>1.00</vIBSMono><vCBSMono>2.00</vCBSMono><vIBSMonoReten>0.01</vIBSMonoReten>"
    "<vCBSMonoReten>0.02</vCBSMonoReten><vIBSMonoRet>9.00</vIBSMonoRet><vCBSMonoRet>9.00</vCBSMonoRet></gMono>"
)
SELECTIVE = "<ISTot><vIS>0.40</vIS></ISTot>"
ITEM_IBS_CBS = (
    "<IBSCBS><CST>000</CST><cClassTrib>000001</cClassTrib><gIBSCBS><vBC>14.88</vBC>"
    "<gIBSUF><pIBSUF>0.1000</pIBSUF><vIBSUF>0.01</vIBSUF></gIBSUF><gIBSMun><vIBSMun>0.02</vIBSMun></gIBSMun>"
    "<vIBS>0.03</vIBS><gCBS><pCBS>0.9000</pCBS><vCBS>0.13</vCBS></gCBS></gIBSCBS></IBSCBS>"
)
ITEM_MONO = (
    "<IBSCBS><CST>620</CST><cClassTrib>620001</cClassTrib><gIBSCBSMono><vTotIBSMonoItem>1.50</vTotIBSMonoItem>"
    "<vTotCBSMonoItem>2.50</vTotCBSMonoItem></gIBSCBSMono></IBSCBS>"
)
ITEM_TRANSFER = (
    "<IBSCBS><CST>800</CST><cClassTrib>800001</cClassTrib><gTransfCred><vIBS>5.00</vIBS><vCBS>5.00</vCBS></gTransfCred>"
    "</IBSCBS>"
)
ITEM_SELECTIVE = (
    "<IS><CSTIS>000</CSTIS><cClassTribIS>000001</cClassTribIS><vBCIS>1.00</vBCIS><vIS>0.05</vIS></IS>"
)


def reform_of(xml: XmlNote) -> ReformTaxes | None:
    note = read_document(xml.xml)
    assert isinstance(note, Note)
    return note.reform


def taxes(*, cbs: str = "0", ibs_uf: str = "0", ibs_mun: str = "0", selective: str = "0") -> ReformTaxes:
    return ReformTaxes(Decimal(cbs), Decimal(ibs_uf), ibs_mun=Decimal(ibs_mun), selective=Decimal(selective))


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ("", None),
        ("<vNFTot>17.62</vNFTot>", None),
        (
            f"<IBSCBSTot><vBCIBSCBS>14.88</vBCIBSCBS>{IBS}{CBS}</IBSCBSTot>",
            taxes(cbs="0.90", ibs_uf="0.10", ibs_mun="0.20"),
        ),
        (
            f"{SELECTIVE}<IBSCBSTot>{IBS}{CBS}{MONO}</IBSCBSTot>",
            taxes(cbs="2.92", ibs_uf="1.11", ibs_mun="0.20", selective="0.40"),
        ),
        (f"<IBSCBSTot>{MONO}</IBSCBSTot>", taxes(cbs="2.02", ibs_uf="1.01")),
        (f"<IBSCBSTot><gNovo><vCBS>9.00</vCBS></gNovo>{CBS}</IBSCBSTot>", taxes(cbs="0.90")),
        ("<IBSCBSTot><vBCIBSCBS>0.00</vBCIBSCBS></IBSCBSTot>", taxes()),
        (SELECTIVE, taxes(selective="0.40")),
    ],
)
def test_the_totals_count(totals: str, expected: ReformTaxes | None) -> None:
    assert reform_of(NOTE.but(more_totals=totals)) == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (ITEM_IBS_CBS, taxes(cbs="0.26", ibs_uf="0.02", ibs_mun="0.04")),
        (ITEM_IBS_CBS + ITEM_SELECTIVE, taxes(cbs="0.26", ibs_uf="0.02", ibs_mun="0.04", selective="0.10")),
        (ITEM_MONO, taxes(cbs="5.00", ibs_uf="3.00")),
        (ITEM_TRANSFER, taxes()),
        (ITEM_SELECTIVE, taxes(selective="0.10")),
    ],
)
def test_without_totals_the_items_are_summed_up(extra: str, expected: ReformTaxes) -> None:
    assert reform_of(NOTE.but(items=(XmlItem(extra=extra),) * 2)) == expected


def test_with_totals_the_items_do_not_count() -> None:
    xml = NOTE.but(items=(XmlItem(extra=ITEM_IBS_CBS),), more_totals=f"<IBSCBSTot>{CBS}</IBSCBSTot>")
    assert reform_of(xml) == taxes(cbs="0.90")


def test_groups_of_the_reform_leave_the_taxes_of_today_alone() -> None:
    """IBSCBS has a CST of its own."""
    note = read_document(NOTE.but(items=(XmlItem(extra=ITEM_IBS_CBS),)).xml)
    plain = read_document(NOTE.xml)
    assert isinstance(note, Note)
    assert isinstance(plain, Note)
    assert note.raw_data == plain.raw_data


@pytest.mark.parametrize(
    "totals", ["<IBSCBSTot><gCBS><vCBS>0,90</vCBS></gCBS></IBSCBSTot>", "<ISTot><vIS/></ISTot>"]
)
def test_what_is_no_number_is_a_reject(totals: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        reform_of(NOTE.but(more_totals=totals))
    assert error.value.rule == "number"
