"""What the rows of Tiny's answers say: company, products, invoices and titles in our words.

Dates are `dd/mm/yyyy`, amounts are texts with a decimal point (contract of the ERPs, section 7.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sync_pipelines.erp.vendors.values import (
    amount_of,
    day_of,
    is_unread,
    month_of_key,
    number_of,
    plain,
    text_of,
)
from sync_pipelines.erp.vendors.vendor import (
    Company,
    Invoice,
    InvoiceState,
    Product,
    Side,
    Split,
    Title,
    TitleState,
)

Row = Mapping[str, Any]
#: `situacao` of an invoice: pending, waiting for a receipt or a protocol, refused.
UNISSUED = frozenset({"1", "4", "5", "9"})
VOID = {"3": InvoiceState.CANCELLED, "10": InvoiceState.DENIED}
#: Authorised, and printed as well. Any other (issued, registered, unknown) is an invoice if it has a key.
AUTHORISED = frozenset({"6", "7"})
_DIRECTIONS = {"E": 0, "S": 1}
#: `situacao` of a title; what is none of these is open. The vendor has no word for what was renegotiated.
_TITLE_STATES = {
    "pago": TitleState.SETTLED,
    "parcial": TitleState.PARTIAL,
    "cancelada": TitleState.CANCELLED,
    "cancelado": TitleState.CANCELLED,
}


def id_of(row: Row) -> str:
    return text_of(row, "id") or ""


def company_of(row: Row) -> Company:
    """The company. What the numbers of `regime_tributario` mean is not established, so only its name is read."""
    regime = plain(text_of(row, "regime_tributario") or "")
    return Company(
        cnpj=text_of(row, "cnpj_cpf"),
        legal_name=text_of(row, "razao_social"),
        trade_name=text_of(row, "fantasia"),
        state=text_of(row, "estado"),
        city=text_of(row, "cidade"),
        regime="simples" if regime == "simples nacional" else None,
    )


def is_active(row: Row) -> bool:
    """Whether a product is for sale: `A`, and neither inactive (`I`) nor deleted (`E`)."""
    return text_of(row, "situacao") in {"A", None}


def product_of(row: Row, detail: Row | None) -> Product:
    """A row of the list with its detail; None where one is needed and there is none, empty where none is needed."""
    has_detail, both = detail is not None, {**row, **(detail or {})}
    return Product(
        vendor_id=id_of(row),
        name=text_of(row, "nome") or "",
        code=text_of(row, "codigo"),
        ncm=text_of(both, "ncm"),
        unit=text_of(row, "unidade"),
        ean=text_of(row, "gtin"),
        price=amount_of(row, "preco"),
        is_active=is_active(row),
        is_service=text_of(both, "tipo") == "S",
        has_detail=has_detail,
    )


def invoice_of(row: Row, asked_until: date) -> Invoice | None:
    """An invoice of a list that was asked for by date of issue; None for one without a date that was never issued.

    One that was issued and says neither date nor key counts as of the last day asked for: its XML says when it was.
    """
    key = "".join(filter(str.isalnum, text_of(row, "chave_acesso") or "")).upper() or None
    state = _state(row, has_key=key is not None)
    issued_on = day_of(row, "data_emissao") or month_of_key(key)
    if issued_on is None and state is InvoiceState.UNISSUED:
        return None
    return Invoice(
        vendor_id=id_of(row),
        state=state,
        issued_on=issued_on or asked_until,
        key=key,
        # The list has NFC-e and NF-e alike, and no field that tells them apart.
        model=key[20:22] if key and len(key) == 44 else None,
        direction=_DIRECTIONS.get(text_of(row, "tipo") or ""),
        series=number_of(row, "serie"),
        number=number_of(row, "numero"),
        total=amount_of(row, "valor"),
    )


def _state(row: Row, *, has_key: bool) -> InvoiceState:
    situation = text_of(row, "situacao") or ""
    if situation in VOID:
        return VOID[situation]
    is_issued = situation in AUTHORISED or (has_key and situation not in UNISSUED)
    return InvoiceState.AUTHORISED if is_issued else InvoiceState.UNISSUED


def title_of(row: Row, side: Side, *, has_detail: bool) -> Title:
    """A title of a list, or its detail, which has other names for the same fields, and the category by its name."""
    due_on = day_of(row, "data_vencimento") or day_of(row, "vencimento")
    amount, category = amount_of(row, "valor"), text_of(row, "categoria")
    competence = day_of(row, "competencia", "%m/%Y")
    return Title(
        vendor_id=id_of(row),
        side=side,
        state=_TITLE_STATES.get(plain(text_of(row, "situacao") or ""), TitleState.OPEN),
        listed_on=due_on,
        amount=amount,
        issued_on=day_of(row, "data_emissao") or day_of(row, "data"),
        due_on=due_on,
        competence=competence,
        splits=(Split(category, amount),) if category and amount is not None else (),
        description=text_of(row, "historico"),
        number=text_of(row, "numero_doc") or text_of(row, "nro_documento"),
        has_detail=has_detail,
        unread=("competence",) if is_unread(row, "competencia", competence) else (),
    )
