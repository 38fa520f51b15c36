"""Ticks that do not drift, whatever a run's start, its length, or a clock that is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines_tests.sprinthub.segments.conftest import DAILY

ZONES = st.sampled_from(
    ["UTC", "America/Sao_Paulo", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
)
#: What the application's own documents offer, and one in the hour that a changed clock skips or repeats.
CRONS = st.sampled_from(
    ["0 6 * * *", "0 */6 * * *", "0 8 * * 1-5", "0 10 * * 0,6", "30 2 * * *", "*/30 * * * *"]
)
MOMENTS = st.datetimes(datetime(2016, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(CRONS, ZONES, MOMENTS)
def test_the_next_tick_comes_after_the_moment_and_none_lies_between(
    cron: str, zone: str, moment: datetime
) -> None:
    cadence = Cadence(cron, ZoneInfo(zone))
    tick = cadence.next_after(moment)
    assert tick > moment
    assert tick.tzinfo is UTC
    between = moment + (tick - moment) / 2
    assert cadence.next_after(between) == tick
    assert cadence.next_after(tick) > tick


@given(ZONES, MOMENTS)
def test_a_daily_cron_has_one_tick_a_day_also_when_the_clock_is_changed(zone: str, moment: datetime) -> None:
    cadence = Cadence("30 2 * * *", ZoneInfo(zone))
    ticks = [cadence.next_after(moment)]
    for _ in range(400):
        ticks.append(cadence.next_after(ticks[-1]))
    days = [tick.astimezone(ZoneInfo(zone)).date() for tick in ticks]
    assert all(after - before == timedelta(days=1) for before, after in pairwise(days))


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (datetime(2026, 3, 10, 6, 0, 3, tzinfo=UTC), datetime(2026, 3, 11, 6, tzinfo=UTC)),
        (datetime(2026, 3, 10, 6, tzinfo=UTC), datetime(2026, 3, 11, 6, tzinfo=UTC)),
        (datetime(2026, 3, 10, 5, 59, 59, 999999, tzinfo=UTC), datetime(2026, 3, 10, 6, tzinfo=UTC)),
        (datetime(2026, 3, 10, 10, tzinfo=UTC), datetime(2026, 3, 11, 6, tzinfo=UTC)),
        (datetime(2026, 3, 10, 5, tzinfo=UTC), datetime(2026, 3, 10, 6, tzinfo=UTC)),
    ],
)
def test_neither_jitter_nor_a_manual_run_costs_the_next_day(start: datetime, due: datetime) -> None:
    assert DAILY.next_after(start) == due


@given(MOMENTS, st.integers(1, 10_000), ZONES)
def test_retries_double_up_to_the_next_tick(now: datetime, errors: int, zone: str) -> None:
    cadence = Cadence("0 6 * * *", ZoneInfo(zone))
    due = cadence.retry_at(now, errors)
    assert now < due <= cadence.next_after(now)
    assert due == cadence.next_after(now) or due - now == timedelta(minutes=15) * 2 ** (errors - 1)


def test_the_other_sides_wish_is_honoured_up_to_the_next_tick() -> None:
    now = datetime(2026, 3, 10, 6, 0, 3, tzinfo=UTC)
    assert DAILY.retry_at(now, 1, asked=60) == now + timedelta(minutes=15)
    assert DAILY.retry_at(now, 1, asked=3600) == now + timedelta(hours=1)
    assert DAILY.retry_at(now, 1, asked=1e6) == datetime(2026, 3, 11, 6, tzinfo=UTC)


def test_the_length_is_that_between_the_next_two_ticks() -> None:
    weekdays = Cadence("0 8 * * 1-5", ZoneInfo("UTC"))
    friday = datetime(2026, 3, 13, 7, tzinfo=UTC)
    assert (DAILY.length(friday), weekdays.length(friday)) == (timedelta(days=1), timedelta(days=3))
