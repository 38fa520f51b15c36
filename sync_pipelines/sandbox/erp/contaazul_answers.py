"""What each of Conta Azul's endpoints answers: every one with an envelope of its own (contract, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.responses import Response

from sync_pipelines.sandbox.erp import contaazul_documents as documents
from sync_pipelines.sandbox.erp import contaazul_faults, contaazul_lists
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul_faults import Error
from sync_pipelines.sandbox.erp.documents import Json
from sync_pipelines.sandbox.erp.titles import TitleSide

#: The bytes of the bomb when it is unpacked.
BOMB_BYTES: Final = 40 << 20
#: The notes that a list counts which says more of them than there are.
ENDLESS: Final = 900_000

#: What faults write into the first row of a page.
_SPOILT: Final[Mapping[str, Mapping[str, object]]] = {
    "odd": {"id": "", "chave_acesso": None},
    "bad_amount": {"total": "1.234,56"},
    "bad_date": {"data_vencimento": "0000-00-00"},
}


@dataclass
class Manners:
    """What is not documented, or differs: whichever it is, a client has to live with it. It may change meanwhile.

    `is_dated`: rows of invoices have their date. `counts_in_utc`: the day of an invoice is that in UTC.
    `pages_every_status`: pages are cut before what is not shown is taken out, so that any of them may be short or
    empty. `cancelled_by_key`: what comes for a cancelled note. `needs_dates`: without dates 400, else everything.
    """

    is_dated: bool = False
    counts_in_utc: bool = False
    pages_every_status: bool = False
    cancelled_by_key: Literal["zip", "missing"] = "zip"
    needs_dates: bool = True


@dataclass(frozen=True)
class Served:
    """A call that may be answered: its method, its company, what was asked for; a list's page, or an id."""

    method: str
    company: ErpCompany
    asked: Mapping[str, str]
    page: int
    id: str
    manners: Manners
    strikes: Callable[[str], bool]


def company(served: Served) -> Response:
    """The account's company, in no envelope."""
    return Json(documents.company(served.company.profile))


def products(served: Served) -> Response:
    """`items` and `totalItems`, in English."""
    size = contaazul_lists.page_size(served.asked, contaazul_lists.PRODUCT_PAGES)
    found = contaazul_lists.products(served.company, served.asked)
    rows = [documents.product(one) for one in _page(found, served, size)]
    return Json({"items": _rows(rows, served), "totalItems": len(found)})


def product(served: Served) -> Response:
    """One product, in no envelope; by a fault the one before it."""
    goods = served.company.products
    found = next((one for one in goods if documents.uuid_of(one.vendor_id) == served.id), None)
    if found is None:
        return Error(404, "Produto não encontrado")
    if served.strikes("of_another"):
        found = goods[goods.index(found) - 1]
    return Json(documents.product_detail(found))


def invoices(served: Served) -> Response:
    """`itens` and `paginacao`, which counts notes in every state though a part of them is shown."""
    size = contaazul_lists.page_size(served.asked, contaazul_lists.INVOICE_PAGES)
    manners = served.manners
    between = contaazul_lists.period(
        served.asked,
        ("data_inicial", "data_final"),
        is_required=manners.needs_dates,
        longest=contaazul_lists.LONGEST_PERIOD,
    )
    every = contaazul_lists.invoices(served.company, between, is_utc=manners.counts_in_utc)
    paged = every if manners.pages_every_status else [one for one in every if contaazul_lists.is_listed(one)]
    shown = [one for one in _page(paged, served, size) if contaazul_lists.is_listed(one)]
    rows = [documents.invoice(one, is_dated=manners.is_dated) for one in shown]
    said_size = size if rows else contaazul_lists.NO_SIZE
    total = ENDLESS if served.strikes("endless") else len(every)
    paging = {
        "pagina_atual": served.page,
        "tamanho_pagina": said_size,
        "total_itens": total,
        "total_paginas": -(-total // said_size),
    }
    return Json({"itens": _rows(rows, served), "paginacao": paging})


def document(served: Served) -> Response:
    """The file of an invoice by its key: XML, or a ZIP; 404 for what is not to be had."""
    sales = served.company.select(
        lambda one: one.direction == 1 and one.model == "55" and one.key is not None
    )
    note = next((one for one in sales if one.key == served.id), None)
    is_shown = note is not None and note.has_xml and note.state in ("authorised", "cancelled")
    if note is None or not is_shown:
        return contaazul_faults.no_invoice()
    if note.state == "cancelled" and served.manners.cancelled_by_key == "missing":
        return contaazul_faults.no_invoice()
    if served.strikes("of_another"):
        note = sales[sales.index(note) - 1]
    content = note.xml() if served.strikes("bare") else documents.document(note)
    if served.strikes("bomb"):
        content = documents.archive({"XML_1.xml": b" " * BOMB_BYTES})
    if content.startswith(b"PK") and served.strikes("garbled"):
        content = content[: len(content) // 2]
    return Response(content, media_type="application/octet-stream")


def titles(served: Served) -> Response:
    """`itens`, `itens_totais` and `totais`; the days when they are due are required."""
    side: TitleSide = "receivable" if served.method == "receivables" else "payable"
    between = contaazul_lists.period(
        served.asked, ("data_vencimento_de", "data_vencimento_ate"), is_required=served.manners.needs_dates
    )
    found = contaazul_lists.titles(served.company, side, between)
    size = contaazul_lists.page_size(served.asked, contaazul_lists.PRODUCT_PAGES)
    rows = [documents.title(one, served.company) for one in _page(found, served, size)]
    return Json({"itens_totais": len(found), "itens": _rows(rows, served), "totais": {}})


def title(served: Served) -> Response:
    """One instalment of either side, in no envelope."""
    with served.company.lock:
        listed = [one for one in served.company.titles if one.state != "cancelled"]
        found = next((one for one in listed if documents.uuid_of(one.vendor_id) == served.id), None)
        if found is None:
            return Error(404, "Parcela não encontrada")
        return Json(documents.title_detail(found, served.company))


def categories(served: Served) -> Response:
    """`itens` and `itens_totais`."""
    found = contaazul_lists.categories(served.company, served.asked)
    size = contaazul_lists.page_size(served.asked, contaazul_lists.PRODUCT_PAGES)
    rows = [documents.category(one) for one in _page(found, served, size)]
    return Json({"itens_totais": len(found), "itens": _rows(rows, served)})


def _page(found: Sequence[Any], served: Served, size: int) -> Sequence[Any]:
    page = served.page - 1 if served.page > 1 and served.strikes("repeats") else served.page
    return contaazul_lists.page_of(found, page, size)


def _rows(rows: list[dict[str, Any]], served: Served) -> list[dict[str, Any]] | None:
    if served.strikes("lost"):
        rows = []
    if rows and served.strikes("short"):
        rows = rows[:-1]
    for name, spoilt in _SPOILT.items():
        if rows and served.strikes(name):
            rows = [{**rows[0], **spoilt}, *rows[1:]]
    return None if not rows and served.strikes("null_rows") else rows
