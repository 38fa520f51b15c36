"""Columns of TabuladorMax that do not travel: those that are known to stay, and those that nobody decided about."""

from __future__ import annotations

from typing import NamedTuple

from sync_pipelines.scouter.schema.report import SchemaReport

#: The original left them out too, and the contract says so (section 3): Gestão Scouter has no place for them.
KNOWN_TO_STAY = frozenset(
    {
        *("address", "bitrix_telemarketing_id", "data_agendamento", "data_criacao_agendamento"),
        *("data_retorno_ligacao", "funil_fichas", "gerenciamento_funil", "gestao_scouter", "sync_error"),
    }
)


class Travelling(NamedTuple):
    """Whether every column goes over or is known to stay, and a sentence that names those that do not go."""

    holds: bool
    sentence: str


def not_travelling(report: SchemaReport) -> tuple[str, ...]:
    """Columns of the source that no field is made of, and of which nobody said so."""
    return tuple(name for name in report.only_in_tabuladormax if name not in KNOWN_TO_STAY)


def verdict(names: tuple[str, ...], known: tuple[str, ...] = ()) -> Travelling:
    """The verdict on `names`, which do not travel; `known` are named as well."""
    stay = f" Known to stay: {', '.join(known)}." if known else ""
    if not names:
        return Travelling(True, f"Every column of TabuladorMax travels, or is known to stay.{stay}")
    return Travelling(
        False,
        f"{len(names)} columns of TabuladorMax do not travel: {', '.join(names)}. Add them to the field mapping, and to"
        f" Gestão Scouter where it lacks them, or leave them on purpose.{stay}",
    )


def verdict_of(report: SchemaReport) -> Travelling:
    """The verdict on a report."""
    known = tuple(name for name in report.only_in_tabuladormax if name in KNOWN_TO_STAY)
    return verdict(not_travelling(report), known)
