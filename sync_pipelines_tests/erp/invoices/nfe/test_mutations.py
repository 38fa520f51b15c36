"""Whatever the bytes, reading them ends in a document or in a rule that they break, and never in another error."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from sync_pipelines.erp.invoices.nfe.analysis import analyse
from sync_pipelines.erp.invoices.nfe.calculation import calculation_body
from sync_pipelines.erp.invoices.nfe.credits_document import credits_document
from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.lib import exact_json
from sync_pipelines_tests.erp.invoices.nfe.notes import XmlItem, XmlNote

REFORM = "<IBSCBSTot><gCBS><vCBS>0.13</vCBS></gCBS></IBSCBSTot>"
XML = XmlNote(items=(XmlItem(), XmlItem(extra="<IS><vIS>0.01</vIS></IS>")), more_totals=REFORM).xml
#: Where a tag or a text begins: what stands there says more than a place within a word.
EDGES = [place for place, byte in enumerate(XML) if byte in b"<>"]


def read(data: bytes) -> None:
    try:
        document = read_document(data)
    except InvoiceRejectedError as problem:
        assert problem.reason
        return
    if isinstance(document, Note):
        raw_data = exact_json.loads(exact_json.dumps(analyse(document).raw_data))
        credits_document(raw_data)
        calculation_body(document)


@given(st.binary(max_size=200))
@example(b"\xff\xfe<\x00")
@example(b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>')
def test_any_bytes(data: bytes) -> None:
    read(data)


@given(st.integers(0, len(XML)), st.integers(0, 40), st.binary(max_size=10))
def test_bytes_that_were_changed(place: int, length: int, by: bytes) -> None:
    read(XML[:place] + by + XML[place + length :])


@given(st.sampled_from(EDGES), st.sampled_from(EDGES), st.sampled_from(EDGES))
def test_parts_that_were_moved(first: int, second: int, third: int) -> None:
    begin, end, place = sorted((first, second, third))
    read(XML[:begin] + XML[end:place] + XML[begin:end] + XML[place:])


_texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<&>"), max_size=30)


@given(st.sampled_from([place for place in EDGES if XML[place : place + 1] == b">"]), _texts)
def test_texts_that_were_changed(place: int, text: str) -> None:
    end = XML.find(b"<", place)
    read(XML[: place + 1] + text.encode() + XML[end if end >= 0 else len(XML) :])
