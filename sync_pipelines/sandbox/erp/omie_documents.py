"""How Omie writes a company: invoices, products, the company itself (contract of the ERPs, sections 4 and 11).

Numbers are texts here and numbers there, NCM and CFOP have dots or not, as the vendor's answers do.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

from sync_pipelines.sandbox.erp.company import ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.documents import (
    brazilian_date,
    dotted_cfop,
    dotted_ncm,
    formatted_cnpj,
    formatted_document,
    number,
    text_of,
)
from sync_pipelines.sandbox.erp.notes import NoteItem, SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct

#: `cStatus` of the accountant's documents.
_STATUSES: Final = {"authorised": "00", "cancelled": "10", "denied": "20", "unissued": "40"}


def is_listed(note: SandboxNote) -> bool:
    """Whether ListarNF knows a note: it has a number, so it was issued, or voided."""
    return note.state != "unissued"


def listed(company: ErpCompany) -> list[SandboxNote]:
    """What ListarNF knows."""
    return company.select(is_listed)


def invoice(note: SandboxNote, *, with_items: bool = True) -> dict[str, Any]:
    """An item of `nfCadastro`."""
    party, totals = note.counterparty, note.totals
    found = {
        "ide": _ide(note),
        "nfEmitInt": {"nCodEmp": 1},
        "nfDestInt": {
            "nCodCli": 900 + note.vendor_id % 100,
            "cRazao": party.name if party else "",
            "cnpj_cpf": formatted_document(party) if party else "",
        },
        "total": {
            "ICMSTot": {
                "vBC": number(totals.icms_base),
                "vICMS": number(totals.icms),
                "vST": number(totals.st),
                "vProd": number(totals.products),
                "vFrete": number(totals.freight),
                "vDesc": number(totals.discount),
                "vIPI": number(totals.ipi),
                "vPIS": number(totals.pis),
                "vCOFINS": number(totals.cofins),
                "vOutro": 0,
                # An amount may be a text.
                "vNF": f"{totals.total:.2f}" if note.vendor_id % 5 == 0 else number(totals.total),
                "vTotTrib": 0,
            },
            "ISSQNtot": {},
            "retTrib": {},
        },
        "compl": {
            "nIdNF": note.vendor_id,
            "cChaveNFe": note.key or "",
            "cCodCateg": "1.01.01",
            "nIdReceb": 0,
        },
        "titulos": [],
        "info": {"dInc": brazilian_date(note.issued_at), "dAlt": brazilian_date(note.altered_at)},
    }
    return {**found, "det": [_item(each) for each in note.items]} if with_items else found


def _ide(note: SandboxNote) -> dict[str, Any]:
    issued = brazilian_date(note.issued_at)
    texts = note.vendor_id % 2 == 0
    return {
        "mod": note.model if texts else int(note.model),
        "serie": str(note.series) if texts else note.series,
        "nNF": f"{note.number:09d}",
        "dEmi": issued,
        "hEmi": f"{note.issued_at:%H:%M:%S}",
        "dSaiEnt": issued,
        "tpNF": str(note.direction) if texts else note.direction,
        "tpAmb": note.environment,
        "finNFe": note.purpose,
        "dReg": issued,
        "dCan": brazilian_date(note.altered_at or note.issued_at) if note.state == "cancelled" else "",
        "dInut": issued if note.state == "voided" else "",
        "cDeneg": "S" if note.state == "denied" else "N",
    }


def _item(item: NoteItem) -> dict[str, Any]:
    taxes, odd = item.taxes, item.number % 2 == 1
    return {
        "prod": {
            "cProd": item.code,
            "cEAN": item.ean or "",
            "xProd": item.description,
            "NCM": dotted_ncm(item.ncm) if odd else item.ncm,
            "CFOP": dotted_cfop(item.cfop) if odd else item.cfop,
            "uCom": item.unit,
            "qCom": number(item.quantity) if odd else str(item.quantity),
            "vUnCom": number(item.unit_price),
            "vProd": number(item.total),
            "vDesc": number(item.discount),
            "vFrete": number(item.freight),
            "vTotItem": number(item.total),
            "vBC": number(taxes.icms_base),
            "pICMS": number(taxes.icms_rate),
            "vICMS": number(taxes.icms),
            "vBCST": number(taxes.st_base),
            "vICMSST": number(taxes.st),
            "pPIS": number(taxes.pis_rate),
            "vPIS": number(taxes.pis),
            "pCOFINS": number(taxes.cofins_rate),
            "vCOFINS": number(taxes.cofins),
            "pIPI": number(taxes.ipi_rate),
            "vIPI": number(taxes.ipi),
        },
        "nfProdInt": {"nCodProd": item.product_id or 0},
    }


def document(note: SandboxNote, *, escaped: bool = False) -> dict[str, Any]:
    """The answer of ObterNfe. A note without a document has a status other than 0."""
    has_xml = note.has_xml and note.key is not None
    xml = text_of(note.xml()) if has_xml else ""
    return {
        "nIdNfe": note.vendor_id,
        "cNumNfe": f"{note.number:09d}",
        "nChaveNfe": note.key or "",
        "dDataEmisNfe": brazilian_date(note.issued_at),
        "cXmlNfe": escape(xml) if escaped else xml,
        "cPdf": "",
        "cCodStatus": "0" if has_xml else "1",
        "cDesStatus": "NF-e localizada com sucesso." if has_xml else "O XML da NF-e não está disponível.",
    }


def found_document(note: SandboxNote) -> dict[str, Any]:
    """An item of `documentosEncontrados`."""
    has_xml = note.has_xml and note.key is not None
    return {
        "nNumero": f"{note.number:09d}",
        "cSerie": str(note.series),
        "nChave": note.key or "",
        "dEmissao": brazilian_date(note.issued_at),
        "hEmissao": f"{note.issued_at:%H:%M:%S}",
        "nValor": number(note.totals.total),
        "cXml": text_of(note.xml()) if has_xml else "",
        "nIdNF": note.vendor_id,
        "nIdReceb": 0,
        "cStatus": _STATUSES[note.state],
    }


def product(one: SandboxProduct) -> dict[str, Any]:
    """An item of `produto_servico_cadastro`."""
    texts = one.vendor_id % 4 == 0
    return {
        "codigo_produto": one.vendor_id,
        "codigo": one.code,
        "descricao": one.name,
        "unidade": one.unit,
        "ncm": one.ncm,
        "ean": one.ean or "",
        "valor_unitario": str(one.price) if texts else number(one.price),
        "tipoItem": "09" if one.is_service else "00",
        "inativo": "N" if one.is_active else "S",
        "bloqueado": "N",
        "cfop": "",
    }


def company_of(profile: SandboxProfile) -> dict[str, Any]:
    """An item of `empresas_cadastro`."""
    return {
        "codigo_empresa": 1,
        "cnpj": formatted_cnpj(profile.cnpj),
        "razao_social": profile.legal_name,
        "nome_fantasia": profile.trade_name or "",
        "cidade": f"{profile.city.upper()} ({profile.state})" if profile.city and profile.state else "",
        "estado": profile.state or "",
        "cnae": profile.cnae or "",
        "optante_simples_nacional": "S" if profile.is_simples else "N",
        "inativa": "N",
    }
