"""How Omie writes receivables, payables and categories (contract of the ERPs, section 4)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import number
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle

#: `status_titulo`, but for what is open and what is settled. What Omie has no word for is the nearest one.
_STATUSES: Final = {
    "overdue": "ATRASADO",
    "partial": "PAGTO_PARCIAL",
    "cancelled": "CANCELADO",
    "renegotiated": "CANCELADO",
    "returned": "CANCELADO",
    "lost": "ATRASADO",
}
_CENT: Final = Decimal("0.01")


def title(one: SandboxTitle, company: ErpCompany) -> dict[str, Any]:
    """An item of `conta_receber_cadastro` or `conta_pagar_cadastro`."""
    parts = _parts(one, company)
    entered = "data_registro" if one.side == "receivable" else "data_entrada"
    return {
        "codigo_lancamento_omie": one.vendor_id,
        "codigo_cliente_fornecedor": 900 + one.vendor_id % 100,
        "data_vencimento": _date(one.due_on),
        "data_previsao": _date(one.due_on),
        "data_emissao": _date(one.issued_on),
        entered: _date(one.issued_on),
        # An amount may be a text.
        "valor_documento": f"{one.amount:.2f}" if one.vendor_id % 5 == 0 else number(one.amount),
        "codigo_categoria": parts[0]["codigo_categoria"] if parts else "",
        "categorias": parts if len(parts) > 1 or one.vendor_id % 2 else [],
        "numero_parcela": one.instalment,
        "chave_nfe": one.note_key or "",
        "observacao": one.description,
        "status_titulo": status(one, company.now.date()),
    }


def status(one: SandboxTitle, today: date) -> str:
    """`status_titulo` on a day."""
    if one.state == "settled":
        paid = "RECEBIDO" if one.side == "receivable" else "PAGO"
        return "LIQUIDADO" if one.vendor_id % 3 == 0 else paid
    if one.state == "open":
        waiting = "EMABERTO" if one.vendor_id % 3 == 0 else "AVENCER"
        return "VENCEHOJE" if one.due_on == today else waiting
    return _STATUSES[one.state]


def category(one: SandboxCategory) -> dict[str, Any]:
    """An item of `categoria_cadastro`."""
    return {
        "codigo": one.code,
        "descricao": one.name,
        "conta_receita": "S" if one.side == "receivable" else "N",
        "conta_despesa": "S" if one.side == "payable" else "N",
        "transferencia": "S" if one.is_transfer else "N",
        "codigo_dre": one.dre_code or "",
        "dadosDRE": {"codigoDRE": one.dre_code, "descricaoDRE": one.dre_name} if one.dre_code else {},
    }


def _parts(one: SandboxTitle, company: ErpCompany) -> list[dict[str, Any]]:
    """The categories of a title. A part may be said by its percentage alone, where that gives it to the cent."""
    made: list[dict[str, Any]] = []
    for category_number, amount in one.splits:
        percentage = (amount * 100 / one.amount).quantize(_CENT) if one.amount else Decimal(0)
        by_percentage = one.vendor_id % 2 == 1 and percentage * one.amount == amount * 100
        part = {"codigo_categoria": company.category(category_number).code, "percentual": number(percentage)}
        made.append(part if by_percentage else {**part, "valor": number(amount)})
    return made


def _date(day: date) -> str:
    return f"{day:%d/%m/%Y}"
