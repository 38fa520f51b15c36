"""What a document is: a note that proves itself, an event, a document that is skipped, or a reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_pipelines.erp.invoices.nfe.access_key import NFCE, NFE, is_access_key
from sync_pipelines.erp.invoices.nfe.items import PlainTexts, plain_texts
from sync_pipelines.erp.invoices.nfe.note import Document, Event, Skipped, SkipReason
from sync_pipelines.erp.invoices.nfe.parse import IDE, PROTOCOL, parse_note
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule
from sync_pipelines.erp.invoices.nfe.tree import read_tree

if TYPE_CHECKING:
    from lxml.etree import _Element

#: The root of a note with its protocol, and of one without.
_PROVED, _BARE = "nfeProc", "NFe"
_PRODUCTION, _TEST = "1", "2"
#: An event with its registration, its halves, and the cancellations of before there were events.
_EVENTS = frozenset({"procEventoNFe", "envEvento", "evento", "retEvento", "procCancNFe", "retCancNFe"})
#: cStat of a registered event: tied to its note, not tied to it, registered late.
_REGISTERED = frozenset({"135", "136", "155"})
#: cStat of a cancellation of before there were events.
_CANCELLED = frozenset({"101", "151"})


def read_document(data: bytes) -> Document:
    """The document in an XML; InvoiceRejectedError where it is none that can be trusted."""
    root = read_tree(data)
    if root.tag in _EVENTS:
        return _event(root)
    if root.tag not in (_BARE, _PROVED):
        raise InvoiceRejectedError(Rule.DOCUMENT)
    note = root if root.tag == _BARE else _only(root, "NFe")
    info = _only(note, "infNFe")
    ide = plain_texts(_only(info, "ide"), IDE)
    protocol = _protocol(root)
    model = ide.get("mod")
    if model == NFCE:
        return Skipped(SkipReason.NFCE, _key_of(info))
    if model != NFE:
        raise InvoiceRejectedError(Rule.MODEL)
    if _TEST in (ide.get("tpAmb"), protocol.get("tpAmb")):
        return Skipped(SkipReason.TEST_ENVIRONMENT, _key_of(info))
    if ide.get("tpAmb") != _PRODUCTION:
        raise InvoiceRejectedError(Rule.ENVIRONMENT)
    return parse_note(info, ide, protocol)


def _only(parent: _Element, name: str) -> _Element:
    """The one child of that name."""
    found = parent.findall(name)
    if len(found) != 1:
        raise InvoiceRejectedError(Rule.STRUCTURE, name)
    return found[0]


def _protocol(root: _Element) -> PlainTexts:
    """The texts of `infProt` beside the note; none where there is no protocol."""
    if root.tag == _BARE or root.find("protNFe") is None:
        return {}
    return plain_texts(_only(_only(root, "protNFe"), "infProt"), PROTOCOL)


def _event(root: _Element) -> Event:
    """The event that a document is about, whatever its envelope."""
    facts = {name: (root.findtext(f".//{name}") or "").strip() for name in ("tpEvento", "chNFe")}
    status = (root.findtext(".//retEvento//cStat") or root.findtext(".//retCancNFe//cStat") or "").strip()
    key = facts["chNFe"].upper()
    return Event(
        key=key if is_access_key(key) else None,
        type=facts["tpEvento"] or ("110111" if "Canc" in str(root.tag) else ""),
        is_registered=status in _REGISTERED or (status in _CANCELLED and "Canc" in str(root.tag)),
    )


def _key_of(info: _Element) -> str | None:
    key = (info.get("Id") or "").removeprefix("NFe").upper()
    return key if is_access_key(key) else None
