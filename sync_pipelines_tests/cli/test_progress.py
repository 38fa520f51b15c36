"""Lines where nobody watches, a bar on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from sync_pipelines.cli.progress import RunProgress


def test_counts_of_one_thing_are_a_line_every_few_seconds_and_the_last_one_in_any_case() -> None:
    out, now = StringIO(), [100.0]
    with RunProgress("parts", Console(file=out, width=20, markup=False), clock=lambda: now[0]) as progress:
        progress("begins.")
        progress("begins again, without counts.")
        for second in range(12):
            now[0] = 100 + second
            progress(f"segment 7: {second} [of] 12", done=second, total=12)
            progress(f"segment 8: {second}", done=second, total=100)
        progress("segment 7: 12", done=12, total=12)
    assert out.getvalue().splitlines() == [
        "parts: begins.",
        "parts: begins again, without counts.",
        "parts: segment 7: 0 [of] 12",
        "parts: segment 8: 0",
        "parts: segment 7: 5 [of] 12",
        "parts: segment 8: 5",
        "parts: segment 7: 10 [of] 12",
        "parts: segment 8: 10",
        "parts: segment 7: 12",
    ]


def test_a_terminal_shows_a_bar_once_there_are_counts() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, markup=False)
    with RunProgress("parts", console) as progress:
        progress("begins [so].")
    assert "parts: begins [so]." in out.getvalue()
    assert "━" not in out.getvalue()
    with RunProgress("parts", console) as progress:
        progress("segment 7: 1 of 4", done=1, total=4)
        progress("segment 7: 2 of 4", done=2, total=4)
    assert "━" in out.getvalue()
    assert " 50%" in out.getvalue()
    assert "parts: segment 7: 2 of 4" in out.getvalue()
