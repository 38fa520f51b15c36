"""What can change or go wrong in the rows, each as a pure function from rows to rows.

First what the business does to its data between two exports, then what no good export holds.
Choices are by position or by a fixed seed, so that the same rows always change in the same way.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from sync_pipelines.sandbox.hitss.layout import (
    CODIGO_PROJETO,
    CONTA_RESUMO,
    CUSTO,
    ID_RECURSO,
    LANCAMENTO,
    NATUREZA,
    ORCADO,
    PERIODO,
    REALIZADO,
    RECEITA,
    RECURSO,
    RELATORIO,
    RESPONSAVEL_AREA,
    Cell,
    Row,
    period,
    period_month,
)

AMOUNT_TEXTS = ("1.234,56", "1,234.56", "-330,67", "R$ 10,00")


def replaced(row: Row, column: int, value: Cell) -> Row:
    """`row` with one cell changed."""
    return (*row[:column], value, *row[column + 1 :])


def area_head_changed(rows: Sequence[Row], name: str = "NOVA CHEFIA FICTICIA") -> list[Row]:
    """Another ResponsavelArea on every row, and nothing else."""
    return [replaced(row, RESPONSAVEL_AREA, name) for row in rows]


def employee_renamed(
    rows: Sequence[Row], number: int | None = None, name: str = "NOME NOVO FICTICIO"
) -> list[Row]:
    """One employee (the one with most rows by default) has another name on every row."""
    found = Counter(row[ID_RECURSO] for row in rows if row[ID_RECURSO] is not None)
    chosen = number if number is not None else next((key for key, _ in found.most_common(1)), None)
    return [
        replaced(row, RECURSO, name) if chosen is not None and row[ID_RECURSO] == chosen else row
        for row in rows
    ]


def orcado_restated(rows: Sequence[Row], removed: int = 74, added: int = 311, months: int = 24) -> list[Row]:
    """The budget rewritten inside the last `months` months: some rows go, more come; the ledger stays."""
    since = _last(rows) - months
    budget = [
        i for i, row in enumerate(rows) if row[RELATORIO] == ORCADO and period_month(row[PERIODO]) >= since
    ]
    rng = Random(0)
    gone = set(rng.sample(budget, min(removed, len(budget) // 2)))
    rest = [i for i in budget if i not in gone]
    extra = []
    for turn, index in enumerate(rng.choices(rest, k=added) if rest else []):
        row = rows[index]
        extra.append(replaced(row, LANCAMENTO, round(_amount(row) * 1.07, 2) + turn))
    return [row for i, row in enumerate(rows) if i not in gone] + extra


def realizado_restated(rows: Sequence[Row], month: str | None = None, changed: int = 5) -> list[Row]:
    """A closed month of the ledger (`M/YYYY`, the third last by default) changes in `changed` amounts."""
    chosen = month or period(_last(rows) - 2)
    left = changed
    result = []
    for row in rows:
        if left and row[RELATORIO] == REALIZADO and row[PERIODO] == chosen:
            left -= 1
            result.append(replaced(row, LANCAMENTO, round(_amount(row) * 1.5 + 1, 2)))
        else:
            result.append(row)
    return result


def new_month(rows: Sequence[Row], share: float = 1.0) -> list[Row]:
    """The month after the last one, of its size: the same postings with amounts three per cent higher."""
    last = _last(rows)
    fresh = [row for row in rows if row[PERIODO] == period(last)]
    fresh = fresh[: max(1, round(len(fresh) * share))]
    moved = [replaced(row, PERIODO, period(last + 1)) for row in fresh]
    return [*rows, *(replaced(row, LANCAMENTO, round(_amount(row) * 1.03, 2) or 0.01) for row in moved)]


def project_vanished(rows: Sequence[Row], code: str | None = None) -> list[Row]:
    """No row of one project (the third largest by default)."""
    ranked = [key for key, _ in Counter(row[CODIGO_PROJETO] for row in rows).most_common(3)]
    chosen = code or (ranked[-1] if ranked else None)
    return [row for row in rows if row[CODIGO_PROJETO] != chosen]


def month_vanished(rows: Sequence[Row], month: str | None = None) -> list[Row]:
    """No row of one closed month (`M/YYYY`, the fourth last by default)."""
    chosen = month or period(_last(rows) - 3)
    return [row for row in rows if row[PERIODO] != chosen]


def shrunk(rows: Sequence[Row], share: float = 0.6) -> list[Row]:
    """Only that share of the rows, evenly from everywhere."""
    return [row for i, row in enumerate(rows) if int((i + 1) * share) > int(i * share)]


def doubled_postings(rows: Sequence[Row], month: str | None = None) -> list[Row]:
    """The ledger rows of one month (`M/YYYY`, the last by default) are there twice."""
    chosen = month or period(_last(rows))
    return [*rows, *(row for row in rows if row[RELATORIO] == REALIZADO and row[PERIODO] == chosen)]


def nfd_accents(rows: Sequence[Row]) -> list[Row]:
    """`Orçado` and the account names with combining accents: equal to the eye, other code points."""

    def decomposed(value: Cell) -> Cell:
        return unicodedata.normalize("NFD", value) if isinstance(value, str) else value

    return [
        replaced(
            replaced(row, RELATORIO, decomposed(row[RELATORIO])), CONTA_RESUMO, decomposed(row[CONTA_RESUMO])
        )
        for row in rows
    ]


def header_only(rows: Sequence[Row]) -> list[Row]:
    """No rows at all."""
    return list(rows[:0])


def future_month(rows: Sequence[Row], months: int = 1) -> list[Row]:
    """One more row, of a month that lies `months` after the last one asked for."""
    return [*rows, *(replaced(row, PERIODO, period(_last(rows) + months)) for row in rows[:1])]


def bad_periodo(rows: Sequence[Row], value: str = "13/2024", row: int = 0) -> list[Row]:
    """A Periodo that is no month."""
    return _set(rows, PERIODO, [value], start=row)


def numeric_periodo(rows: Sequence[Row], value: float = 45505.0, row: int = 0) -> list[Row]:
    """A Periodo that is a number (a date's serial number by default)."""
    return _set(rows, PERIODO, [value], start=row)


def text_amounts(rows: Sequence[Row], row: int = 0) -> list[Row]:
    """Amounts as text in the four spellings that older parsers scaled wrongly, one on each of four rows."""
    return _set(rows, LANCAMENTO, AMOUNT_TEXTS, start=row)


def blank_amount(rows: Sequence[Row], missing: bool = False, row: int = 0) -> list[Row]:
    """A row without amount: an empty text, or with `missing` no cell at all."""
    return _set(rows, LANCAMENTO, [None if missing else ""], start=row)


def unknown_relatorio(rows: Sequence[Row], value: str = "Forecast", row: int = 0) -> list[Row]:
    """A third report."""
    return _set(rows, RELATORIO, [value], start=row)


def unknown_natureza(rows: Sequence[Row], value: str = "INVESTIMENTO", row: int = 0) -> list[Row]:
    """A nature that is neither CUSTO nor RECEITA."""
    return _set(rows, NATUREZA, [value], start=row)


def unknown_conta(rows: Sequence[Row], value: str = "Impostos", row: int = 0) -> list[Row]:
    """A sixth account."""
    return _set(rows, CONTA_RESUMO, [value], start=row)


def natureza_conta_mismatch(rows: Sequence[Row], row: int = 0) -> list[Row]:
    """A row whose nature contradicts its account: only Receita Devengada is RECEITA."""
    turned = [RECEITA if old[NATUREZA] == CUSTO else CUSTO for old in rows[row : row + 1]]
    return _set(rows, NATUREZA, turned, start=row)


def _set(rows: Sequence[Row], column: int, values: Iterable[Cell], start: int) -> list[Row]:
    result = list(rows)
    for index, value in enumerate(values, start):
        if index < len(result):
            result[index] = replaced(result[index], column, value)
    return result


def _last(rows: Sequence[Row]) -> int:
    return max((period_month(text) for text in {row[PERIODO] for row in rows}), default=0)


def _amount(row: Row) -> float:
    value = row[LANCAMENTO]
    if not isinstance(value, float | int):
        raise TypeError(f"The amount {value!r} is no number.")
    return float(value)
