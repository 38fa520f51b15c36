"""The documents of the sandbox are valid by the official layouts, and dirty where dirt is wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from lxml import etree

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT
from sync_pipelines.sandbox.erp.nfe_events import cancellation_of, correction_of
from sync_pipelines.sandbox.erp.nfe_taxes import CODES, ICMS_GROUPS
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.year import further_note, made_up_company

_NS = {"n": "http://www.portalfiscal.inf.br/nfe"}


def _text(document: etree._Element, path: str) -> str | None:
    steps = "/".join(f"n:{step}" for step in path.split("/"))
    return document.findtext(f".//{steps}", namespaces=_NS)


@pytest.mark.parametrize(("seed", "crt", "alphanumeric"), [(1, "3", True), (2, "1", False), (3, "4", False)])
def test_every_document_of_a_year_is_valid(
    seed: int, crt: str, alphanumeric: bool, note_layout: etree.XMLSchema
) -> None:
    company = made_up_company(seed, crt=crt, alphanumeric=alphanumeric)
    for note in company.select(lambda one: one.key is not None):
        document = etree.fromstring(note.xml())
        note_layout.assertValid(document)
        assert _text(document, "infProt/chNFe") == note.key
        assert Decimal(_text(document, "ICMSTot/vNF") or "") == note.totals.total


@pytest.mark.parametrize("group", ICMS_GROUPS)
def test_every_group_of_icms_is_valid(group: str, company: ErpCompany, note_layout: etree.XMLSchema) -> None:
    note = company.select(lambda one: one.state == "authorised")[0]
    item = note.items[0]
    note.items = [replace(item, taxes=replace(item.taxes, icms_group=group, icms_cst=CODES[group]))]
    note_layout.assertValid(etree.fromstring(note.xml()))


def test_events_are_valid_documents_of_their_own(
    cancellation_layout: etree.XMLSchema, correction_layout: etree.XMLSchema
) -> None:
    # The layout of events knows no letters in a CNPJ yet.
    note = made_up_company(2).notes[0]
    cancellation_layout.assertValid(etree.fromstring(cancellation_of(note)))
    correction_layout.assertValid(etree.fromstring(correction_of(note)))


def test_a_year_has_every_kind_of_note(company: ErpCompany) -> None:
    notes = company.notes
    assert {note.state for note in notes} == {"authorised", "cancelled", "denied", "unissued", "voided"}
    assert {note.model for note in notes} == {"55", "65"}
    assert {note.environment for note in notes} == {"1", "2"}
    assert {note.direction for note in notes} == {0, 1}
    assert {note.purpose for note in notes} == {"1", "4"}
    assert any(note.corrected for note in notes)
    assert any(not item.counted for note in notes for item in note.items)
    assert {item.ncm == "00" for note in notes for item in note.items} == {True, False}
    assert {item.taxes.reform is None for note in notes for item in note.items} == {True, False}
    assert {note.recipient is None for note in notes if note.model == "55"} == {True, False}
    recipients = [note.recipient for note in notes if note.recipient]
    assert any(one.cpf for one in recipients)
    assert any(one.foreign_id for one in recipients)
    assert any(note.issued_at.isoformat()[8:19] == "31T23:30:00" for note in notes)
    assert any(not (company.profile.cnpj).isdigit() for note in notes)


def test_the_numbers_of_a_series_have_no_gap(company: ErpCompany) -> None:
    own = [note for note in company.notes if note.issuer.cnpj == company.profile.cnpj and note.series == 1]
    numbers = [note.number for note in own]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_company_that_is_made_a_day_later_has_the_same_notes(company: ErpCompany) -> None:
    later = made_up_company(1, alphanumeric=True, until=date(2026, 11, 23))
    assert later.notes[: len(company.notes)] == company.notes


def _soiled(company: ErpCompany, *dirt: str) -> SandboxNote:
    note = company.select(lambda one: one.state == "authorised" and bool(one.issuer.cnpj))[0]
    return replace(note, dirt=frozenset(dirt))


@pytest.mark.parametrize("dirt", DIRT)
def test_dirt_changes_a_document(dirt: str, company: ErpCompany) -> None:
    assert _soiled(company, dirt).xml() != _soiled(company).xml()


def test_a_wrong_check_digit_is_wrong_everywhere(company: ErpCompany) -> None:
    note = _soiled(company, "wrong_check_digit")
    document = etree.fromstring(note.xml())
    assert _text(document, "infProt/chNFe") != note.key
    identity = document.find(".//n:infNFe", _NS)
    assert identity is not None
    assert identity.get("Id") == f"NFe{_text(document, 'infProt/chNFe')}"


def test_latin1_and_a_mark_of_byte_order_change_no_text(company: ErpCompany) -> None:
    plain, latin1, marked = (_soiled(company, *dirt).xml() for dirt in ((), ("latin1",), ("bom",)))
    assert marked.startswith(b"\xef\xbb\xbf<?xml")
    assert b"ISO-8859-1" in latin1
    assert "São Paulo".encode("latin-1") in latin1
    texts = [list(etree.fromstring(one).itertext()) for one in (plain, latin1, marked)]
    assert texts[0] == texts[1] == texts[2]


def test_dirt_that_is_not_known_is_refused(company: ErpCompany) -> None:
    with pytest.raises(ValueError, match="There is no dirt rust"):
        _soiled(company, "rust").xml()


def test_the_companies_have_every_group_of_icms_among_them(company: ErpCompany) -> None:
    companies = (company, made_up_company(2, crt="1"), made_up_company(3))
    groups = {item.taxes.icms_group for one in companies for note in one.notes for item in note.items}
    assert groups == set(ICMS_GROUPS)


def test_a_further_note_is_the_next_of_its_series(company: ErpCompany, note_layout: etree.XMLSchema) -> None:
    before = len(company.notes)
    note = further_note(company, company.notes[-1].issued_at + timedelta(hours=1), corrected=True)
    assert len(company.notes) == before + 1
    assert company.by_key(str(note.key)) is company.note(note.vendor_id)
    assert note.number == 1 + max(
        one.number for one in company.notes if one.series == 1 and one.issuer == note.issuer and one != note
    )
    note_layout.assertValid(etree.fromstring(note.xml()))
