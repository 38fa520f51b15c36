"""The last runs as bars, small enough for Dagster to show them inline in an asset's metadata.

The open-source UI renders Markdown below 1,000 characters in place, an SVG in a data URL with it; longer text becomes
a link that nobody opens.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

#: What fits below 1,000 characters.
BARS_SHOWN = 30
_HEIGHT, _STEP = 48, 8
_GOOD, _BAD = "#2a2", "#c33"


class Bar(NamedTuple):
    """A run: its figure, None where it has none, and whether it failed."""

    value: float | None
    failed: bool = False


def bar_chart(caption: str, bars: Sequence[Bar]) -> str:
    """Markdown of an inline SVG: one bar a run, the oldest left, failed runs red; the newest 30 are shown.

    Bars start at zero and the highest fills the height. A bar is never lower than a line that can be seen, because a
    failed run without a figure must show, too.
    """
    shown = bars[-BARS_SHOWN:]
    top = max((bar.value or 0 for bar in shown), default=0) or 1
    paths = "".join(
        f'<path d="{drawn}" stroke="{colour}"/>'
        for colour, failed in ((_GOOD, False), (_BAD, True))
        if (drawn := _path(shown, top, failed=failed))
    )
    width = _STEP * max(1, len(shown))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" stroke-width="6">{paths}</svg>'
    return f"![{caption}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _path(bars: Sequence[Bar], top: float, *, failed: bool) -> str:
    return "".join(
        f"M{number * _STEP + _STEP // 2} {_HEIGHT}v-{max(2, round((bar.value or 0) / top * _HEIGHT))}"
        for number, bar in enumerate(bars)
        if bar.failed is failed
    )
