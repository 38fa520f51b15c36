"""How Tiny writes a company: invoices, products, titles, the account (contract of the ERPs, sections 7.1 and 11).

Amounts are texts with a decimal point, dates are `dd/mm/yyyy`. The detail of a title has other names than its list.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any, Final

from sync_pipelines.sandbox.erp.company import ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.documents import (
    brazilian_date,
    dotted_ncm,
    formatted_cnpj,
    formatted_document,
    text_of,
)
from sync_pipelines.sandbox.erp.nfe_events import cancellation_of
from sync_pipelines.sandbox.erp.notes import NoteItem, SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.tiny_faults import DONE
from sync_pipelines.sandbox.erp.titles import SandboxTitle

SITUATIONS: Final = {
    1: "Pendente",
    2: "Emitida",
    3: "Cancelada",
    4: "Enviada - Aguardando recibo",
    5: "Rejeitada",
    6: "Autorizada",
    7: "Emitida DANFE",
    8: "Registrada",
    9: "Enviada - Aguardando protocolo",
    10: "Denegada",
}
#: What is neither open nor paid has one word: the vendor knows no other.
TITLE_SITUATIONS: Final = {
    "open": "aberto",
    "overdue": "aberto",
    "lost": "aberto",
    "partial": "parcial",
    "settled": "pago",
    "returned": "pago",
    "cancelled": "cancelada",
    "renegotiated": "cancelada",
}
_DECLARATION: Final = re.compile(r"^<\?xml[^>]*\?>\s*")
XML_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def situation(note: SandboxNote) -> int:
    """`situacao`: an authorised note is 7 once its DANFE was printed, and a purchase may be 8, registered."""
    if note.state == "authorised":
        printed = note.vendor_id % 3 == 0
        return 8 if printed and note.direction == 0 else 7 if printed else 6
    return {"cancelled": 3, "denied": 10, "unissued": (1, 4, 5, 9)[note.vendor_id % 4]}[note.state]


def invoice(note: SandboxNote) -> dict[str, Any]:
    """A row of the search: NF-e and NFC-e alike."""
    party, totals, state = note.counterparty, note.totals, situation(note)
    name = party.name if party else "Consumidor Final"
    return {
        "id": str(note.vendor_id) if note.vendor_id % 2 else note.vendor_id,
        "tipo": "S" if note.direction == 1 else "E",
        "serie": str(note.series),
        "numero": f"{note.number:06d}",
        "data_emissao": brazilian_date(note.issued_at),
        "nome": name,
        "cliente": {
            "nome": name,
            "tipo_pessoa": "J" if party and party.cnpj else "F",
            "cpf_cnpj": formatted_document(party) if party else "",
            "ie": "",
            "cidade": party.city if party else "",
            "uf": party.state if party else "",
        },
        "valor": _amount(totals.total),
        "valor_produtos": _amount(totals.products),
        "valor_frete": _amount(totals.freight),
        "situacao": str(state) if note.vendor_id % 2 else state,
        "descricao_situacao": SITUATIONS[state],
        "chave_acesso": note.key or "",
    }


def invoice_detail(note: SandboxNote, profile: SandboxProfile) -> dict[str, Any]:
    """An invoice with its items."""
    row = invoice(note)
    return {
        **{name: value for name, value in row.items() if name != "tipo"},
        "tipo_nota": row["tipo"],
        "natureza_operacao": note.nature,
        "regime_tributario": profile.crt,
        "finalidade": note.purpose,
        "itens": [{"item": _item(item)} for item in note.items],
    }


def _item(item: NoteItem) -> dict[str, Any]:
    return {
        "codigo": item.code,
        "descricao": item.description,
        "unidade": item.unit,
        "ncm": dotted_ncm(item.ncm),
        "cfop": item.cfop,
        "quantidade": str(item.quantity),
        "valor_unitario": str(item.unit_price),
        "valor_total": _amount(item.total),
    }


def embedded(note: SandboxNote) -> str:
    """The document of a note as a text within another one: without its byte order mark and declaration."""
    return _DECLARATION.sub("", text_of(note.xml()).removeprefix("\ufeff"))


def xml_answer(note: SandboxNote, document: str) -> str:
    """The answer that has a note's document inside, with the event that cancelled it."""
    cancelled = embedded_event(note) if note.state == "cancelled" else ""
    event = f"<xml_cancelamento>{cancelled}</xml_cancelamento>" if cancelled else "<xml_cancelamento/>"
    inner = f"<xml_nfe>{document}</xml_nfe>" if document else "<xml_nfe/>"
    return f"{XML_HEAD}<retorno>{DONE}{inner}{event}</retorno>"


def embedded_event(note: SandboxNote) -> str:
    """The event that cancelled a note."""
    return _DECLARATION.sub("", text_of(cancellation_of(note)))


def escaped(document: str) -> str:
    """A document as a text of XML."""
    return escape(XML_HEAD + document, quote=False)


def product(one: SandboxProduct) -> dict[str, Any]:
    """A row of the search: without NCM, and without a word on goods and services."""
    return {
        "id": str(one.vendor_id) if one.vendor_id % 2 else one.vendor_id,
        "codigo": one.code,
        "nome": one.name,
        "preco": str(one.price),
        "preco_promocional": "0",
        "unidade": one.unit,
        "gtin": one.ean or "",
        "tipoVariacao": "N",
        "situacao": "A" if one.is_active else "I",
    }


def product_detail(one: SandboxProduct) -> dict[str, Any]:
    """A product with its NCM."""
    return {
        **product(one),
        "ncm": one.ncm,
        "origem": "0",
        "tipo": "S" if one.is_service else "P",
        "classe_produto": "S",
    }


def title(one: SandboxTitle) -> dict[str, Any]:
    """A row of the search: without category and competence."""
    return {
        "id": str(one.vendor_id) if one.vendor_id % 2 else one.vendor_id,
        "nome_cliente": one.counterparty,
        "historico": one.description,
        "numero_doc": one.number,
        "data_vencimento": _day(one.due_on),
        "data_emissao": _day(one.issued_on),
        "valor": _amount(one.amount),
        "saldo": _amount(one.amount - one.paid),
        "situacao": TITLE_SITUATIONS[one.state],
    }


def title_detail(one: SandboxTitle, company: ErpCompany) -> dict[str, Any]:
    """A title with its category, by name and one only, and its competence, `MM/yyyy`."""
    row, number = title(one), one.splits[0][0] if one.splits else None
    return {
        "id": row["id"],
        "data": row["data_emissao"],
        "vencimento": row["data_vencimento"],
        "valor": row["valor"],
        "saldo": row["saldo"],
        "nro_documento": one.number,
        "competencia": f"{one.competence:%m/%Y}" if one.competence else "",
        "historico": one.description,
        "categoria": company.category(number).name if number is not None else "",
        "situacao": row["situacao"],
        "cliente": {"nome": one.counterparty},
    }


def account(profile: SandboxProfile) -> dict[str, Any]:
    """The company of an account. `regime_tributario` is a number here: what it may be is not documented."""
    return {
        "razao_social": profile.legal_name,
        "cnpj_cpf": formatted_cnpj(profile.cnpj),
        "fantasia": profile.trade_name or "",
        "endereco": "Rua das Figueiras",
        "numero": "100",
        "bairro": "Centro",
        "cidade": profile.city or "",
        "estado": profile.state or "",
        "cep": "01.001-000",
        "fone": "",
        "email": "financeiro@example.com",
        "inscricao_estadual": "",
        "regime_tributario": profile.crt,
    }


def _amount(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
