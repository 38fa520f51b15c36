"""The XML of a sandbox note: an `nfeProc` of the layout 4.00, valid against the official schema unless it is soiled."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from sync_pipelines.sandbox.erp.nfe_dirt import soiled
from sync_pipelines.sandbox.erp.nfe_signature import NAMESPACE, digest_of, protocol_of, signature
from sync_pipelines.sandbox.erp.nfe_taxes import money, taxes_xml

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.notes import NoteItem, Party, Reform, SandboxNote

_ZERO: Final = Decimal(0)
_TEST_NAME: Final = "NF-E EMITIDA EM AMBIENTE DE HOMOLOGACAO - SEM VALOR FISCAL"
_DENIED: Final = ("302", "Uso Denegado: Irregularidade fiscal do destinatario")
_AUTHORISED: Final = ("100", "Autorizado o uso da NF-e")


def document_of(note: SandboxNote) -> bytes:
    """The document of a note, with the dirt that the note wants. Raises ValueError for one without a key."""
    if note.key is None:
        raise ValueError(f"The note {note.vendor_id} is {note.state}: it has no document.")
    xml = f'<?xml version="1.0" encoding="UTF-8"?>{_processed(note, note.key)}'
    return soiled(xml, note)


def _processed(note: SandboxNote, key: str) -> str:
    status, reason = _DENIED if note.state == "denied" else _AUTHORISED
    protocol = (
        f'<protNFe versao="4.00"><infProt><tpAmb>{note.environment}</tpAmb><verAplic>SP_NFE_PL009_V4</verAplic>'
        f"<chNFe>{key}</chNFe><dhRecbto>{note.issued_at.isoformat()}</dhRecbto><nProt>{protocol_of(key)}</nProt>"
        f"<digVal>{digest_of(f'NFe{key}')}</digVal><cStat>{status}</cStat><xMotivo>{reason}</xMotivo></infProt></protNFe>"
    )
    body = (
        f'<infNFe versao="4.00" Id="NFe{key}">{_identification(note, key)}{_issuer(note.issuer)}{_recipient(note)}'
        f"{''.join(_item(item) for item in note.items)}{_totals(note)}<transp><modFrete>9</modFrete></transp>"
        f"{_payment(note)}<infAdic><infCpl>Documento sintetico do ambiente de demonstracao</infCpl></infAdic></infNFe>"
    )
    return f'<nfeProc xmlns="{NAMESPACE}" versao="4.00"><NFe>{body}{signature(f"NFe{key}")}</NFe>{protocol}</nfeProc>'


def _identification(note: SandboxNote, key: str) -> str:
    is_consumer = note.model == "65"
    recipient = note.recipient
    abroad = recipient is not None and recipient.state == "EX"
    other_state = recipient is not None and recipient.state != note.issuer.state
    reach = "3" if abroad else "2" if other_state else "1"
    final = "1" if is_consumer or recipient is None or recipient.cpf else "0"
    refers = f"<NFref><refNFe>{note.refers_to}</refNFe></NFref>" if note.refers_to else ""
    return (
        f"<ide><cUF>{key[:2]}</cUF><cNF>{key[35:43]}</cNF><natOp>{escape(note.nature)}</natOp><mod>{note.model}</mod>"
        f"<serie>{note.series}</serie><nNF>{note.number}</nNF><dhEmi>{note.issued_at.isoformat()}</dhEmi>"
        f"<tpNF>{note.operation}</tpNF><idDest>{reach}</idDest><cMunFG>{note.issuer.city_code}</cMunFG>"
        f"<tpImp>{'4' if is_consumer else '1'}</tpImp><tpEmis>{key[34]}</tpEmis><cDV>{key[43]}</cDV>"
        f"<tpAmb>{note.environment}</tpAmb><finNFe>{note.purpose}</finNFe><indFinal>{final}</indFinal>"
        f"<indPres>{'1' if is_consumer else '9'}</indPres><procEmi>0</procEmi><verProc>sandbox 1</verProc>"
        f"{refers}</ide>"
    )


def _address(party: Party, element: str) -> str:
    city, code = escape(party.city), party.city_code
    country = (
        "<cPais>2496</cPais><xPais>ESTADOS UNIDOS</xPais>"
        if party.state == "EX"
        else "<CEP>01001000</CEP><cPais>1058</cPais><xPais>BRASIL</xPais>"
    )
    return (
        f"<{element}><xLgr>Rua das Figueiras</xLgr><nro>100</nro><xBairro>Centro</xBairro><cMun>{code}</cMun>"
        f"<xMun>{city}</xMun><UF>{party.state}</UF>{country}</{element}>"
    )


def _issuer(party: Party) -> str:
    document = f"<CNPJ>{party.cnpj}</CNPJ>" if party.cnpj else f"<CPF>{party.cpf}</CPF>"
    registration = f"<IE>{party.state_registration}</IE>" if party.state_registration else ""
    return (
        f"<emit>{document}<xNome>{escape(party.name)}</xNome>{_address(party, 'enderEmit')}{registration}"
        f"<CRT>{party.crt}</CRT></emit>"
    )


def _recipient(note: SandboxNote) -> str:
    party = note.recipient
    if party is None:
        return ""
    name = _TEST_NAME if note.environment == "2" else party.name
    if party.cnpj:
        document = f"<CNPJ>{party.cnpj}</CNPJ>"
    elif party.cpf:
        document = f"<CPF>{party.cpf}</CPF>"
    else:
        document = f"<idEstrangeiro>{party.foreign_id or ''}</idEstrangeiro>"
    registered = bool(party.cnpj and party.state_registration)
    registration = f"<IE>{party.state_registration}</IE>" if registered else ""
    return (
        f"<dest>{document}<xNome>{escape(name)}</xNome>{_address(party, 'enderDest')}"
        f"<indIEDest>{1 if registered else 9}</indIEDest>{registration}</dest>"
    )


def _item(item: NoteItem) -> str:
    ean = item.ean or "SEM GTIN"
    freight = f"<vFrete>{money(item.freight)}</vFrete>" if item.freight else ""
    discount = f"<vDesc>{money(item.discount)}</vDesc>" if item.discount else ""
    quantity, price, unit = f"{item.quantity:.4f}", f"{item.unit_price:.10f}", escape(item.unit)
    value = f"<vItem>{money(item.total)}</vItem>" if item.taxes.reform else ""
    return (
        f'<det nItem="{item.number}"><prod><cProd>{escape(item.code)}</cProd><cEAN>{ean}</cEAN>'
        f"<xProd>{escape(item.description)}</xProd><NCM>{item.ncm}</NCM><CFOP>{item.cfop}</CFOP><uCom>{unit}</uCom>"
        f"<qCom>{quantity}</qCom><vUnCom>{price}</vUnCom><vProd>{money(item.total)}</vProd><cEANTrib>{ean}</cEANTrib>"
        f"<uTrib>{unit}</uTrib><qTrib>{quantity}</qTrib><vUnTrib>{price}</vUnTrib>{freight}{discount}"
        f"<indTot>{int(item.counted)}</indTot></prod>{taxes_xml(item)}{value}</det>"
    )


def _totals(note: SandboxNote) -> str:
    sums = note.totals
    zero = "0.00"
    return (
        f"<total><ICMSTot><vBC>{money(sums.icms_base)}</vBC><vICMS>{money(sums.icms)}</vICMS>"
        f"<vICMSDeson>{zero}</vICMSDeson><vFCP>{zero}</vFCP><vBCST>{money(sums.st_base)}</vBCST>"
        f"<vST>{money(sums.st)}</vST><vFCPST>{zero}</vFCPST><vFCPSTRet>{zero}</vFCPSTRet>"
        f"<vProd>{money(sums.products)}</vProd><vFrete>{money(sums.freight)}</vFrete><vSeg>{zero}</vSeg>"
        f"<vDesc>{money(sums.discount)}</vDesc><vII>{zero}</vII><vIPI>{money(sums.ipi)}</vIPI>"
        f"<vIPIDevol>{zero}</vIPIDevol><vPIS>{money(sums.pis)}</vPIS><vCOFINS>{money(sums.cofins)}</vCOFINS>"
        f"<vOutro>{zero}</vOutro><vNF>{money(sums.total)}</vNF></ICMSTot>{_reform_totals(note)}</total>"
    )


def _reform_totals(note: SandboxNote) -> str:
    """ISTot, IBSCBSTot and vNFTot, which add up what the items have; in 2026 the document's total leaves them out."""
    groups: list[Reform] = [item.taxes.reform for item in note.items if item.taxes.reform]
    if not groups:
        return ""
    state, city = sum((one.ibs_state for one in groups), _ZERO), sum((one.ibs_city for one in groups), _ZERO)
    none = "<vDif>0.00</vDif><vDevTrib>0.00</vDevTrib>"
    credit = "<vCredPres>0.00</vCredPres><vCredPresCondSus>0.00</vCredPresCondSus>"
    selective = [one.selective for one in groups if one.selective_rate is not None]
    return (
        f"{f'<ISTot><vIS>{money(sum(selective, _ZERO))}</vIS></ISTot>' if selective else ''}"
        f"<IBSCBSTot><vBCIBSCBS>{money(sum((one.base for one in groups), _ZERO))}</vBCIBSCBS>"
        f"<gIBS><gIBSUF>{none}<vIBSUF>{money(state)}</vIBSUF></gIBSUF>"
        f"<gIBSMun>{none}<vIBSMun>{money(city)}</vIBSMun></gIBSMun><vIBS>{money(state + city)}</vIBS>{credit}</gIBS>"
        f"<gCBS>{none}<vCBS>{money(sum((one.cbs for one in groups), _ZERO))}</vCBS>{credit}</gCBS></IBSCBSTot>"
        f"<vNFTot>{money(note.totals.total)}</vNFTot>"
    )


def _payment(note: SandboxNote) -> str:
    """A return is paid by nothing (tPag 90)."""
    if note.purpose != "1":
        return "<pag><detPag><tPag>90</tPag><vPag>0.00</vPag></detPag></pag>"
    return f"<pag><detPag><tPag>15</tPag><vPag>{money(note.totals.total)}</vPag></detPag></pag>"
