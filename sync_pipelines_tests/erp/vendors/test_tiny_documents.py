"""The documents of Tiny's invoices, which come in an envelope of XML and are untrusted (traps 33, 38 and 48)."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from sync_pipelines.erp.invoices.nfe_reader import NfeReader
from sync_pipelines.erp.invoices.reading import DocumentRejectedError, Reading
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.erp.vendors.conformance.companies import note
from sync_pipelines_tests.erp.vendors.tiny_account import TinyWorld, of_number

XML = "nota.fiscal.obter.xml"


@pytest.mark.parametrize("written", ["plain", "escaped", "cdata"])
def test_a_document_is_that_of_the_note_byte_by_byte(tiny: TinyWorld, written: str) -> None:
    """So it has the digest that it has where another ERP gives it."""
    one = tiny.company.add_note(note(1))
    one.items[0] = replace(one.items[0], description="Polpa de açaí & cupuaçu")
    if written != "plain":
        tiny.fake.fail(f"{XML}_{written}")
    with tiny.open() as vendor:
        found = vendor.invoice_xml(of_number(7001))
    assert found.xml is not None
    assert sha256(found.xml).digest() == sha256(one.xml()).digest()
    assert found.state is None


def test_an_answer_in_another_encoding_gives_the_same_document(tiny: TinyWorld) -> None:
    one = tiny.company.add_note(note(1))
    one.items[0] = replace(one.items[0], description="Polpa de açaí")
    tiny.fake.fail(f"{XML}_latin1")
    with tiny.open() as vendor:
        assert vendor.invoice_xml(of_number(7001)).xml == one.xml()


def test_a_note_without_a_document_has_none_and_that_is_no_error(tiny: TinyWorld) -> None:
    tiny.company.notes += [note(1, has_xml=False), note(2, state="unissued"), note(3)]
    tiny.fake.fail(f"{XML}_without_document", page=7003)
    with tiny.open() as vendor:
        assert [vendor.invoice_xml(of_number(one)).xml for one in (7001, 7002, 7003, 7999)] == [None] * 4
    # 34: it was not authorised; 32: there is none. Neither is asked for again.
    assert [call.fault for call in tiny.fake.calls.of(XML)] == ["34", "34", None, "32"]


def test_the_event_that_cancelled_a_note_comes_with_it(tiny: TinyWorld) -> None:
    one = tiny.company.add_note(note(1, state="cancelled"))
    with tiny.open() as vendor:
        found = vendor.invoice_xml(of_number(7001))
    assert (found.xml, found.state) == (one.xml(), InvoiceState.CANCELLED)


def test_the_event_of_another_note_cancels_nothing(tiny: TinyWorld) -> None:
    tiny.company.add_note(note(1, state="cancelled"))
    with tiny.open() as vendor:
        found = vendor.invoice_xml(of_number(7001)._replace(key=note(2).key))
    assert found.xml is not None
    assert found.state is None


def test_an_error_of_a_document_that_says_nothing_of_the_note_is_one(tiny: TinyWorld) -> None:
    """23: there is no such page, which no call for a document is about."""
    tiny.company.add_note(note(1))
    tiny.fake.fail(f"{XML}_no_page")
    with tiny.open() as vendor, pytest.raises(TransientError):
        vendor.invoice_xml(of_number(7001))


@pytest.mark.parametrize("dirt", ["entity_bomb", "external_entity", "truncated", "not_xml", "too_large"])
def test_a_document_is_not_read_before_its_reader_says_what_is_wrong_with_it(
    tiny: TinyWorld, dirt: str
) -> None:
    rules = {"entity_bomb": "doctype", "external_entity": "doctype", "truncated": "not_xml"}
    tiny.company.add_note(note(1, dirt=frozenset({dirt})))
    with tiny.open() as vendor:
        found = vendor.invoice_xml(of_number(7001))
    assert found.xml is not None
    with pytest.raises(DocumentRejectedError) as caught:
        NfeReader()(found.xml)
    assert caught.value.rule == rules.get(dirt, dirt)


@pytest.mark.parametrize("dirt", ["latin1", "bom", "unknown_tag"])
def test_a_document_with_a_peculiarity_is_read(tiny: TinyWorld, dirt: str) -> None:
    one = tiny.company.add_note(note(1, dirt=frozenset({dirt})))
    with tiny.open() as vendor:
        found = vendor.invoice_xml(of_number(7001))
    reading = NfeReader()(found.xml or b"")
    assert isinstance(reading, Reading)
    assert reading.key == one.key


@pytest.mark.parametrize("fault", ["bomb", "as_json", "cut", "truncated", "not_json", "empty"])
def test_what_is_no_envelope_of_a_document_is_an_error(tiny: TinyWorld, fault: str) -> None:
    tiny.company.add_note(note(1))
    tiny.fake.fail(f"{XML}_{fault}")
    with tiny.open() as vendor, pytest.raises(TransientError):
        vendor.invoice_xml(of_number(7001))
