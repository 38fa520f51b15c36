"""Bytes to an XML tree: no entity, no DTD, no network, at most 10 MB (contract of the ERPs, section 9.4, trap 48)."""

from __future__ import annotations

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


def read_tree(data: bytes) -> _Element:
    """The root of a document, whose NF-e elements have plain names (`infNFe`), with or without their namespace.

    Names of other namespaces, such as that of the signature, keep it. InvoiceRejectedError with the rule `too_large`,
    `not_xml` or `doctype`.
    """
    from lxml import etree

    if len(data) > LARGEST_DOCUMENT:
        raise InvoiceRejectedError(Rule.TOO_LARGE)
    try:
        # Without the declaration the reader makes no qualified names: a fifth of the time of reading all of them.
        root = etree.fromstring(data.lstrip().replace(_DECLARATION, b""), parser())
    except (etree.XMLSyntaxError, ValueError):
        raise InvoiceRejectedError(Rule.NOT_XML) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvoiceRejectedError(Rule.DOCTYPE)
    if root.tag.startswith(_PREFIX) or any(str(child.tag).startswith(_PREFIX) for child in root):
        for element in root.iter(f"{_PREFIX}*"):
            element.tag = element.tag.removeprefix(_PREFIX)
    return root


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
