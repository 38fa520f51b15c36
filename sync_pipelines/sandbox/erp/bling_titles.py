"""Bling's receivables, payables and categories: what its lists hold, and how it writes them (contract, section 5).

Held to the vendor's own OpenAPI by a test. Cancelled titles come only to who asks for them, as with invoices: the
vendor does not say, and this is the worse of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp import bling_faults
from sync_pipelines.sandbox.erp.bling_lists import ParameterError, period, within
from sync_pipelines.sandbox.erp.bling_served import Served
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.documents import Json, number
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle, TitleSide


def _paid_on(one: SandboxTitle) -> date | None:
    """The day of the last payment: what the sandbox knows of it is when the title was changed last."""
    paid = one.state in ("settled", "partial") and one.altered_at is not None
    return one.altered_at.date() if paid and one.altered_at else None


#: The filters that do something; others are ignored.
RECEIVABLE_FILTERS: Final = {
    "pagina",
    "limite",
    "situacoes[]",
    "tipoFiltroData",
    "dataInicial",
    "dataFinal",
}
#: The dates of a payable by which it is asked for.
_PAYABLE_DATES: Final[Mapping[str, Callable[[SandboxTitle], date | None]]] = {
    "dataEmissao": lambda one: one.issued_on,
    "dataVencimento": lambda one: one.due_on,
    "dataPagamento": _paid_on,
}
PAYABLE_FILTERS: Final = {
    "pagina",
    "limite",
    "situacao",
    *(f"{name}{end}" for name in _PAYABLE_DATES for end in ("Inicial", "Final")),
}
CATEGORY_FILTERS: Final = {"pagina", "limite", "tipo", "situacao"}
#: `situacao`, but for what is open and what is returned. What Bling has no word for is the nearest one.
_SITUATIONS: Final = {
    "overdue": 1,
    "lost": 1,
    "settled": 2,
    "partial": 3,
    "cancelled": 5,
    "renegotiated": 5,
}
_CANCELLED: Final = "5"
#: As the vendor writes a date that is not there.
_NO_DAY: Final = "0000-00-00"
_EXPENSE, _INCOME = 1, 2


def receivables(served: Served) -> Response:
    """The list. By default it has the titles that were issued within the year up to today."""
    asked = {
        "dataInicial": f"{served.today - timedelta(days=364)}",
        "dataFinal": f"{served.today}",
        **{name: value for name, value in served.asked.items() if value},
    }
    kinds: Mapping[str, Callable[[SandboxTitle], date | None]] = {
        "E": lambda one: one.issued_on,
        "V": lambda one: one.due_on,
        "R": _paid_on,
    }
    kind = kinds.get(asked.get("tipoFiltroData", "E"))
    if kind is None:
        raise ParameterError("tipoFiltroData", "O valor informado é inválido")
    days = period(asked, "data")
    found = [
        one for one in _in_state(served, "receivable", name="situacoes[]") if within(_moment(kind(one)), days)
    ]
    return served.rows(_spoilt([_receivable(one) for one in served.page(found)], served))


def payables(served: Served) -> Response:
    """The list. Without dates it has all titles."""
    found = _in_state(served, "payable", name="situacao")
    for name, day in _PAYABLE_DATES.items():
        days = period(served.asked, name)
        found = [one for one in found if within(_moment(day(one)), days)]
    return served.rows(_spoilt([_payable(one) for one in served.page(found)], served))


def receivable(served: Served) -> Response:
    """One receivable with its detail."""
    found = _one(served, "receivable")
    if found is None:
        return bling_faults.not_found("A conta a receber")
    return Json({"data": {**_receivable(found), **_detail(found), "vendedor": {"id": 0}}})


def payable(served: Served) -> Response:
    """One payable with its detail."""
    found = _one(served, "payable")
    if found is None:
        return bling_faults.not_found("A conta a pagar")
    return Json({"data": {**_payable(found), **_detail(found)}})


def categories(served: Served) -> Response:
    """The categories of both sides. The sandbox's are all active."""
    kind, situation = (served.asked.get(name) or "0" for name in ("tipo", "situacao"))
    if kind not in ("0", "1", "2", "3"):
        raise ParameterError("tipo", "O valor informado é inválido")
    with served.company.lock:
        known = [_category(one, served.company) for one in served.company.categories]
    found = [row for row in known if kind in ("0", str(row["tipo"])) and situation != "2"]
    return served.rows(served.page(found))


