"""What Bling's lists hold for a company: filters, periods, pages (contract of the ERPs, section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp import bling_documents as documents
from sync_pipelines.sandbox.erp import bling_faults
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct

Parameters = Mapping[str, str]
#: The default page, and the largest.
PAGE: Final = 100
_SITUATIONS: Final = {str(number) for number in range(1, 12)}
#: The filters that do something; others are ignored.
INVOICE_FILTERS: Final = {
    "pagina",
    "limite",
    "situacao",
    "tipo",
    "chaveAcesso",
    "numero",
    "serie",
    "dataEmissaoInicial",
    "dataEmissaoFinal",
}
PRODUCT_FILTERS: Final = {"pagina", "limite", "criterio", "dataAlteracaoInicial", "dataAlteracaoFinal"}
#: `criterio`: 1 last included, 2 active, 3 inactive, 4 deleted, 5 all.
_LAST_INCLUDED, _ACTIVE, _INACTIVE, _DELETED = "1", "2", "3", "4"


class ParameterError(Exception):
    """A parameter that the vendor answers with 400."""

    def __init__(self, element: str, message: str) -> None:
        super().__init__(message)
        self.answer: Response = bling_faults.invalid(element, message)


def page_of(rows: Sequence[Any], page: int, asked: Parameters) -> Sequence[Any]:
    """The rows of a page."""
    limit = limit_of(asked)
    return rows[(page - 1) * limit : page * limit]


def limit_of(asked: Parameters) -> int:
    """The rows of a page that were asked for, at most a hundred."""
    return min(_whole(asked, "limite", PAGE), PAGE)


def page_number(asked: Parameters) -> int:
    """The page that was asked for, from 1."""
    return _whole(asked, "pagina", 1)


def _whole(asked: Parameters, name: str, default: int) -> int:
    given = asked.get(name, "")
    if not given:
        return default
    if not given.isdigit() or int(given) < 1:
        raise ParameterError(name, "O valor deve ser um número inteiro maior que zero")
    return int(given)


def period(asked: Parameters, name: str) -> tuple[datetime | None, datetime | None]:
    """`<name>Inicial` and `<name>Final`, both included; more than a year between them is refused."""
    first, last = _moment(asked, f"{name}Inicial"), _moment(asked, f"{name}Final")
    if last is not None and len(asked[f"{name}Final"]) == len("2026-11-22"):
        last += timedelta(days=1, seconds=-1)
    if first is not None and last is not None and last - first > timedelta(days=365):
        raise ParameterError(f"{name}Inicial", "O período não pode ser maior que 1 ano")
    return first, last


def _moment(asked: Parameters, name: str) -> datetime | None:
    given = asked.get(name, "")
    if not given:
        return None
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise ParameterError(name, "A data informada é inválida") from None


def within(moment: datetime | None, between: tuple[datetime | None, datetime | None]) -> bool:
    first, last = between
    if first is None and last is None:
        return True
    if moment is None:
        return False
    local = moment.replace(tzinfo=None, microsecond=0)
    return (first is None or first <= local) and (last is None or local <= last)


def is_known(note: SandboxNote) -> bool:
    """Whether the vendor has a note at all: of numbers that were voided it knows nothing."""
    return note.state != "voided"


def invoices(
    company: ErpCompany, asked: Parameters, *, model: str, default_direction: str | None
) -> list[SandboxNote]:
    """Invoices of a model. Without `situacao` the cancelled ones are left out (trap 14)."""
    wanted = asked.get("situacao", "")
    if wanted and wanted not in _SITUATIONS:
        raise ParameterError("situacao", "O valor informado é inválido")
    direction = asked.get("tipo") or default_direction
    if direction not in ("0", "1", None):
        raise ParameterError("tipo", "O valor informado é inválido")
    issued = period(asked, "dataEmissao")
    notes = company.select(lambda note: note.model == model and is_known(note))
    return [
        note
        for note in notes
        if (str(documents.situation(note)) == wanted if wanted else note.state != "cancelled")
        and direction in (None, str(note.direction))
        and within(note.issued_at, issued)
        and asked.get("chaveAcesso", note.key) == note.key
        and int(asked.get("numero") or note.number) == note.number
        and int(asked.get("serie") or note.series) == note.series
    ]


def products(company: ErpCompany, asked: Parameters) -> list[SandboxProduct]:
    """Products. Not asked for otherwise, only the quarter that was included last."""
    criterion = asked.get("criterio") or _LAST_INCLUDED
    if criterion not in ("1", "2", "3", "4", "5"):
        raise ParameterError("criterio", "O valor informado é inválido")
    changed = period(asked, "dataAlteracao")
    with company.lock:
        found = [one for one in company.products if within(one.altered_at, changed)]
    if criterion == _LAST_INCLUDED:
        return found[-max(len(found) // 4, 1) :]
    if criterion == _DELETED:
        return []
    if criterion in (_ACTIVE, _INACTIVE):
        return [one for one in found if one.is_active is (criterion == _ACTIVE)]
    return found
