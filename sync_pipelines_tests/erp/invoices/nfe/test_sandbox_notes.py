"""A year of the sandbox's notes: what is read of each is what it was made of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Event, Note, ReformTaxes, Skipped, SkipReason
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT, HARMLESS
from sync_pipelines.sandbox.erp.nfe_events import correction_of
from sync_pipelines.sandbox.erp.notes import NoteItem, SandboxNote
from sync_pipelines.sandbox.erp.year import made_up_company

COMPANIES = [
    made_up_company(1, months=4),
    made_up_company(2, months=4, crt="1", alphanumeric=True),
    made_up_company(3, months=2, lines=20),
]
NOTES = [note for company in COMPANIES for note in company.notes if note.key and not note.dirt]
GOOD = [note for note in NOTES if note.model == "55" and note.environment == "1"]
RULES = {
    "wrong_check_digit": "check_digit",
    "id_differs": "check_digit",
    "id_without_prefix": "access_key",
    "other_issuer": "key_issuer",
    "bare": "no_protocol",
    "entity_bomb": "doctype",
    "external_entity": "doctype",
    "too_large": "too_large",
    "truncated": "not_xml",
    "not_xml": "not_xml",
    "empty": "not_xml",
}


def read_note(note: SandboxNote) -> Note:
    document = read_document(note.xml())
    assert isinstance(document, Note)
    return document


def item_of(item: NoteItem, number: int) -> dict[str, Any]:
    """What is to be read of an item; its quantity and price are rounded in the XML."""
    taxes = item.taxes
    return {
        "numero": number,
        "ncm": item.ncm,
        "cfop": item.cfop,
        "cst_icms": taxes.icms_cst,
        "cst_pis": taxes.pis_cst,
        "cst_cofins": taxes.cofins_cst,
        "unidade": item.unit,
        "valorTotal": item.total,
        "icms": taxes.icms,
        "pis": taxes.pis,
        "cofins": taxes.cofins,
        "ipi": taxes.ipi,
        "icms_st": taxes.st,
    }


def reform_of(note: SandboxNote) -> ReformTaxes | None:
    stated = [item.taxes.reform for item in note.items if item.taxes.reform]
    if not stated:
        return None
    zero = Decimal(0)
    return ReformTaxes(
        cbs=sum((one.cbs for one in stated), zero),
        ibs_uf=sum((one.ibs_state for one in stated), zero),
        ibs_mun=sum((one.ibs_city for one in stated), zero),
        selective=sum((one.selective for one in stated), zero),
    )


@pytest.mark.parametrize("company", COMPANIES, ids=["normal", "simples, alphanumeric", "20 lines"])
def test_there_is_something_to_read(company: Any) -> None:
    assert len(company.notes) >= 30


def test_the_head_of_each_note() -> None:
    for note in GOOD:
        read, recipient = read_note(note), note.recipient
        assert read.key.text == note.key
        assert (read.series, read.number) == (str(note.series), str(note.number))
        assert (read.direction, read.purpose) == (note.operation, int(note.purpose))
        assert (read.issued_at, read.issue_date) == (
            note.issued_at.replace(microsecond=0),
            note.issued_at.date(),
        )
        assert read.issuer.taxpayer == note.issuer.document
        assert (read.recipient and read.recipient.taxpayer) == (recipient and recipient.document)
        assert (read.recipient and read.recipient.foreign_id) == (
            recipient and (recipient.foreign_id or None)
        )
        assert read.state == (InvoiceState.DENIED if note.state == "denied" else InvoiceState.AUTHORISED)


def test_the_items_and_totals_of_each_note() -> None:
    for note in GOOD:
        read, totals = read_note(note), note.totals
        names = item_of(note.items[0], 1)
        found = [{name: item[name] for name in names} for item in read.raw_data["produtos"]]
        assert found == [item_of(item, number) for number, item in enumerate(note.items, 1)]
        assert read.totals == (
            totals.products,
            totals.total,
            totals.icms,
            totals.pis,
            totals.cofins,
            totals.ipi,
            totals.st,
            totals.freight,
        )
        assert read.sums.tie_to(totals.products)


def test_threads_may_read_at_once() -> None:
    documents = [note.xml() for note in GOOD]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read_document, documents)) == [read_document(data) for data in documents]


def test_the_taxes_of_the_reform_of_each_note() -> None:
    assert any(reform_of(note) for note in GOOD)
    assert not all(reform_of(note) for note in GOOD)
    for note in GOOD:
        assert read_note(note).reform == reform_of(note)


def test_the_last_hour_of_a_month_is_in_it() -> None:
    """23:30 of the last day is the next month in UTC (trap 46)."""
    late = [note for note in GOOD if note.issued_at.astimezone(UTC).month != note.issued_at.month]
    assert late
    for note in late:
        assert read_note(note).month == note.issued_at.date().replace(day=1)


def test_documents_that_are_not_ours_are_skipped() -> None:
    others = {note.key: note for note in NOTES if note not in GOOD}
    reasons = {key: read_document(note.xml()) for key, note in others.items()}
    assert reasons == {
        key: Skipped(SkipReason.NFCE if note.model == "65" else SkipReason.TEST_ENVIRONMENT, key)
        for key, note in others.items()
    }
    assert {one.reason for one in reasons.values() if isinstance(one, Skipped)} == set(SkipReason) - {"event"}


@pytest.mark.parametrize("dirt", DIRT)
def test_each_dirt_has_its_rule(dirt: str) -> None:
    note = made_up_company(1, months=1).notes[0]
    note.dirt = frozenset({dirt})
    if dirt == "event":
        document = read_document(note.xml())
        assert isinstance(document, Event)
        assert (document.key, document.cancels) == (note.key, True)
    elif dirt in HARMLESS:
        ties = read_note(note).sums.tie_to(read_note(note).totals.products)
        assert ties is (dirt != "total_off")
    else:
        with pytest.raises(InvoiceRejectedError) as error:
            read_document(note.xml())
        assert error.value.rule == RULES[dirt]


def test_a_correction_cancels_nothing() -> None:
    document = read_document(correction_of(GOOD[0]))
    assert isinstance(document, Event)
    assert (document.key, document.cancels) == (GOOD[0].key, False)
