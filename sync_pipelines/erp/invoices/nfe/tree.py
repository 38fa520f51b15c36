"""Bytes to an XML tree: no entity, no DTD, no network, at most 10 MB (contract of the ERPs, section 9.4, trap 48)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

#: The limit of the application's bucket `xml-imports`.
LARGEST_DOCUMENT = 10 * 1024 * 1024
NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
_DECLARATION = f' xmlns="{NAMESPACE}"'.encode()
_PREFIX = f"{{{NAMESPACE}}}"
_DOCTYPE = b"<!DOCTYPE"
_ENCODING = re.compile(r"""\s*<\?xml[^>]{0,100}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")


def read_tree(data: bytes) -> _Element:
    """The root of a document, whose NF-e elements have plain names (`infNFe`), with or without their namespace.

    Names of other namespaces, such as that of the signature, keep it. InvoiceRejectedError with the rule `too_large`,
    `not_xml` or `doctype`.
    """
    from lxml import etree

    if len(data) > LARGEST_DOCUMENT:
        raise InvoiceRejectedError(Rule.TOO_LARGE)
    try:
        # Without the declaration of the namespace the names are plain; qualified ones are made anew at each reading.
        root = etree.fromstring(data.lstrip().replace(_DECLARATION, b""), parser())
    except (etree.XMLSyntaxError, ValueError):
        # Some DTDs end the reading themselves: those of entities that grow, and those from a network.
        raise InvoiceRejectedError(Rule.DOCTYPE if _DOCTYPE in data else Rule.NOT_XML) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvoiceRejectedError(Rule.DOCTYPE)
    if root.tag.startswith(_PREFIX) or any(str(child.tag).startswith(_PREFIX) for child in root):
        for element in root.iter(f"{_PREFIX}*"):
            element.tag = element.tag.removeprefix(_PREFIX)
    return root


def document_bytes(text: str) -> bytes:
    """The bytes of a document that an API carried as a text, in the encoding that it declares, else in UTF-8.

    A text in JSON is decoded already: encoded as UTF-8 whatever it declares, every accent of a name would be garbled.
    """
    plain = text.removeprefix("\ufeff")
    declared = _ENCODING.match(plain)
    if declared is None:
        return plain.encode(errors="replace")
    try:
        return plain.encode(declared[1])
    except (LookupError, UnicodeError):
        start, end = declared.span(1)
        return f"{plain[:start]}UTF-8{plain[end:]}".encode(errors="replace")


@lru_cache(maxsize=1)
def parser() -> XMLParser:
    """The one parser: it serves several threads, one at a time."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
