"""Bytes that are no harmless XML, and XML that is written in another way (trap 48)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.erp.invoices.nfe.note import Note
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.invoices.nfe.tree import LARGEST_DOCUMENT, document_bytes
from sync_pipelines_tests.erp.invoices.nfe.notes import NAMESPACE, XmlNote

NOTE = XmlNote()
TEXT = NOTE.text
NAME = "PADARIA PÃO & CAFÉ"
ACCENTED = TEXT.replace("EMPRESA TESTE", "PADARIA PÃO &amp; CAFÉ")
DECLARATION = f' xmlns="{NAMESPACE}"'
BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 100}">' for n in range(12))


def rejected_by(data: bytes) -> str:
    with pytest.raises(InvoiceRejectedError) as error:
        read_document(data)
    return error.value.rule


def issuer_of(data: bytes) -> str:
    note = read_document(data)
    assert isinstance(note, Note)
    return note.issuer.name


@pytest.mark.parametrize(
    "data",
    [
        ACCENTED.encode(),
        f'<?xml version="1.0" encoding="UTF-8"?>{ACCENTED}'.encode(),
        f'<?xml version="1.0" encoding="UTF-8"?>{ACCENTED}'.encode("utf-8-sig"),
        f'<?xml version="1.0" encoding="ISO-8859-1"?>{ACCENTED}'.encode("iso-8859-1"),
        f"<?xml version='1.0' encoding='windows-1252' standalone='yes'?>{ACCENTED}".encode("cp1252"),
        f'<?xml version="1.0" encoding="UTF-16"?>{ACCENTED}'.encode("utf-16"),
        f'\r\n <?xml version="1.0"?>\n{ACCENTED}\n'.encode(),
        f"<!-- from an ERP --><?style x?>{ACCENTED}<!-- end -->".encode(),
        ACCENTED.replace("<xNome>", "<xNome><!-- a name -->", 1).encode(),
        ACCENTED.replace("PADARIA PÃO &amp; CAFÉ", f"<![CDATA[{NAME}]]>").encode(),
    ],
)
def test_a_note_is_read_however_it_is_written(data: bytes) -> None:
    assert issuer_of(data) == NAME


PREFIXED = TEXT.replace(DECLARATION, "").replace("<", "<n:").replace("<n:/", "</n:")


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace(DECLARATION, ""),
        TEXT.replace(DECLARATION, "", 1),
        TEXT.replace(DECLARATION, f" xmlns='{NAMESPACE}'"),
        PREFIXED.replace(" versao", f' xmlns:n="{NAMESPACE}" versao', 1),
    ],
    ids=["without namespace", "on the note only", "in other quotes", "with a prefix"],
)
def test_the_namespace_may_be_written_in_any_way(text: str) -> None:
    assert read_document(text.encode()) == read_document(NOTE.xml)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "not_xml"),
        (b"   ", "not_xml"),
        (b"\x00" * 100, "not_xml"),
        (b"PK\x03\x04", "not_xml"),
        (b"{}", "not_xml"),
        (NOTE.xml[:-20], "not_xml"),
        (NOTE.xml * 2, "not_xml"),
        (NOTE.xml.replace(b"EMPRESA", b"PAD\xc3"), "not_xml"),
        (NOTE.xml.replace(b"EMPRESA", b"&nome;"), "not_xml"),
        (b'<?xml version="1.0" encoding="x-unknown"?>' + TEXT.encode(), "not_xml"),
        (b"<!DOCTYPE nfeProc>" + TEXT.encode(), "doctype"),
        (f"<!DOCTYPE nfeProc [{BOMB}]>{TEXT.replace('EMPRESA', '&a11;')}".encode(), "doctype"),
        (f'<!DOCTYPE nfeProc [{BOMB}]>{TEXT.replace("Id=", """x="&a11;" Id=""")}'.encode(), "doctype"),
        (
            f'<!DOCTYPE nfeProc [<!ENTITY a SYSTEM "file:///etc/passwd">]>{TEXT.replace("EMPRESA", "&a;")}'.encode(),
            "doctype",
        ),
        (b'<!DOCTYPE nfeProc SYSTEM "http://127.0.0.1:9/nfe.dtd">' + TEXT.encode(), "doctype"),
        (b"<a>" * 300 + b"</a>" * 300, "not_xml"),
        (b"<html><body/></html>", "document"),
        (b'<cteProc xmlns="http://www.portalfiscal.inf.br/cte"><CTe/></cteProc>', "document"),
        (f'<inutNFe xmlns="{NAMESPACE}"><infInut/></inutNFe>'.encode(), "document"),
        (TEXT.replace(NAMESPACE, "http://example.com/nfe").encode(), "document"),
        (TEXT.replace(f"<NFe{DECLARATION}>", '<NFe xmlns="http://example.com/nfe">').encode(), "structure"),
    ],
)
def test_what_is_no_note_is_a_reject(data: bytes, rule: str) -> None:
    assert rejected_by(data) == rule


def test_the_limit_is_that_of_the_bucket() -> None:
    observations = f"<obs>{'x' * 999_989}</obs>"
    large = NOTE.but(extra=observations * 10).xml
    largest = large.replace(b"<obs>", b"<obs>" + b"x" * (LARGEST_DOCUMENT - len(large)), 1)
    assert len(largest) == LARGEST_DOCUMENT
    assert issuer_of(largest) == "EMPRESA TESTE"
    assert rejected_by(largest.replace(b"<obs>", b"<obs>x", 1)) == "too_large"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f'<?xml version="1.0" encoding="ISO-8859-1"?>{ACCENTED}', "iso-8859-1"),
        (f'<?xml version="1.0" encoding="UTF-8"?>{ACCENTED}', "utf-8"),
        (ACCENTED, "utf-8"),
    ],
)
def test_a_text_of_an_api_becomes_the_bytes_that_it_declares(text: str, encoding: str) -> None:
    assert document_bytes(text) == text.encode(encoding)
    assert document_bytes(f"\ufeff{text}") == text.encode(encoding)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "no-such-code", "hex", "idna", "undefined"])
def test_a_text_that_its_declaration_cannot_hold_is_utf_8(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{TEXT.replace("EMPRESA", "“CAFÉ”")}'
    assert issuer_of(document_bytes(text)) == "“CAFÉ” TESTE"


@given(st.text())
def test_any_text_has_bytes(text: str) -> None:
    assert isinstance(document_bytes(text), bytes)
