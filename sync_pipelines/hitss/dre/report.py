"""The summary for a person: a month's figures as a table, and revenue, cost and margin over time as a picture.

Both are small enough for Dagster to show them inline.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from sync_pipelines.hitss.dre.restatements import percent, reais

WIDTH, HEIGHT = 240, 60
#: The UI shows Markdown inline only below 1,000 characters; 24 months of three lines fit.
MONTHS_SHOWN = 24


class MonthFigures(NamedTuple):
    """A month's published figures, in BRL; `custo` is negative."""

    receita: float
    custo: float
    margem: float


#: What the table tells: the words, the actual column and the budgeted one.
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
