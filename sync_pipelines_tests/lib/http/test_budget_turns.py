"""The rules of a budget, without a database: what a party that asks is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.http.budget_turns import (
    GRACE,
    YIELD,
    Answer,
    Party,
    Situation,
    Window,
    WindowState,
    decide,
    granted_at,
)

NOW = datetime(2025, 9, 21, 12, tzinfo=UTC)
MINUTE = Window("key", calls=85, seconds=60)
GRANTED = Answer(None)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def room(window: Window = MINUTE, newest: float | None = None, blocked: float | None = None) -> WindowState:
    return WindowState(
        window=window,
        nth_newest=None,
        newest=None if newest is None else at(newest),
        blocked_until=None if blocked is None else at(blocked),
    )


def full(window: Window, until: float) -> WindowState:
    """A window with a call that leaves it in so many seconds."""
    oldest = at(until) - window.span
    return WindowState(window=window, nth_newest=oldest, newest=oldest, blocked_until=None)


def party(
    name: str,
    *,
    ready: float | None = None,
    served: float | None = None,
    seen: float = 0.0,
    scopes: tuple[str, ...] = ("key",),
) -> Party:
    return Party(
        name=name,
        scopes=scopes,
        seen_at=at(seen),
        ready_at=None if ready is None else at(ready),
        served_at=None if served is None else at(served),
    )


def told(*windows: WindowState, me: Party | None = None, others: tuple[Party, ...] = ()) -> Answer:
    return decide(Situation(now=NOW, windows=windows, me=me or party("me", served=-5), others=others))


def test_a_minute_counts_as_a_minute_and_a_half_second_more_so_that_a_late_call_is_no_call_too_many() -> None:
    assert MINUTE.span == timedelta(seconds=61.5)
    assert Window("key", calls=3, seconds=1).span == timedelta(seconds=1.1)
    assert Window("key", calls=3, seconds=1, margin=0.5).span == timedelta(seconds=1.5)


@pytest.mark.parametrize(("calls", "seconds"), [(0, 60), (-1, 60), (1, 0), (1, -1)])
def test_a_window_without_calls_or_without_time_is_none(calls: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="window"):
        Window("key", calls=calls, seconds=seconds)


def test_a_call_needs_all_its_windows() -> None:
    method = Window("method", calls=1, seconds=1)
    assert told(room(), room(method)) == GRANTED
    assert told(room(), full(method, until=0.4)) == Answer(at(0.4))
    assert told(full(MINUTE, until=30), full(method, until=0.4)) == Answer(at(30))
    assert told(full(MINUTE, until=0)) == GRANTED


def test_a_block_of_any_scope_counts_until_it_is_over() -> None:
    method = Window("method", calls=1, seconds=1)
    assert told(room(), room(method, blocked=7)) == Answer(at(7), is_blocked=True)
    assert told(room(blocked=0), room(method, blocked=-3)) == GRANTED


def test_of_those_that_wait_the_one_whose_turn_is_longest_ago_goes_first() -> None:
    assert told(room(), others=(party("other", ready=0, served=-9),)) == Answer(NOW + YIELD)
    assert told(room(), others=(party("other", ready=0),)) == Answer(NOW + YIELD)
    assert told(room(), others=(party("other", ready=0, served=-3),)) == GRANTED


@pytest.mark.parametrize(
    "other",
    [
        party("busy", served=-9),
        party("dead", ready=-GRACE.total_seconds() - 0.01, served=-9),
        party("held up by a window of its own", ready=0.5, served=-9),
    ],
)
def test_who_cannot_or_does_not_call_holds_up_nobody(other: Party) -> None:
    assert told(room(), others=(other,)) == GRANTED


@given(st.lists(st.tuples(st.floats(-99, 0) | st.none(), st.booleans()), min_size=2, max_size=6))
def test_one_of_those_that_wait_always_goes(parties: list[tuple[float | None, bool]]) -> None:
    all_of_them = [
        party(f"{number}", ready=0, served=served, scopes=("key", "method") if both else ("key",))
        for number, (served, both) in enumerate(parties)
    ]
    answers = [
        told(room(), me=one, others=tuple(other for other in all_of_them if other is not one))
        for one in all_of_them
    ]
    assert answers.count(GRANTED) == 1


def test_alone_a_party_may_use_its_window_up_in_company_calls_are_spaced() -> None:
    company = (party("other", served=-1),)
    even = 60 / 85
    assert told(room(newest=-0.01)) == GRANTED
    assert told(room(newest=-0.01), others=company) == Answer(at(0.9 * even - 0.01))
    assert told(room(newest=-even), others=company) == GRANTED
    assert told(room(newest=-0.01), others=(party("gone", seen=-62),)) == GRANTED
    assert told(room(newest=-0.01), others=(party("elsewhere", scopes=("other",)),)) == GRANTED


def test_a_quota_of_a_day_is_no_pace() -> None:
    day = Window("key", calls=1000, seconds=86400)
    states = (room(day, newest=-0.3), room(newest=-0.3))
    assert told(*states, others=(party("other", served=-1),)) == Answer(at(0.9 * 60 / 85 - 0.3))


@given(
    calls=st.integers(1, 5),
    made=st.lists(st.floats(-9.9, 0), max_size=5),
    number=st.integers(1, 30),
    start=st.floats(0, 20),
)
def test_an_estimate_is_what_asking_again_and_again_would_show(
    calls: int, made: list[float], number: int, start: float
) -> None:
    window = Window("key", calls=calls, seconds=10, margin=0)
    log = sorted(map(at, made[:calls]))
    expected, simulated = granted_at(window, log, at(start), number=number), list(log)
    moment = at(start)
    for _ in range(number):
        if len(simulated) >= calls:
            moment = max(moment, simulated[-calls] + window.span)
        simulated.append(moment)
    assert expected == moment
