"""What the rows of Bling's answers say: products, invoices, titles and categories in our words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sync_pipelines.erp.vendors.values import (
    amount_of,
    day_of,
    group,
    is_unread,
    month_of_key,
    number_of,
    text_of,
)
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

#: By `situacao`. 6 has its printed form as well, 7 came by its XML (purchases, other issuers). A number that is not
#: here is taken for an invoice: its XML, or that there is none, says what it is.
UNISSUED = frozenset({"1", "3", "4", "8", "10", "11"})
CANCELLED = "2"
VOID = {CANCELLED: InvoiceState.CANCELLED, "9": InvoiceState.DENIED}
CANCELLED_TITLE = "5"
#: By `situacao` of a title: 6 was returned in part. 1 is open and 7 confirmed, which is not paid either; so is a number
#: that is not here, because what is not cancelled counts.
TITLE_STATES = {
    "2": TitleState.SETTLED,
    "3": TitleState.PARTIAL,
    "4": TitleState.RETURNED,
    CANCELLED_TITLE: TitleState.CANCELLED,
    "6": TitleState.RETURNED,
}
#: By `tipo` of a category; 3 is of both sides.
CATEGORY_SIDES = {"1": Side.PAYABLE, "2": Side.RECEIVABLE}
#: What an id is that says that there is none.
_NONE = "0"

Row = Mapping[str, Any]


def id_of(row: Row) -> str:
    return text_of(row, "id") or ""


def needs_detail(row: Row) -> bool:
    """Only what is sold as goods needs an NCM."""
    return _is_active(row) and not _is_service(row)


def product_of(row: Row, detail: Row | None) -> Product:
    """A row of the list with its detail; None where one is needed and there is none, empty where none is needed."""
    has_detail, detail = detail is not None, detail or {}
    return Product(
        vendor_id=id_of(row),
        name=text_of(row, "nome") or "",
        code=text_of(row, "codigo"),
        ncm=text_of(group(detail, "tributacao"), "ncm"),
        unit=text_of(detail, "unidade"),
        ean=text_of(detail, "gtin"),
        price=amount_of(row, "preco"),
        is_active=_is_active(row),
        is_service=_is_service(row),
        has_detail=has_detail,
    )


def _is_active(row: Row) -> bool:
    return text_of(row, "situacao") in {"A", None}


def _is_service(row: Row) -> bool:
    return text_of(row, "tipo") in {"S", "N"}


def invoice_of(row: Row, asked_until: date) -> Invoice | None:
    """An invoice of a list that was asked for by date of issue; None for one without a date that was never issued.

    One that was issued and says neither date nor key counts as of the last day asked for: its XML says when it was.
    """
    key, state = key_of(row), state_of(row)
    issued_on = _day(row, "dataEmissao") or _day(row, "dataOperacao") or month_of_key(key)
    if issued_on is None and state is InvoiceState.UNISSUED:
        return None
    direction = text_of(row, "tipo")
    return Invoice(
        vendor_id=id_of(row),
        state=state,
        issued_on=issued_on or asked_until,
        key=key,
        model=key[20:22] if key and len(key) == 44 else None,
        direction=int(direction) if direction in {"0", "1"} else None,
        number=number_of(row, "numero"),
    )


def is_cancelled(row: Row) -> bool:
    return text_of(row, "situacao") == CANCELLED


def key_of(row: Row) -> str | None:
    key = text_of(row, "chaveAcesso")
    return key.upper() if key else None


def state_of(row: Row) -> InvoiceState:
    number = text_of(row, "situacao") or ""
    return InvoiceState.UNISSUED if number in UNISSUED else VOID.get(number, InvoiceState.AUTHORISED)


def _day(row: Row, name: str) -> date | None:
    """The day of a date with or without a time; `0000-00-00` is none."""
    day = (text_of(row, name) or "")[:10]
    return day_of({"day": day}, "day", "%Y-%m-%d")


def is_cancelled_title(row: Row) -> bool:
    return text_of(row, "situacao") == CANCELLED_TITLE


def title_of(row: Row, side: Side, *, has_detail: bool = False) -> Title:
    """A row of a list, or a detail: the list has neither category nor competence, and payables have no issue there."""
    amount, due_on = amount_of(row, "valor"), _day(row, "vencimento")
    category, competence = _id(group(row, "categoria"), "id"), _day(row, "competencia")
    return Title(
        vendor_id=id_of(row),
        side=side,
        state=TITLE_STATES.get(text_of(row, "situacao") or "", TitleState.OPEN),
        listed_on=due_on,
        amount=amount,
        issued_on=_day(row, "dataEmissao"),
        due_on=due_on,
        competence=competence,
        splits=(Split(category, amount),) if category and amount is not None else (),
        description=text_of(row, "historico"),
        number=text_of(row, "numeroDocumento"),
        has_detail=has_detail,
        unread=("competence",) if is_unread(row, "competencia", competence) else (),
    )


def category_of(row: Row) -> Category:
    return Category(
        vendor_id=id_of(row),
        name=text_of(row, "descricao") or "",
        side=CATEGORY_SIDES.get(text_of(row, "tipo") or ""),
        parent=_id(row, "idCategoriaPai"),
    )


def _id(row: Row, name: str) -> str | None:
    number = text_of(row, name)
    return None if number == _NONE else number
