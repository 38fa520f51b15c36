"""The picture of the last runs: valid, small enough, and showing what it says."""

from __future__ import annotations

import re
from base64 import b64decode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.orchestration.bar_chart import BARS_SHOWN, Bar, bar_chart

#: What the UI shows in place.
LONGEST = 1_000


def bars(markdown: str) -> dict[str, list[tuple[int, int]]]:
    """The bars by colour, as (left to right, height)."""
    match = re.fullmatch(r"!\[(.*)\]\(data:image/svg\+xml;base64,(.*)\)", markdown)
    assert match is not None
    svg = ElementTree.fromstring(b64decode(match[2]))
    return {
        path.attrib["stroke"]: [
            (int(x), int(h)) for x, h in re.findall(r"M(\d+) \d+v-(\d+)", path.attrib["d"])
        ]
        for path in svg.iter("{http://www.w3.org/2000/svg}path")
    }


def test_the_highest_bar_fills_the_height_and_failed_runs_are_red() -> None:
    drawn = bars(bar_chart("minutes", [Bar(1.0), Bar(4.0, failed=True), Bar(2.0)]))
    assert drawn == {"#2a2": [(4, 12), (20, 24)], "#c33": [(12, 48)]}


def test_a_failed_run_without_a_figure_still_shows() -> None:
    assert bars(bar_chart("minutes", [Bar(None, failed=True)])) == {"#c33": [(4, 2)]}


@pytest.mark.parametrize("shown", [[], [Bar(0.0)], [Bar(None)]])
def test_nothing_to_draw_is_no_error(shown: list[Bar]) -> None:
    assert len(bars(bar_chart("minutes", shown)).get("#2a2", [])) == len(shown)


def test_the_newest_runs_are_shown() -> None:
    many = [Bar(1.0)] * 50 + [Bar(2.0)] * BARS_SHOWN
    assert {height for _, height in bars(bar_chart("minutes", many))["#2a2"]} == {48}


@given(st.lists(st.builds(Bar, st.none() | st.floats(0, 1e9), st.booleans()), max_size=80))
def test_the_picture_is_shown_in_place(shown: list[Bar]) -> None:
    assert len(bar_chart("minutes of the last runs, failed ones red", shown)) < LONGEST
