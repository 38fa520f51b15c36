"""What the rows of Conta Azul's answers say: products, invoices, titles and categories in our words."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from sync_pipelines.erp.vendors.values import amount_of, day_of, group, is_unread, number_of, plain, text_of
from sync_pipelines.erp.vendors.vendor import (
    Category,
    Invoice,
    InvoiceState,
    Product,
    Side,
    Split,
    Title,
    TitleState,
)

Row = Mapping[str, Any]
ACTIVE = "ATIVO"
#: `tipo` of a category.
TYPES: Mapping[Side, str] = {Side.RECEIVABLE: "RECEITA", Side.PAYABLE: "DESPESA"}
_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
#: Words of `status_traduzido`, else of `status`. What is neither is told by what was paid.
_STATES: Mapping[str, TitleState] = {
    "recebido": TitleState.SETTLED,
    "pago": TitleState.SETTLED,
    "acquitted": TitleState.SETTLED,
    "em_aberto": TitleState.OPEN,
    "atrasado": TitleState.OPEN,
    "pending": TitleState.OPEN,
    "overdue": TitleState.OPEN,
    "recebido_parcial": TitleState.PARTIAL,
    "pago_parcial": TitleState.PARTIAL,
    "partial": TitleState.PARTIAL,
    "renegociado": TitleState.RENEGOTIATED,
    "renegotiated": TitleState.RENEGOTIATED,
    "perdido": TitleState.LOST,
    "lost": TitleState.LOST,
    "cancelado": TitleState.CANCELLED,
    "canceled": TitleState.CANCELLED,
    "cancelled": TitleState.CANCELLED,
}
_CENT = Decimal("0.01")


class Days(NamedTuple):
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


def id_of(row: Row) -> str | None:
    return text_of(row, "id")


def product_of(row: Row, detail: Row | None) -> Product:
    """A row of the list with its detail; None where one is needed and there is none, empty where none is needed."""
    has_detail, detail = detail is not None, detail or {}
    return Product(
        vendor_id=id_of(row) or "",
        name=text_of(row, "nome") or "",
        code=text_of(row, "codigo_sku"),
        ncm=text_of(group(detail, "fiscal", "ncm"), "codigo"),
        ean=text_of(row, "codigo_ean"),
        # Not documented for the list; most answers have it.
        price=amount_of(row, "valor_venda"),
        is_active=is_active(row),
        has_detail=has_detail,
    )


def is_active(row: Row) -> bool:
    return text_of(row, "status") in {ACTIVE, None}


def invoice_id(row: Row) -> str | None:
    """What tells two invoices apart: the access key, else the number; None for a row without either."""
    number = number_of(row, "numero_nota")
    return key_of(row) or text_of(row, "chave_acesso") or (f"numero {number}" if number else None)


def invoice_of(row: Row, asked: Days, until: date) -> Invoice | None:
    """An invoice of a list that was asked for up to `until`; None if it is of no day of `asked`.

    The list shows issued sales alone. Its month is that of the access key, because whether a row has a date, and of
    which time zone, is not documented. Without a date of that month it counts as of the last of these days that it
    can be of: its XML says when it was.
    """
    key = key_of(row)
    issued_on = _issued_on(row, key, asked, until=until)
    if issued_on is None:
        return None
    return Invoice(
        vendor_id=invoice_id(row) or "",
        state=InvoiceState.AUTHORISED,  # EMITIDA, and CORRIGIDA_SUCESSO: a correction letter cancels nothing
        issued_on=issued_on,
        key=key,
        model=key[20:22] if key else None,
        direction=1,
        series=(key[22:25].lstrip("0") or "0") if key else None,
        number=number_of(row, "numero_nota"),
    )


def key_of(row: Row) -> str | None:
    """The access key; None for what is none."""
    key = (text_of(row, "chave_acesso") or "").upper()
    return key if _KEY.fullmatch(key) else None


def _issued_on(row: Row, key: str | None, asked: Days, *, until: date) -> date | None:
    day = _day(row, "data_emissao")
    month = day_of({"month": (key or "")[2:6]}, "month", "%y%m")
    if day is not None and (month is None or (day.year, day.month) == (month.year, month.month)):
        return day if day in asked else None
    if month is not None:
        end = month.replace(day=monthrange(month.year, month.month)[1])
        asked = Days(max(asked.first, month), min(asked.last, end))
    return min(max(until, asked.first), asked.last) if asked.first <= asked.last else None


def title_of(row: Row, side: Side) -> Title:
    """A row of the list. It has its categories without amounts: what several of them are given is in the detail."""
    amount, categories = amount_of(row, "total"), _categories(row)
    is_whole = len(categories) == 1 and amount is not None
    competence = _day(row, "data_competencia") or _day(group(row, "evento"), "data_competencia")
    is_odd = any(is_unread(one, "data_competencia", competence) for one in (row, group(row, "evento")))
    return Title(
        vendor_id=id_of(row) or "",
        side=side,
        state=_state_of(row),
        listed_on=due_on(row),
        amount=amount,
        due_on=due_on(row),
        competence=competence,
        splits=(Split(categories[0], amount),) if is_whole and amount is not None else (),
        description=text_of(row, "descricao"),
        has_detail=len(categories) <= 1,
        unread=("competence",) if is_odd else (),
    )


def title_of_detail(row: Row, side: Side) -> Title:
    """One instalment with what each category is given: `rateio` of its entry, which all instalments share alike."""
    amount = _amount_of(row)
    title = title_of({**row, "total": amount}, side)
    return title._replace(splits=_splits(row, amount) or title.splits, has_detail=True)


def due_on(row: Row) -> date | None:
    return _day(row, "data_vencimento")


def category_of(row: Row) -> Category:
    """A category; `entrada_dre` is a word such as DESPESAS_FINANCEIRAS, which is code and name at once."""
    line, kind = text_of(row, "entrada_dre"), text_of(row, "tipo")
    return Category(
        vendor_id=id_of(row) or "",
        name=text_of(row, "nome") or "",
        side=next((side for side, name in TYPES.items() if name == kind), None),
        parent=text_of(row, "categoria_pai") or text_of(group(row, "categoria_pai"), "id"),
        dre_code=line,
        dre_name=line,
    )


def _state_of(row: Row) -> TitleState:
    for name in ("status_traduzido", "status"):
        if (state := _STATES.get(plain(text_of(row, name) or "").replace(" ", "_"))) is not None:
            return state
    paid, left = amount_of(row, "pago"), amount_of(row, "nao_pago")
    if paid and left == 0:
        return TitleState.SETTLED
    return TitleState.PARTIAL if paid else TitleState.OPEN


def _categories(row: Row) -> list[str]:
    """The ids of the categories of a title, or their names where there is no id."""
    found = row.get("categorias")
    rows = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    return [name for one in rows if (name := id_of(one) or text_of(one, "nome"))]


def _amount_of(row: Row) -> Decimal | None:
    for name in ("total", "valor"):
        if (amount := amount_of(row, name)) is not None:
            return amount
    paid, left = amount_of(row, "pago"), amount_of(row, "nao_pago")
    return paid + left if paid is not None and left is not None else None


def _splits(row: Row, amount: Decimal | None) -> tuple[Split, ...]:
    """The shares of a title's categories, scaled from the whole entry to this instalment; they add up to the amount."""
    found = group(row, "evento").get("rateio") or row.get("rateio")
    rows = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    shares = [
        (text_of(one, "id_categoria") or text_of(one, "nome_categoria"), amount_of(one, "valor"))
        for one in rows
    ]
    named = [Split(name, share) for name, share in shares if name is not None and share is not None]
    whole = sum((one.amount for one in named), Decimal(0))
    if amount is None or len(named) != len(shares) or whole == 0:
        return ()
    scaled = [
        Split(one.category, (one.amount * amount / whole).quantize(_CENT, ROUND_HALF_EVEN)) for one in named
    ]
    rest = amount - sum((one.amount for one in scaled), Decimal(0))
    largest = max(range(len(scaled)), key=lambda place: abs(scaled[place].amount))
    scaled[largest] = scaled[largest]._replace(amount=scaled[largest].amount + rest)
    return tuple(scaled)


def _day(row: Row, name: str) -> date | None:
    """The day of a date with or without a time."""
    return day_of({"day": (text_of(row, name) or "")[:10]}, "day", "%Y-%m-%d")
