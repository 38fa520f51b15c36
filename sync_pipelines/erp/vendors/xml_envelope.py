"""An answer in XML with documents inside, which are untrusted: they are cut out, and only what is around is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sync_pipelines.erp.vendors.xml_text import xml_bytes

if TYPE_CHECKING:  # slow to import, and needed only where an answer comes
    from lxml.etree import XMLParser

#: What a document loses within another one, and what the layout of the NF-e begins each with.
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_CDATA = re.compile(r"<!\[CDATA\[(.*)\]\]>", re.DOTALL)
_BOM = b"\xef\xbb\xbf"


class XmlEnvelope(NamedTuple):
    """The texts of an answer by the element below its root, and the documents that it has by theirs."""

    fields: Mapping[str, str]
    documents: Mapping[str, bytes]


def open_envelope(content: bytes, *, root: str, documents: Sequence[str]) -> XmlEnvelope | None:
    """An answer whose root and elements with a document have these names.

    None if it is none: no XML, another root, a part of it, or one with a document type. A document is as it came,
    byte by byte, in an envelope of UTF-8; only its declaration, which no envelope can have inside, is set before it.
    """
    outer = content.removeprefix(_BOM).strip()
    declared = _ENCODING.match(outer)
    encoding = declared[1].decode() if declared else "utf-8"
    found = dict[str, bytes]()
    for name in documents:
        begin, end = f"<{name}>".encode(), f"</{name}>".encode()
        before, opened, rest = outer.partition(begin)
        inner, closed, after = rest.rpartition(end)
        if opened and closed:
            outer = before + after
            if (document := _document(inner.strip(), encoding)) is not None:
                found[name] = document
    fields = _fields(outer, root)
    return XmlEnvelope(fields, found) if fields is not None else None


def _fields(outer: bytes, root: str) -> Mapping[str, str] | None:
    from lxml import etree

    try:
        tree = etree.fromstring(outer, _parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    if tree.tag != root or tree.getroottree().docinfo.internalDTD is not None:
        return None
    return {str(child.tag): (child.text or "").strip() for child in tree}


def _document(inner: bytes, encoding: str) -> bytes | None:
    """The bytes of a document, which may be escaped or in a CDATA section; None where there is none."""
    try:
        text = inner.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return inner  # whoever reads it says what is wrong with it
    section = _CDATA.fullmatch(text)
    document = xml_bytes(section[1] if section else text)
    if document is None or document.startswith(b"<?xml"):
        return document
    return DECLARATION + document


@lru_cache(maxsize=1)
def _parser() -> XMLParser:
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
