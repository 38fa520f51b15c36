"""A month's summary for a person: its figures as a table, and revenue, cost and margin over time as a picture.

Both are small enough for Dagster to show them inline.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from sync_pipelines.hitss.dre.amounts import percent, reais
from sync_pipelines.hitss.dre.summary import Row

WIDTH, HEIGHT = 240, 60
#: The UI shows Markdown inline only below 1,000 characters; 24 months of three lines fit.
MONTHS_SHOWN = 24


class MonthFigures(NamedTuple):
    """The figures of the picture for one month, in BRL; `custo` is negative."""

    receita: float
    custo: float
    margem: float


class SummaryHistory:
    """The rows of `dre_summary` by month, of which a month's page shows the ones before it."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = dict(rows)

    def add(self, month: str, row: Row) -> None:
        self._rows[month] = row

    def month_before(self, month: str) -> Row | None:
        """The row of the calendar month before; None if there is none."""
        year, number = int(month[:4]), int(month[5:7])
        year, number = (year - 1, 12) if number == 1 else (year, number - 1)
        return self._rows.get(f"{year}-{number:02d}-01")

    def until(self, month: str) -> list[MonthFigures]:
        """The figures up to a month, oldest first, as far back as the picture goes."""
        known = sorted(key for key in self._rows if key <= month)[-MONTHS_SHOWN:]
        rows = (self._rows[key] for key in known)
        return [
            MonthFigures(float(row["receita"]), float(row["custo"]), float(row["margem"])) for row in rows
        ]


#: The rows of the table: the words, the column of the actual figure and of the budgeted one.
_ROWS = (
    ("Receita", "receita", "receita_orcada"),
    ("Custo", "custo", "custo_orcado"),
    ("Desoneração", "desoneracao", "desoneracao_orcada"),
    ("**Margem**", "margem", "margem_orcada"),
)


def month_table(figures: Mapping[str, str], before: Mapping[str, str] | None) -> str:
    """Markdown of a month's figures beside its budget and the month before, as Brazilians write them."""
    lines = [
        "| | Realizado | Orçado | Diferença | Mês anterior | Variação |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for words, actual, budget in _ROWS:
        now, planned = Decimal(figures[actual]), Decimal(figures[budget])
        cells = [reais(now), reais(planned), reais(now - planned)]
        cells += [reais(before[actual]), reais(now - Decimal(before[actual]))] if before else ["–", "–"]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    now, planned = Decimal(figures["margem_percentual"]), Decimal(figures["margem_percentual_orcada"])
    cells = [percent(now), percent(planned), percent(now - planned)]
    if before:
        cells += [
            percent(Decimal(before["margem_percentual"])),
            percent(now - Decimal(before["margem_percentual"])),
        ]
    lines.append(f"| Margem % | {' | '.join([*cells, '–', '–'][:5])} |")
    return "\n".join(lines)


def sparkline(months: Sequence[MonthFigures]) -> str:
    """Markdown of an inline SVG: revenue green, cost red, margin blue, oldest month left, zero at the foot."""
    shown = months[-MONTHS_SHOWN:]
    top = max([1.0, *(month.receita for month in shown), *(abs(month.custo) for month in shown)])
    lines = (
        ("#2a2", [month.receita for month in shown]),
        ("#c33", [abs(month.custo) for month in shown]),
        ("#36c", [max(0.0, month.margem) for month in shown]),
    )
    paths = "".join(f'<path d="{_path(values, top)}" stroke="{colour}"/>' for colour, values in lines)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" fill="none">{paths}</svg>'
    )
    return f"![receita, custo, margem](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _path(values: Sequence[float], top: float) -> str:
    """An SVG path in relative whole steps, the shortest form."""
    step = WIDTH // max(1, len(values) - 1) if values else 0
    heights = [HEIGHT - round(value / top * HEIGHT) for value in values]
    if not heights:
        return "M0 0"
    moves = "".join(f"l{step} {b - a}" for a, b in pairwise(heights))
    return f"M0 {heights[0]}{moves}".replace(" -", "-")
