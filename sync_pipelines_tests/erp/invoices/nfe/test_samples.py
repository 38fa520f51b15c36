"""The samples of a public library: real layouts of several years, and what is wrong with some of them.

They are read where the library is installed: none of them is in this repository.
"""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Event, Note, Skipped, SkipReason
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError

FOLDER = Path(str(files("nfelib")))
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("nfe*/samples/**/*.xml"))
IN_TEST = SkipReason.TEST_ENVIRONMENT
#: What is not a note of the production environment with its protocol, by a part of its name.
OTHERS = {
    "nfce_contingencia": SkipReason.NFCE,
    "41170706117473000150550010000463202612756525": IN_TEST,
    "NFe35200159594315000157550010000000012062777161": IN_TEST,
    "v4_0/procNFe": IN_TEST,
    "-cce": "event",
    "-ped-inu": "document",
    "nfe_reforma_tributaria": "key_month",
}


def kind_of(data: bytes) -> str:
    """How a document ends: a note, an event, a reason to skip it, or a rule that it breaks."""
    try:
        document = read_document(data)
    except InvoiceRejectedError as problem:
        return problem.rule
    if isinstance(document, Skipped):
        return document.reason
    return "event" if isinstance(document, Event) else "note"


def test_there_are_as_many_as_the_contract_counts() -> None:
    assert len([name for name in NAMES if name.startswith("nfe/")]) == 20


@pytest.mark.parametrize("name", NAMES)
def test_each_sample_is_what_it_is(name: str) -> None:
    expected = next((kind for part, kind in OTHERS.items() if part in name), "note")
    assert kind_of((FOLDER / name).read_bytes()) == expected


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("nfe/") and "procNFe" in name])
def test_a_sample_of_the_test_environment_is_a_note_but_for_that(name: str) -> None:
    data = (FOLDER / name).read_bytes().replace(b"<tpAmb>2<", b"<tpAmb>1<")
    assert kind_of(data) == "note"


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("-nfe.xml", "-procNFe.xml"))])
def test_the_figures_of_a_sample_are_those_that_a_plain_search_finds(name: str) -> None:
    data = (FOLDER / name).read_bytes().replace(b"<tpAmb>2<", b"<tpAmb>1<")
    note = read_document(data)
    assert isinstance(note, Note)
    tree = etree.fromstring(data)
    namespaces = {"n": "http://www.portalfiscal.inf.br/nfe"}

    def sum_of(path: str) -> Decimal:
        return sum((Decimal(one.text or "") for one in tree.iterfind(path, namespaces)), Decimal(0))

    stated = {
        "quantidade": ".//n:prod/n:qCom",
        "valorUnitario": ".//n:prod/n:vUnCom",
        "valorTotal": ".//n:prod/n:vProd",
        "icms": ".//n:ICMS/*/n:vICMS",
        "pis": ".//n:PIS/*/n:vPIS",
        "cofins": ".//n:COFINS/*/n:vCOFINS",
        "ipi": ".//n:IPI/n:IPITrib/n:vIPI",
        "icms_st": ".//n:ICMS/*/n:vICMSST",
    }
    items = note.raw_data["produtos"]
    assert {field: sum(item[field] for item in items) for field in stated} == {
        field: sum_of(path) for field, path in stated.items()
    }
    assert note.totals.note == sum_of(".//n:ICMSTot/n:vNF")
    assert note.sums.tie_to(sum_of(".//n:ICMSTot/n:vProd"))
