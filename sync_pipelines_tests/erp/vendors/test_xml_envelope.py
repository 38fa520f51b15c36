"""An answer in XML with documents inside: what is cut out, and what is no answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.vendors.xml_envelope import DECLARATION, XmlEnvelope, open_envelope

NAMES = ("xml_nfe", "xml_cancelamento")


def opened(content: bytes) -> XmlEnvelope | None:
    return open_envelope(content, root="retorno", documents=NAMES)


def answer(document: bytes, cancelled: bytes = b"<xml_cancelamento/>") -> bytes:
    return b"<retorno><status>OK</status><xml_nfe>" + document + b"</xml_nfe>" + cancelled + b"</retorno>"


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (b"<nfeProc>a</nfeProc>", DECLARATION + b"<nfeProc>a</nfeProc>"),
        (b"\n  <nfeProc>\n</nfeProc>\n", DECLARATION + b"<nfeProc>\n</nfeProc>"),
        ("<n>ç&amp;</n>".encode(), DECLARATION + "<n>ç&amp;</n>".encode()),
        (b"&lt;n&gt;&amp;amp;&lt;/n&gt;", DECLARATION + b"<n>&amp;</n>"),
        (b"<![CDATA[<?xml version='1.0'?><n/>]]>", b"<?xml version='1.0'?><n/>"),
        (
            "<![CDATA[<?xml version='1.0' encoding='ISO-8859-1'?><n>ç</n>]]>".encode(),
            "<?xml version='1.0' encoding='ISO-8859-1'?><n>ç</n>".encode("latin-1"),
        ),
        # What the other document's author wrote cannot end it, nor begin one.
        (
            b"<n><![CDATA[</xml_nfe><xml_cancelamento>x]]></n>",
            DECLARATION + b"<n><![CDATA[</xml_nfe><xml_cancelamento>x]]></n>",
        ),
        (b"<n>", DECLARATION + b"<n>"),
        (b"\xff<n/>", b"\xff<n/>"),
        (
            b"<!DOCTYPE n [<!ENTITY a 'b'>]><n>&a;</n>",
            DECLARATION + b"<!DOCTYPE n [<!ENTITY a 'b'>]><n>&a;</n>",
        ),
        (b"", None),
        (b" \n ", None),
    ],
)
def test_a_document_is_as_it_came(document: bytes, found: bytes | None) -> None:
    envelope = opened(answer(document))
    assert envelope is not None
    assert envelope.documents.get("xml_nfe") == found
    assert envelope.fields["status"] == "OK"
    assert "xml_cancelamento" not in envelope.documents


def test_both_documents_come() -> None:
    envelope = opened(answer(b"<a/>", b"<xml_cancelamento><b/></xml_cancelamento>"))
    assert envelope is not None
    assert envelope.documents == {"xml_nfe": DECLARATION + b"<a/>", "xml_cancelamento": DECLARATION + b"<b/>"}


def test_the_envelope_says_its_encoding() -> None:
    content = b"<?xml version='1.0' encoding='ISO-8859-1'?>" + answer("<n>ç</n>".encode("latin-1"))
    envelope = opened(b"\n" + content)
    assert envelope is not None
    assert envelope.documents["xml_nfe"] == DECLARATION + "<n>ç</n>".encode()
    assert opened(b"\xef\xbb\xbf" + answer(b"<n/>")) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"<html><body>manutencao</body></html>",
        b"<retorno><status>OK",
        b"<retorno><xml_nfe><n/></retorno>",
        b"<!DOCTYPE retorno [<!ENTITY a 'b'>]><retorno><status>&a;</status></retorno>",
        b"<!DOCTYPE retorno SYSTEM 'file:///etc/hostname'><retorno/>",
        b"<retorno>" + b"<a>" * 400 + b"</a>" * 400 + b"</retorno>",
    ],
)
def test_what_is_no_answer_is_none(content: bytes) -> None:
    assert opened(content) is None


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_no_bytes_break_it(document: bytes, other: bytes) -> None:
    assert opened(other) is None or b"retorno" in other
    envelope = opened(answer(document))
    assert envelope is None or set(envelope.documents) <= set(NAMES)
