"""A proved note in one pass over its tree, checked against its access key (contract of the ERPs, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_pipelines.erp.invoices.nfe.access_key import AccessKey, normal_taxpayer
from sync_pipelines.erp.invoices.nfe.items import PlainTexts, Texts, plain_texts, read_items, texts
from sync_pipelines.erp.invoices.nfe.note import Note, Party, Totals
from sync_pipelines.erp.invoices.nfe.raw_data import raw_data
from sync_pipelines.erp.invoices.nfe.reform import own_reform
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule
from sync_pipelines.erp.invoices.nfe.values import amount, code, moment
from sync_pipelines.erp.vendors.vendor import InvoiceState

if TYPE_CHECKING:
    from datetime import datetime

    from lxml.etree import _Element

#: What cStat of a protocol says of the note; any other is that of a note that was refused.
STATES = {
    "100": InvoiceState.AUTHORISED,
    "150": InvoiceState.AUTHORISED,
    "101": InvoiceState.CANCELLED,
    "151": InvoiceState.CANCELLED,
    "155": InvoiceState.CANCELLED,
    "110": InvoiceState.DENIED,
    "301": InvoiceState.DENIED,
    "302": InvoiceState.DENIED,
    "303": InvoiceState.DENIED,
}
#: Series of notes that the tax office issues for somebody: the key then names the office (group `avulsa`).
_OFFICE_SERIES = range(890, 900)
#: What is read of `ide` and of `infProt`.
IDE = frozenset({"cUF", "natOp", "mod", "serie", "nNF", "dhEmi", "tpNF", "cMunFG", "tpAmb", "finNFe"})
PROTOCOL = frozenset({"tpAmb", "chNFe", "cStat"})
_PARTY, _ADDRESS = frozenset({"CNPJ", "CPF", "idEstrangeiro", "xNome"}), frozenset({"UF", "xMun"})
_ICMS_TOTALS = frozenset({"vProd", "vNF", "vICMS", "vPIS", "vCOFINS", "vIPI", "vST", "vFrete"})


def parse_note(info: _Element, ide: PlainTexts, protocol: PlainTexts) -> Note:
    """The note of `infNFe`, of the texts in its `ide` and in `infProt`; no texts: there is no protocol.

    InvoiceRejectedError where one of them cannot be trusted.
    """
    groups, details = _groups(info)
    key = _key(info)
    status, state = _state(protocol, key)
    issued_at = moment(ide.get("dhEmi"))
    issuer = _party(groups["emit"], "enderEmit")
    _compare(key, ide, issued_at=issued_at)
    _compare_issuer(key, issuer, groups.get("avulsa"))
    items, sums, states_reform = read_items(info)
    totals = _totals(groups["total"])
    recipient = _party(groups["dest"], "enderDest") if "dest" in groups else None
    direction = code(ide.get("tpNF"), among="01", field="tpNF")
    purpose = code(ide.get("finNFe"), among="123456", field="finNFe")
    return Note(
        key=key,
        state=state,
        status_code=status,
        issued_at=issued_at,
        direction=direction,
        purpose=purpose,
        series=ide.get("serie", ""),
        number=ide.get("nNF", ""),
        issuer=issuer,
        recipient=recipient,
        totals=totals,
        sums=sums,
        reform=own_reform(groups["total"], details if states_reform else ()),
        municipality=ide.get("cMunFG", ""),
        raw_data=raw_data(key.text, ide, issuer, recipient=recipient, totals=totals, items=items),
    )


def _groups(info: _Element) -> tuple[dict[str, _Element], list[_Element]]:
    """The groups of a note by name, and its items."""
    groups, details = dict[str, "_Element"](), []
    for group in info:
        name = str(group.tag)
        if name == "det":
            details.append(group)
        elif name in groups and name in ("ide", "emit", "dest", "total"):
            raise InvoiceRejectedError(Rule.STRUCTURE, name)
        else:
            groups[name] = group
    for name in ("ide", "emit"):
        if name not in groups:
            raise InvoiceRejectedError(Rule.STRUCTURE, name)
    if not details:
        raise InvoiceRejectedError(Rule.STRUCTURE, "det")
    if "total" not in groups:
        raise InvoiceRejectedError(Rule.TOTALS)
    return groups, details


def _key(info: _Element) -> AccessKey:
    name = info.get("Id") or ""
    if not name.startswith("NFe"):
        raise InvoiceRejectedError(Rule.ACCESS_KEY)
    return AccessKey.parse(name[3:])


def _state(protocol: PlainTexts, key: AccessKey) -> tuple[str, InvoiceState]:
    """The protocol's cStat and what it says; it must be the protocol of this very note."""
    if not protocol:
        raise InvoiceRejectedError(Rule.NO_PROTOCOL)
    if protocol.get("chNFe", "").upper() != key.text:
        raise InvoiceRejectedError(Rule.PROTOCOL_KEY)
    status = protocol.get("cStat", "")
    if status not in STATES:
        raise InvoiceRejectedError(Rule.PROTOCOL_STATUS)
    return status, STATES[status]


def _compare(key: AccessKey, ide: PlainTexts, *, issued_at: datetime) -> None:
    """The parts of the key against the fields that they repeat."""
    repeated = (
        (Rule.KEY_MODEL, key.model, ide.get("mod")),
        (Rule.KEY_STATE, key.state, ide.get("cUF")),
        (Rule.KEY_SERIES, key.series, ide.get("serie", "").zfill(3)),
        (Rule.KEY_NUMBER, key.number, ide.get("nNF", "").zfill(9)),
        (Rule.KEY_MONTH, f"20{key.year_month}", f"{issued_at.year}{issued_at.month:02}"),
    )
    for rule, in_key, in_field in repeated:
        if in_key != in_field:
            raise InvoiceRejectedError(rule)


def _compare_issuer(key: AccessKey, issuer: Party, office: _Element | None) -> None:
    """The key names the issuer, or the office of the tax authority that issued the note for it."""
    taxpayer = normal_taxpayer(issuer.taxpayer)
    if taxpayer is not None and key.issuer == taxpayer.zfill(14):
        return
    if office is not None and int(key.series) in _OFFICE_SERIES and key.issuer == office.findtext("CNPJ"):
        return
    raise InvoiceRejectedError(Rule.KEY_ISSUER)


def _party(group: _Element, address: str) -> Party:
    """Who stands in `emit` or `dest`; its address may be missing."""
    facts = plain_texts(group, _PARTY)
    written = facts.get("CNPJ") or facts.get("CPF")
    place = group.find(address)
    where: PlainTexts = {} if place is None else plain_texts(place, _ADDRESS)
    return Party(
        taxpayer=normal_taxpayer(written) or written or None,
        name=facts.get("xNome", ""),
        state=where.get("UF", ""),
        city=where.get("xMun", ""),
        foreign_id=facts.get("idEstrangeiro") or None,
    )


def _totals(group: _Element) -> Totals:
    """The totals that every note has; a tax that it does not state is 0."""
    found = group.find("ICMSTot")
    stated: Texts = {} if found is None else texts(found, _ICMS_TOTALS)
    if not stated.keys() >= {"vProd", "vNF"}:
        raise InvoiceRejectedError(Rule.TOTALS)
    return Totals(
        products=amount(stated, "vProd"),
        note=amount(stated, "vNF"),
        icms=amount(stated, "vICMS"),
        pis=amount(stated, "vPIS"),
        cofins=amount(stated, "vCOFINS"),
        ipi=amount(stated, "vIPI"),
        icms_st=amount(stated, "vST"),
        freight=amount(stated, "vFrete"),
    )
