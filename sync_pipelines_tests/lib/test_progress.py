"""Pace, and the line that a person reads."""

from __future__ import annotations

from sync_pipelines.lib.progress import Pace, Progress, ProgressLine, seconds_left


def test_a_pace_is_what_was_done_since_the_stage_was_first_seen() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    assert pace.rate("list", 100) is None
    now = 0.5
    assert pace.rate("list", 150) is None
    now = 10.0
    assert pace.rate("list", 300) == 20.0
    assert pace.rate("details", 7) is None
    now = 20.0
    assert pace.rate("details", 7) == 0.0


def test_a_count_that_goes_back_begins_anew() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    pace.rate("xml", 0)
    now = 10.0
    assert pace.rate("xml", 100) == 10.0
    assert pace.rate("xml", 5) is None
    now = 12.0
    assert pace.rate("xml", 15) == 5.0


def test_the_end_is_unknown_without_a_pace_or_a_total() -> None:
    assert seconds_left(20.0, 300, 500) == 10.0
    assert seconds_left(20.0, 300, 299) == 0.0
    assert [seconds_left(None, 1, 2), seconds_left(0.0, 1, 2), seconds_left(20.0, 1, None)] == [None] * 3


def test_a_line_says_how_far_it_is_and_the_bar_counts_all_that_is_in_work() -> None:
    shown: list[tuple[str, int, int]] = []
    line = ProgressLine(lambda sentence, done, total: shown.append((sentence, done, total)), "segment ")
    line(Progress("7", "details", 0, total=5_000))
    line(Progress("8", "list", 100, total=None))
    line(Progress("7", "details", 1_200, total=5_000, waited=846.0, rate=20.0, estimate=2_760.0))
    assert shown == [
        ("segment 7: details 0 of 5,000", 0, 5_000),
        ("segment 8: list 100", 100, 5_100),
        (
            "segment 7: details 1,200 of 5,000, 1,200 a minute, 14.1 minutes waited, 46 minutes left",
            1_300,
            5_100,
        ),
    ]


def test_a_progress_is_told_with_its_pace_and_its_end() -> None:
    now = 0.0
    pace = Pace(clock=lambda: now)
    assert pace.told("7", "list", done=0, total=100, calls=0, waited=0.0) == Progress(
        "7", "list", 0, total=100
    )
    now = 10.0
    told = pace.told("7", "list", done=20, total=100, calls=1, waited=5.0)
    assert told == Progress("7", "list", 20, total=100, calls=1, waited=5.0, rate=2.0, estimate=40.0)
