"""How Bling writes a company: invoices, products, the company itself (contract of the ERPs, sections 5 and 11).

Held to the vendor's own OpenAPI by a test.
"""

from __future__ import annotations

from typing import Any, Final

from sync_pipelines.sandbox.erp.company import SandboxProfile
from sync_pipelines.sandbox.erp.documents import NO_MOMENT, dotted_ncm, formatted_cnpj, iso_moment, number
from sync_pipelines.sandbox.erp.notes import NoteItem, SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct

CANCELLED: Final = 2


def situation(note: SandboxNote) -> int:
    """`situacao` 1 to 11. An authorised note is 6 once its DANFE was printed, and a purchase may be 7, registered."""
    if note.state == "authorised":
        return 6 if note.vendor_id % 3 == 0 else 5
    return {"cancelled": CANCELLED, "denied": 9, "unissued": 1 if note.vendor_id % 2 else 4}[note.state]


def invoice(note: SandboxNote, *, with_key: bool = True) -> dict[str, Any]:
    """A row of the list."""
    party = note.counterparty
    issued = iso_moment(note.issued_at)
    found: dict[str, Any] = {
        "id": note.vendor_id,
        "tipo": note.direction,
        "situacao": situation(note),
        "numero": f"{note.number:06d}",
        "dataEmissao": issued,
        # A date that is not filled in.
        "dataOperacao": NO_MOMENT if note.vendor_id % 4 == 0 else issued,
        "contato": {
            "id": 1 + note.vendor_id % 50,
            "nome": party.name if party else "",
            "numeroDocumento": (party.document or "") if party else "",
        },
        "naturezaOperacao": {"id": 5},
        "loja": {"id": 0},
    }
    if with_key:
        found["chaveAcesso"] = note.key or ""
    return found


def invoice_detail(note: SandboxNote, profile: SandboxProfile, link: str) -> dict[str, Any]:
    """An invoice with its items; `xml` is a link, empty where there is no document."""
    totals = note.totals
    issued = note.state in ("authorised", "cancelled", "denied")
    return {
        **invoice(note),
        "serie": note.series,
        "valorNota": number(totals.total),
        "valorFrete": number(totals.freight),
        "xml": link if note.has_xml and note.key else "",
        "linkDanfe": "https://www.bling.com.br/doc.view.php?id=danfe" if issued else "",
        "linkPDF": "https://www.bling.com.br/doc.view.php?id=pdf" if issued else "",
        "finalidade": int(note.purpose),
        "optanteSimplesNacional": profile.is_simples,
        "itens": [_item(item) for item in note.items],
        "parcelas": [
            {
                "data": f"{note.issued_at:%Y-%m-%d}",
                "valor": number(totals.total),
                "observacoes": "",
                "formaPagamento": {"id": 1},
            }
        ],
    }


def _item(item: NoteItem) -> dict[str, Any]:
    return {
        "codigo": item.code,
        "descricao": item.description,
        "unidade": item.unit,
        "quantidade": number(item.quantity),
        "valor": number(item.unit_price),
        "valorTotal": number(item.total),
        "tipo": "P",
        "classificacaoFiscal": dotted_ncm(item.ncm),
        "cest": "",
        "origem": 0,
        "gtin": item.ean or "",
        "cfop": item.cfop,
    }


def product(one: SandboxProduct) -> dict[str, Any]:
    """A row of the list: without NCM."""
    return {
        "id": one.vendor_id,
        "nome": one.name,
        "codigo": one.code,
        "preco": number(one.price),
        "tipo": "S" if one.is_service else "P",
        "situacao": "A" if one.is_active else "I",
        "formato": "S",
        "descricaoCurta": "",
    }


def product_detail(one: SandboxProduct) -> dict[str, Any]:
    """A product with its taxation."""
    return {
        **product(one),
        "unidade": one.unit,
        "gtin": one.ean or "",
        "tributacao": {
            "origem": 0,
            "ncm": one.ncm,
            "cest": "",
            "spedTipoItem": "09" if one.is_service else "00",
        },
    }


def company(profile: SandboxProfile) -> dict[str, Any]:
    """The account's company: no address, no regime."""
    return {
        "id": "1",
        "nome": profile.legal_name,
        "cnpj": formatted_cnpj(profile.cnpj),
        "email": "financeiro@example.com",
        "dataContrato": "2024-01-15",
    }
