"""What Omie's calls answer for a company: filters, paging, rows (contract of the ERPs, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sync_pipelines.sandbox.erp import omie_documents as documents
from sync_pipelines.sandbox.erp import omie_titles
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.titles import TitleSide

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class PagingWords:
    """How a list calls its paging: two ways are in use."""

    page: str = "pagina"
    limit: str = "registros_por_pagina"
    pages: str = "total_de_paginas"
    rows: str = "registros"
    total: str = "total_de_registros"


_ACCOUNTANT: Final = PagingWords(
    page="nPagina", limit="nRegPorPagina", pages="nTotPaginas", rows="nRegistros", total="nTotRegistros"
)
_DEFAULT_LIMIT: Final = 50


@dataclass(frozen=True)
class OmieList:
    """A call that answers pages: where it is, its list, what it finds, and how a row is written."""

    path: str
    key: str
    find: Callable[[ErpCompany, Parameters], Sequence[Any]]
    write: Callable[[Any, Parameters], dict[str, Any]]
    words: PagingWords = PagingWords()


def whole(value: Any, default: int) -> int:
    """A number of the request, which may be a text; the default for what is none or below 1."""
    try:
        return max(int(value), 1)
    except (TypeError, ValueError):
        return default


def brazilian(value: Any) -> date | None:
    """A date of the request; None, and so no filter, for what is not dd/mm/aaaa: the vendor says nothing about it."""
    if value is None:
        return None
    try:
        return datetime.strptime(str(value), "%d/%m/%Y").date()
    except ValueError:
        return None


def _chosen(notes: Sequence[SandboxNote], asked: Parameters) -> list[SandboxNote]:
    """The notes of the days that were asked for."""
    first, last = brazilian(asked.get("dEmiInicial")), brazilian(asked.get("dEmiFinal"))
    return [
        note
        for note in notes
        if (first is None or first <= note.issued_at.date())
        and (last is None or note.issued_at.date() <= last)
    ]


def _is(value: str, asked: Parameters, name: str) -> bool:
    return asked.get(name) in (None, "") or str(asked[name]) == value


def _invoices(company: ErpCompany, asked: Parameters) -> list[SandboxNote]:
    status = asked.get("filtrar_por_status")
    return [
        note
        for note in _chosen(documents.listed(company), asked)
        if _is(str(note.direction), asked, "tpNF")
        and _is(note.environment, asked, "tpAmb")
        and (status not in ("N", "C") or (note.state == "cancelled") is (status == "C"))
    ]


def _documents(company: ErpCompany, asked: Parameters) -> list[SandboxNote]:
    wanted = {"cOperacao": "1", **asked}
    return [
        note
        for note in _chosen(company.select(lambda note: note.state != "voided"), asked)
        if _is(note.model, wanted, "cModelo")
        and _is(str(note.direction), wanted, "cOperacao")
        and _is(note.environment, wanted, "cAmbiente")
    ]


def _products(company: ErpCompany, asked: Parameters) -> list[Any]:
    # Not asked for, the list holds only what the point of sale sells.
    only_pdv = str(asked.get("filtrar_apenas_omiepdv") or "S").upper() == "S"
    with company.lock:
        return [product for product in company.products if product.is_pdv or not only_pdv]


def _titles(side: TitleSide) -> Callable[[ErpCompany, Parameters], Sequence[Any]]:
    def find(company: ErpCompany, asked: Parameters) -> Sequence[Any]:
        first, last = (brazilian(asked.get(f"filtrar_por_emissao_{end}")) for end in ("de", "ate"))
        status = asked.get("filtrar_por_status") or None
        with company.lock:
            rows = [omie_titles.title(one, company) for one in company.titles_of(side)]
            days = [one.issued_on for one in company.titles_of(side)]
        return [
            row
            for row, day in zip(rows, days, strict=True)
            if (first is None or first <= day)
            and (last is None or day <= last)
            and status in (None, row["status_titulo"])
        ]

    return find


def _title_row(row: dict[str, Any], asked: Parameters) -> dict[str, Any]:
    """A title as it is listed: its text only for who asks for it."""
    if asked.get("exibir_obs") == "S":
        return row
    return {name: value for name, value in row.items() if name != "observacao"}


LISTS: Final[Mapping[str, OmieList]] = {
    "ListarNF": OmieList(
        path="produtos/nfconsultar",
        key="nfCadastro",
        find=_invoices,
        write=lambda note, asked: documents.invoice(note, with_items=asked.get("cApenasResumo") != "S"),
    ),
    "ListarDocumentos": OmieList(
        path="contador/xml",
        key="documentosEncontrados",
        find=_documents,
        write=lambda note, _asked: documents.found_document(note),
        words=_ACCOUNTANT,
    ),
    "ListarProdutos": OmieList(
        path="geral/produtos",
        key="produto_servico_cadastro",
        find=_products,
        write=lambda product, _asked: documents.product(product),
    ),
    "ListarEmpresas": OmieList(
        path="geral/empresas",
        key="empresas_cadastro",
        find=lambda company, _asked: [company.profile],
        write=lambda profile, _asked: documents.company_of(profile),
    ),
    "ListarContasReceber": OmieList(
        path="financas/contareceber",
        key="conta_receber_cadastro",
        find=_titles("receivable"),
        write=_title_row,
    ),
    "ListarContasPagar": OmieList(
        path="financas/contapagar",
        key="conta_pagar_cadastro",
        find=_titles("payable"),
        write=_title_row,
    ),
    "ListarCategorias": OmieList(
        path="geral/categorias",
        key="categoria_cadastro",
        find=lambda company, _asked: company.categories,
        write=lambda category, _asked: omie_titles.category(category),
    ),
}
OBTER_NFE_PATH: Final = "produtos/dfedocs"
#: The calls of each path.
PATHS: Final = {**{method: one.path for method, one in LISTS.items()}, "ObterNfe": OBTER_NFE_PATH}


@dataclass(frozen=True)
class Paging:
    """A page that was asked for: `number` from 1, `limit` rows at most."""

    number: int
    limit: int


def paging_of(method: str, asked: Parameters, cap: int) -> Paging:
    """The page that a request wants; more than `cap` rows are cut to it without a word."""
    words = LISTS[method].words
    limit = whole(asked.get(words.limit), _DEFAULT_LIMIT)
    return Paging(whole(asked.get(words.page), 1), min(limit, cap))


def page_of(method: str, company: ErpCompany, asked: Parameters, paging: Paging) -> dict[str, Any] | None:
    """The answer for a page; None where no row is on it."""
    one = LISTS[method]
    found = one.find(company, asked)
    start = (paging.number - 1) * paging.limit
    rows = found[start : start + paging.limit]
    if not rows:
        return None
    words = one.words
    return {
        words.page: paging.number,
        words.pages: -(-len(found) // paging.limit),
        words.rows: len(rows),
        words.total: len(found),
        one.key: [one.write(row, asked) for row in rows],
    }


def nothing(method: str, paging: Paging) -> dict[str, Any]:
    """A page without rows, as a vendor that makes no fault of it would answer."""
    one = LISTS[method]
    words = one.words
    return {words.page: paging.number, words.pages: 0, words.rows: 0, words.total: 0, one.key: []}
