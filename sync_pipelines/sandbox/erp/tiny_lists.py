"""What Tiny's services find for a company: mandatory filters, pages, details (contract of the ERPs, section 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sync_pipelines.sandbox.erp import tiny_documents as documents
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.tiny_faults import Erro
from sync_pipelines.sandbox.erp.titles import SandboxTitle, TitleSide

Parameters = Mapping[str, str]
#: The rows of a page.
PAGE: Final = 100


class RefusedParameterError(Exception):
    """A call that the vendor answers with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.answer = Erro(code)


@dataclass(frozen=True)
class Search:
    """A service that answers pages: the elements of its list, what it finds, how a row is written.

    `filters` are those of which one must be given; of `always` each must be there, and may be empty.
    """

    rows: str
    row: str
    find: Callable[[ErpCompany, Parameters], Sequence[Any]]
    write: Callable[[Any], dict[str, Any]]
    filters: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()

    def check(self, asked: Parameters) -> None:
        """Raise RefusedParameterError for a call without what it needs (trap 35)."""
        if not self.always <= asked.keys() or (
            self.filters and not any(asked.get(name) for name in self.filters)
        ):
            raise RefusedParameterError(10)


@dataclass(frozen=True)
class Detail:
    """A service that answers one record by its number."""

    row: str
    find: Callable[[ErpCompany, int], Any]
    everything: Callable[[ErpCompany], Sequence[Any]]
    write: Callable[[Any, ErpCompany], dict[str, Any]]


def number_of(asked: Parameters, name: str) -> int:
    """A number from 1 that was asked for; a page is the first unless it is given."""
    given = asked.get(name) or ("1" if name == "pagina" else "")
    if not given:
        raise RefusedParameterError(10)
    if not given.isdigit() or int(given) < 1:
        raise RefusedParameterError(31)
    return int(given)


def _day(asked: Parameters, name: str) -> date | None:
    """A date of the request, `dd/mm/yyyy`: never with the month first (trap 37)."""
    given = asked.get(name)
    if not given:
        return None
    try:
        return datetime.strptime(given, "%d/%m/%Y").date()
    except ValueError:
        raise RefusedParameterError(31) from None


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def is_known(note: SandboxNote) -> bool:
    """Whether the vendor has a note at all: of numbers that were voided it knows nothing."""
    return note.state != "voided"


def _invoices(company: ErpCompany, asked: Parameters) -> list[SandboxNote]:
    first, last = _day(asked, "dataInicial"), _day(asked, "dataFinal")
    direction = {"": None, "E": 0, "S": 1}.get(asked.get("tipoNota", ""), -1)
    if direction == -1:
        raise RefusedParameterError(31)
    return [
        note
        for note in company.select(is_known)
        if _within(note.issued_at.date(), first, last)
        and direction in (None, note.direction)
        and (asked.get("situacao") or str(documents.situation(note))) == str(documents.situation(note))
    ]


def _products(company: ErpCompany, asked: Parameters) -> list[Any]:
    """Active and inactive ones, unless one kind is asked for; the search is in name and code."""
    wanted, kind = asked.get("pesquisa", "").casefold(), asked.get("situacao")
    with company.lock:
        return [
            one
            for one in company.products
            if (wanted in one.name.casefold() or wanted in one.code.casefold())
            and kind in (None, "", "A" if one.is_active else "I")
        ]


def _titles(side: TitleSide) -> Callable[[ErpCompany, Parameters], list[SandboxTitle]]:
    def find(company: ErpCompany, asked: Parameters) -> list[SandboxTitle]:
        due = _day(asked, "data_ini_vencimento"), _day(asked, "data_fim_vencimento")
        issued = _day(asked, "data_ini_emissao"), _day(asked, "data_fim_emissao")
        kind = asked.get("situacao")
        if kind not in (None, "", *documents.TITLE_SITUATIONS.values()):
            raise RefusedParameterError(31)
        return [
            one
            for one in company.titles_of(side)
            if _within(one.due_on, *due)
            and _within(one.issued_on, *issued)
            and kind in (None, "", documents.TITLE_SITUATIONS[one.state])
        ]

    return find


def _title(side: TitleSide) -> Callable[[ErpCompany, int], SandboxTitle]:
    def find(company: ErpCompany, number: int) -> SandboxTitle:
        found = company.title(number)
        if found.side != side:
            raise KeyError(number)
        return found

    return find


def _note(company: ErpCompany, number: int) -> SandboxNote:
    found = company.note(number)
    if not is_known(found):
        raise KeyError(number)
    return found


def _searched_titles(side: TitleSide) -> Search:
    days = {f"data_{end}_{kind}" for end in ("ini", "fim") for kind in ("vencimento", "emissao")}
    filters = frozenset({*days, "situacao", "nome_cliente", "numero_doc"})
    return Search("contas", "conta", _titles(side), write=documents.title, filters=filters)


def _one_title(side: TitleSide) -> Detail:
    return Detail(
        "conta", _title(side), lambda company: company.titles_of(side), write=documents.title_detail
    )


_EVERY_NOTE: Final = lambda company: company.select(is_known)  # noqa: E731
SEARCHES: Final[Mapping[str, Search]] = {
    "notas.fiscais.pesquisa": Search(
        "notas_fiscais",
        "nota_fiscal",
        _invoices,
        write=documents.invoice,
        filters=frozenset({"dataInicial", "dataFinal", "tipoNota", "situacao", "numero", "cpf_cnpj"}),
    ),
    "produtos.pesquisa": Search(
        "produtos", "produto", _products, write=documents.product, always=frozenset({"pesquisa"})
    ),
    "contas.receber.pesquisa": _searched_titles("receivable"),
    "contas.pagar.pesquisa": _searched_titles("payable"),
}
DETAILS: Final[Mapping[str, Detail]] = {
    "produto.obter": Detail(
        "produto",
        lambda company, number: company.product(number),
        lambda company: company.products,
        write=lambda one, _company: documents.product_detail(one),
    ),
    "nota.fiscal.obter": Detail(
        "nota_fiscal",
        _note,
        _EVERY_NOTE,
        write=lambda note, company: documents.invoice_detail(note, company.profile),
    ),
    # Its answer is in XML, and written elsewhere.
    "nota.fiscal.obter.xml": Detail("", _note, _EVERY_NOTE, write=lambda _note, _company: {}),
    "conta.receber.obter": _one_title("receivable"),
    "conta.pagar.obter": _one_title("payable"),
}
