"""How Conta Azul writes a company: invoices, products, titles, categories (contract of the ERPs, sections 6 and 11).

Where a value is missing, it writes a blank text as readily as null.
"""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any, Final
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from sync_pipelines.sandbox.erp.company import ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.documents import number
from sync_pipelines.sandbox.erp.nfe_events import cancellation_of, correction_of
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle, TitleState

#: `status` and `status_traduzido`. Cancelled instalments are not listed, and nothing is given back.
_STATES: Final[dict[TitleState, tuple[str, str]]] = {
    "open": ("PENDING", "EM_ABERTO"),
    "overdue": ("OVERDUE", "ATRASADO"),
    "partial": ("PARTIAL", "RECEBIDO_PARCIAL"),
    "settled": ("ACQUITTED", "RECEBIDO"),
    "returned": ("ACQUITTED", "RECEBIDO"),
    "lost": ("LOST", "PERDIDO"),
    "renegotiated": ("RENEGOTIATED", "RENEGOCIADO"),
}


def uuid_of(vendor_id: int) -> str:
    """The id of a product, an instalment or a category."""
    return str(UUID(int=vendor_id))


def number_of(text: str) -> int:
    """The sandbox's number behind an id. Raises ValueError for what is no id."""
    return UUID(text).int


def invoice(note: SandboxNote, *, is_dated: bool) -> dict[str, Any]:
    """A row of the list. Whether it has more than key, number and status is not documented."""
    row: dict[str, Any] = {
        "chave_acesso": note.key,
        "numero_nota": note.number,
        "status": "CORRIGIDA_SUCESSO" if note.corrected else "EMITIDA",
    }
    return {**row, "data_emissao": f"{note.issued_at:%Y-%m-%d}"} if is_dated else row


def document(note: SandboxNote) -> bytes:
    """The file of an invoice: its XML, or a ZIP where events belong to it."""
    if note.state == "cancelled":
        return archive({"XML_1.xml": note.xml(), "EVENTO_1.xml": cancellation_of(note)})
    if note.corrected:
        return archive({"XML_1.xml": note.xml(), "EVENTO_1.xml": correction_of(note)})
    return note.xml()


def archive(files: dict[str, bytes]) -> bytes:
    """A ZIP of files by their names."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(name, content)
    return packed.getvalue()


def product(one: SandboxProduct) -> dict[str, Any]:
    """A row of the list: without NCM."""
    return {
        "id": uuid_of(one.vendor_id),
        "nome": one.name,
        "codigo_sku": one.code,
        "codigo_ean": one.ean or "",
        "status": "ATIVO" if one.is_active else "INATIVO",
        "valor_venda": number(one.price),
    }


def product_detail(one: SandboxProduct) -> dict[str, Any]:
    """A product with its taxation."""
    ncm = {"id": 1, "codigo": one.ncm, "descricao": ""} if one.ncm else None
    return {
        **product(one),
        "ativo": one.is_active,
        "fiscal": {"ncm": ncm, "cest": None, "origem": "", "tipo_produto": "MERCADORIA_PARA_REVENDA"},
    }


def company(profile: SandboxProfile) -> dict[str, Any]:
    """The account's company: no address, no regime."""
    return {
        "razao_social": profile.legal_name,
        "nome_fantasia": profile.trade_name or "",
        "documento": profile.cnpj,
        "email": "financeiro@example.com",
        "data_fundacao": None,
    }


def category(one: SandboxCategory) -> dict[str, Any]:
    """A category; `entrada_dre` is its line of the income statement."""
    return {
        "id": uuid_of(one.number),
        "nome": one.name,
        "tipo": "RECEITA" if one.side == "receivable" else "DESPESA",
        "categoria_pai": one.parent or "",
        "entrada_dre": one.dre_code or "",
        "considera_custo_dre": (one.dre_code or "").startswith("CUSTO"),
    }


def title(one: SandboxTitle, company: ErpCompany) -> dict[str, Any]:
    """An instalment as the list has it: its categories without what each of them is given."""
    status, translated = _STATES[one.state]
    party = "cliente" if one.side == "receivable" else "fornecedor"
    if one.side == "payable":
        translated = translated.replace("RECEBIDO", "PAGO")
    return {
        "id": uuid_of(one.vendor_id),
        "descricao": one.description,
        "data_vencimento": _day(one.due_on),
        # Every entry has one here: the vendor takes the day of the entry where nobody says another.
        "data_competencia": _day(one.competence or one.issued_on),
        "status": status,
        "status_traduzido": translated,
        "total": number(one.amount),
        "pago": number(one.paid),
        "nao_pago": number(one.amount - one.paid),
        "categorias": [
            {"id": uuid_of(split), "nome": company.category(split).name} for split, _ in one.splits
        ],
        party: {"id": uuid_of(900), "nome": one.counterparty},
        "renegociacao": None,
    }


def title_detail(one: SandboxTitle, company: ErpCompany) -> dict[str, Any]:
    """An instalment as it is asked for by its id: with what each category is given (`rateio` of its entry)."""
    listed = title(one, company)
    shares = [
        {
            "id_categoria": uuid_of(split),
            "nome_categoria": company.category(split).name,
            "valor": number(amount),
        }
        for split, amount in one.splits
    ]
    kind = "RECEITA" if one.side == "receivable" else "DESPESA"
    entry = {"id": uuid_of(one.vendor_id), "tipo": kind, "rateio": shares}
    return {**listed, "evento": {**entry, "data_competencia": listed["data_competencia"]}}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
