"""What the rows of Omie's answers say: company, products, invoices, titles and categories in our words."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sync_pipelines.erp.vendors.paging import Row
from sync_pipelines.erp.vendors.values import amount_of, day_of, group, number_of, plain, text_of
from sync_pipelines.erp.vendors.vendor import (
    Category,
    Company,
    Invoice,
    InvoiceState,
    Product,
    Side,
    Split,
    Title,
    TitleState,
)
from sync_pipelines.lib.failures import PermanentError

#: The type of an item that is a service.
_SERVICE: Final = "09"
_CENT, _HUNDRED = Decimal("0.01"), Decimal(100)
#: By `status_titulo` without spaces and signs: it comes as `A VENCER` or as `AVENCER`. Others are open: what is not
#: cancelled counts.
_STATES: Final = {
    "cancelado": TitleState.CANCELLED,
    "recebido": TitleState.SETTLED,
    "pago": TitleState.SETTLED,
    "liquidado": TitleState.SETTLED,
    "pagtoparcial": TitleState.PARTIAL,
}


def company_of(row: Row) -> Company:
    city = re.sub(r"\s*\([A-Z]{2}\)$", "", text_of(row, "cidade") or "")
    return Company(
        cnpj=text_of(row, "cnpj"),
        legal_name=text_of(row, "razao_social"),
        trade_name=text_of(row, "nome_fantasia"),
        cnae=text_of(row, "cnae"),
        state=text_of(row, "estado"),
        city=city if city and not city.isdigit() else None,  # a number is a code, not a name
        # Omie does not tell the two normal regimes apart.
        regime="simples" if text_of(row, "optante_simples_nacional") == "S" else None,
    )


def product_of(row: Row) -> Product:
    return Product(
        vendor_id=text_of(row, "codigo_produto") or "",
        name=text_of(row, "descricao") or "",
        code=text_of(row, "codigo"),
        ncm=text_of(row, "ncm"),
        unit=text_of(row, "unidade"),
        ean=text_of(row, "ean"),
        price=amount_of(row, "valor_unitario"),
        is_active=text_of(row, "inativo") != "S",
        is_service=text_of(row, "tipoItem") == _SERVICE,
    )


def invoice_of(row: Row) -> Invoice:
    head, key = group(row, "ide"), text_of(group(row, "compl"), "cChaveNFe")
    issued_on = next(filter(None, (day_of(head, name) for name in ("dEmi", "dReg", "dInut"))), None)
    if issued_on is None:
        raise PermanentError(f"Omie: the invoice {invoice_id(row)} has no date of issue.")
    direction = text_of(head, "tpNF")
    is_voided = bool(_date_text(head, "dInut"))
    return Invoice(
        vendor_id=invoice_id(row),
        state=_state(head, is_issued=key is not None and not is_voided),
        issued_on=issued_on,
        key=key.upper() if key else None,
        model=text_of(head, "mod"),
        environment=text_of(head, "tpAmb"),
        direction=int(direction) if direction in {"0", "1"} else None,
        series=number_of(head, "serie"),
        number=number_of(head, "nNF"),
        total=amount_of(group(row, "total", "ICMSTot"), "vNF"),
        is_voided=is_voided,
    )


def _state(head: Row, *, is_issued: bool) -> InvoiceState:
    if text_of(head, "cDeneg") == "S":
        return InvoiceState.DENIED
    if _date_text(head, "dCan"):
        return InvoiceState.CANCELLED
    return InvoiceState.AUTHORISED if is_issued else InvoiceState.UNISSUED


def _date_text(head: Row, name: str) -> str:
    """What stands in a date that is empty where nothing happened; `00/00/0000` is empty too."""
    return (text_of(head, name) or "").strip("0/ ")


def invoice_id(row: Row) -> str:
    """The vendor's number; of an invoice without one what else tells it apart."""
    complement, head = group(row, "compl"), group(row, "ide")
    known = text_of(complement, "nIdNF") or text_of(complement, "cChaveNFe")
    return known or "/".join(text_of(head, name) or "" for name in ("tpNF", "serie", "nNF"))


def title_id(row: Row) -> str:
    return text_of(row, "codigo_lancamento_omie") or ""


def title_of(row: Row, side: Side) -> Title:
    """A receivable or a payable; Omie does not say of which month it is."""
    amount, key = amount_of(row, "valor_documento"), text_of(row, "chave_nfe")
    issued_on = day_of(row, "data_emissao")
    word = re.sub(r"[^a-z]", "", plain(text_of(row, "status_titulo") or ""))
    return Title(
        vendor_id=title_id(row),
        side=side,
        state=_STATES.get(word, TitleState.OPEN),
        listed_on=issued_on,
        amount=amount,
        issued_on=issued_on,
        due_on=day_of(row, "data_vencimento"),
        splits=_splits(row, amount),
        description=text_of(row, "observacao"),
        number=text_of(row, "numero_parcela"),
        nfe_key=key.upper() if key else None,
    )


def _splits(row: Row, amount: Decimal | None) -> tuple[Split, ...]:
    """The parts of a title: each by its amount, or else its percentage of the whole, of which the last takes the rest.

    A part that says neither is 0: then the parts do not add up, and whoever stores them sees that.
    """
    listed = row.get("categorias")
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    parts = [(code, one) for one in rows if (code := text_of(one, "codigo_categoria"))]
    if amount is None:
        return ()
    if not parts:
        code = text_of(row, "codigo_categoria")
        return (Split(code, amount),) if code else ()
    shares = [_share(one, amount) for _, one in parts]
    known = [share for share in shares[:-1] if share is not None]
    if amount_of(parts[-1][1], "valor") is None and len(known) == len(shares) - 1:
        shares[-1] = amount - sum(known, Decimal(0))
    return tuple(Split(code, share or Decimal(0)) for (code, _), share in zip(parts, shares, strict=True))


def _share(part: Row, amount: Decimal) -> Decimal | None:
    share, percentage = amount_of(part, "valor"), amount_of(part, "percentual")
    if share is not None or percentage is None:
        return share
    return (amount * percentage / _HUNDRED).quantize(_CENT, ROUND_HALF_UP)


def category_id(row: Row) -> str:
    return text_of(row, "codigo") or ""


def category_of(row: Row) -> Category:
    """A category. One that is of both sides, or of none, is a total of others or serves for either."""
    is_income, is_expense = (text_of(row, name) == "S" for name in ("conta_receita", "conta_despesa"))
    sides = [side for side, is_it in ((Side.RECEIVABLE, is_income), (Side.PAYABLE, is_expense)) if is_it]
    return Category(
        vendor_id=category_id(row),
        name=text_of(row, "descricao") or "",
        side=sides[0] if len(sides) == 1 else None,
        dre_code=text_of(row, "codigo_dre"),
        dre_name=text_of(group(row, "dadosDRE"), "descricaoDRE"),
        is_transfer=text_of(row, "transferencia") == "S",
    )