def situation(one: SandboxTitle) -> int:
    """`situacao` 1 to 7. An open title may be confirmed (7), a returned one returned in part (6)."""
    if one.state == "open":
        return 7 if one.vendor_id % 5 == 0 else 1
    if one.state == "returned":
        return 6 if one.vendor_id % 2 else 4
    return _SITUATIONS[one.state]


def _in_state(served: Served, side: TitleSide, *, name: str) -> list[SandboxTitle]:
    wanted = {text for text in served.asked.get(name, "").split(",") if text}
    if not wanted <= {"1", "2", "3", "4", "5"}:
        raise ParameterError(name, "O valor informado é inválido")
    has_cancelled = served.strikes("with_cancelled")
    titles = [(one, str(situation(one))) for one in served.company.titles_of(side)]
    return [
        one for one, state in titles if (state in wanted if wanted else has_cancelled or state != _CANCELLED)
    ]


def _one(served: Served, side: TitleSide) -> SandboxTitle | None:
    found = served.one(served.company.title, lambda: served.company.titles_of(side))
    return found if found is not None and found.side == side else None


def _receivable(one: SandboxTitle) -> dict[str, Any]:
    """A row of the list."""
    return {
        **_payable(one),
        "idTransacao": "",
        "linkQRCodePix": "",
        "linkBoleto": "",
        "dataEmissao": f"{one.issued_on}",
        "contato": {
            "id": 1 + one.vendor_id % 50,
            "nome": one.counterparty,
            "numeroDocumento": "",
            "tipo": "J",
        },
        "formaPagamento": {"id": 1, "codigoFiscal": 15},
        "contaContabil": {"id": 1, "descricao": "Caixa"},
        "origem": {"id": 0, "tipoOrigem": "venda", "numero": one.number},
    }


def _payable(one: SandboxTitle) -> dict[str, Any]:
    """A row of the list: neither issue, nor category, nor competence."""
    return {
        "id": one.vendor_id,
        "situacao": situation(one),
        "vencimento": f"{one.due_on}",
        "valor": number(one.amount),
        "contato": {"id": 1 + one.vendor_id % 50},
        "formaPagamento": {"id": 1},
    }


def _detail(one: SandboxTitle) -> dict[str, Any]:
    return {
        "saldo": number(max(one.amount - one.paid, Decimal(0))),
        "dataEmissao": f"{one.issued_on}",
        "vencimentoOriginal": f"{one.due_on}",
        "numeroDocumento": one.number,
        "competencia": f"{one.competence}" if one.competence else _NO_DAY,
        "historico": one.description,
        "numeroBanco": "",
        "portador": {"id": 1},
        # One category a title.
        "categoria": {"id": one.splits[0][0] if one.splits else 0},
        "borderos": [],
        "ocorrencia": {"tipo": 1},
    }


def _category(one: SandboxCategory, company: ErpCompany) -> dict[str, Any]:
    parents = [other.number for other in company.categories if other.name == one.parent]
    return {
        "id": one.number,
        "idCategoriaPai": parents[0] if parents else 0,
        "descricao": one.name,
        "tipo": _INCOME if one.side == "receivable" else _EXPENSE,
    }


def _spoilt(rows: Sequence[dict[str, Any]], served: Served) -> list[dict[str, Any]]:
    rows = [dict(row) for row in rows]
    if rows and served.strikes("bad_amount"):
        rows[0]["valor"] = "1.234,56"
    if rows and served.strikes("bad_date"):
        rows[0]["vencimento"] = _NO_DAY
    return rows


def _moment(day: date | None) -> datetime | None:
    return datetime.combine(day, time()) if day else None
