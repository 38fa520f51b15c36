"""What Conta Azul's lists hold for a company: filters, periods, pages (contract of the ERPs, section 6).

A parameter that the vendor does not know is dropped silently: with a misspelt filter everything comes (trap 29).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul_faults import Error
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle, TitleSide

Parameters = Mapping[str, str]
#: The rows of a page, where nobody asks for another number.
PAGE: Final = 10
INVOICE_PAGES: Final = (10, 20, 50, 100)
PRODUCT_PAGES: Final = (*INVOICE_PAGES, 200, 500, 1000)
LONGEST_PERIOD: Final = timedelta(days=15)
#: What an empty result says of its page.
NO_SIZE: Final = 9_223_372_036_854_775_807


class ParameterError(Exception):
    """A parameter that the vendor answers with 400."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.answer = Error(400, sentence)


def page_number(asked: Parameters) -> int:
    """The page that was asked for, from 1."""
    return _whole(asked, "pagina", 1)


def page_size(asked: Parameters, allowed: Sequence[int]) -> int:
    """The rows of a page that were asked for."""
    size = _whole(asked, "tamanho_pagina", PAGE)
    if size not in allowed:
        raise ParameterError(f"tamanho_pagina deve ser um de {', '.join(map(str, allowed))}")
    return size


def _whole(asked: Parameters, name: str, default: int) -> int:
    given = asked.get(name, "")
    if not given:
        return default
    if not given.isdigit() or int(given) < 1:
        raise ParameterError(f"{name} inválido")
    return int(given)


def _day(asked: Parameters, name: str, *, is_required: bool) -> date | None:
    given = asked.get(name, "")
    if not given and not is_required:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ParameterError(f"{name} é obrigatória no formato AAAA-MM-DD") from None


def period(
    asked: Parameters, names: tuple[str, str], *, is_required: bool, longest: timedelta | None = None
) -> tuple[date, date]:
    """The days from one parameter to another, both included. Longer than the vendor takes: 400."""
    first, last = (_day(asked, name, is_required=is_required) for name in names)
    if first is not None and last is not None:
        if last < first:
            raise ParameterError(f"{names[1]} deve ser maior que {names[0]}")
        if longest is not None and last - first > longest:
            raise ParameterError(
                f"O período entre {names[0]} e {names[1]} não pode ser maior que {longest.days} dias"
            )
    return first or date.min, last or date.max


def invoices(company: ErpCompany, between: tuple[date, date], *, is_utc: bool) -> list[SandboxNote]:
    """The sales of a period in every state: `total_itens` counts them all. With `is_utc` a day is one in UTC."""

    def day(note: SandboxNote) -> date:
        moment = note.issued_at
        return (moment - (moment.utcoffset() or timedelta()) if is_utc else moment).date()

    first, last = between
    sales = company.select(lambda note: note.direction == 1 and note.model == "55" and note.state != "voided")
    return [note for note in sales if first <= day(note) <= last]


def is_listed(note: SandboxNote) -> bool:
    """Whether a row is shown: a cancelled or denied note vanishes."""
    return note.state == "authorised"


def products(company: ErpCompany, asked: Parameters) -> list[SandboxProduct]:
    """Goods of one `status`, by default the active ones. Services have a list of their own."""
    status = asked.get("status") or "ATIVO"
    if status not in ("ATIVO", "INATIVO"):
        raise ParameterError("status inválido")
    with company.lock:
        return [
            one for one in company.products if not one.is_service and one.is_active is (status == "ATIVO")
        ]


def titles(company: ErpCompany, side: TitleSide, between: tuple[date, date]) -> list[SandboxTitle]:
    """The instalments that are due in a period; a cancelled one is deleted here."""
    first, last = between
    listed = [one for one in company.titles_of(side) if one.state != "cancelled"]
    return [one for one in listed if first <= one.due_on <= last]


def categories(company: ErpCompany, asked: Parameters) -> list[SandboxCategory]:
    """The categories of one `tipo`, or all of them."""
    kind = {"RECEITA": "receivable", "DESPESA": "payable"}.get(asked.get("tipo", ""))
    with company.lock:
        return [one for one in company.categories if kind in (None, one.side)]


def page_of(rows: Sequence[Any], page: int, size: int) -> Sequence[Any]:
    """The rows of a page."""
    return rows[(page - 1) * size : page * size]
