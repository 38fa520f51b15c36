"""The summary's picture: revenue, cost and margin over time, small enough for Dagster to show it inline."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 240, 60
#: The UI shows Markdown inline only below 1,000 characters; 24 months of three lines fit.
MONTHS_SHOWN = 24


class MonthFigures(NamedTuple):
    """A month's published figures, in BRL; `custo` is negative."""

    receita: float
    custo: float
    margem: float


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
