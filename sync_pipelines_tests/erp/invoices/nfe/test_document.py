"""What a document is: a note, an event, a document that is skipped, or a reject with its rule (traps 41-48)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note, Skipped, SkipReason
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlNote

NOTE = XmlNote()


def read_note(xml: XmlNote) -> Note:
    document = read_document(xml.xml)
    assert isinstance(document, Note)
    return document


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("100", InvoiceState.AUTHORISED),
        ("150", InvoiceState.AUTHORISED),
        ("101", InvoiceState.CANCELLED),
        ("302", InvoiceState.DENIED),
    ],
)
def test_a_note_says_what_its_protocol_says(status: str, state: InvoiceState) -> None:
    note = read_note(NOTE.but(status=status))
    assert (note.state, note.status_code) == (state, status)


def test_a_note_belongs_to_the_month_that_it_writes() -> None:
    note = read_note(NOTE.but(issued_at="2026-10-31T23:30:00-03:00"))
    assert (note.issue_date, note.month) == (date(2026, 10, 31), date(2026, 10, 1))
    assert note.issued_at.isoformat() == "2026-10-31T23:30:00-03:00"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "65"}, SkipReason.NFCE),
        ({"model": "65", "protocol": ""}, SkipReason.NFCE),
        ({"environment": "2"}, SkipReason.TEST_ENVIRONMENT),
    ],
)
def test_what_is_no_note_of_ours_is_skipped(changes: dict[str, Any], reason: SkipReason) -> None:
    note = NOTE.but(**changes)
    assert read_document(note.xml) == Skipped(reason, note.access_key)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"protocol": ""}, "no_protocol"),
        ({"status": "204"}, "protocol_status"),
        ({"protocol_key": "35261112ABC34501DE35550010000000771192837464"}, "protocol_key"),
        ({"key": "35261111222333000181550010000010421408172530"}, "check_digit"),
        ({"key": "3526111122233300018155001000001042140817253"}, "access_key"),
        ({"key_issuer": "12ABC34501DE35"}, "key_issuer"),
        ({"model": "57"}, "model"),
        ({"environment": "3"}, "environment"),
        ({"issued_at": "2026-11-03 23:30:00"}, "issue_time"),
        ({"issued_at": "2026-11-31T23:30:00-03:00"}, "issue_time"),
        ({"totals": {"vNF": "17,62"}}, "number"),
        ({"totals": {"vNF": None}}, "totals"),
        ({"direction": "2"}, "code"),
        ({"items": ()}, "structure"),
    ],
)
def test_what_cannot_be_trusted_is_a_reject(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        read_document(NOTE.but(**changes).xml)
    assert error.value.rule == rule
