"""Details are read again within seven days, whenever syncs begin, and about a seventh of them a day."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.detail_age import EVERY_DAYS, day_of, is_fresh

ZONE = ZoneInfo("America/Sao_Paulo")
BEGAN = datetime(2026, 11, 22, 2, 50, tzinfo=UTC)


@given(st.text(), st.lists(st.floats(0.01, 48), min_size=1, max_size=60))
def test_after_each_sync_no_detail_is_older_than_a_week_and_none_is_read_twice_a_day(
    name: str, hours: list[float]
) -> None:
    read_at, now = BEGAN, BEGAN
    for pause in hours:
        now += timedelta(hours=pause)
        if not is_fresh(name, read_at, now=now, zone=ZONE):
            assert now.astimezone(ZONE).date() > read_at.astimezone(ZONE).date()
            read_at = now
        assert now - read_at < timedelta(days=EVERY_DAYS)


def test_the_days_are_spread_and_what_was_never_read_or_is_still_to_be_read_is_not_fresh() -> None:
    days = Counter(day_of(str(number)) for number in range(3000))
    assert set(days) == set(range(7))
    assert max(days.values()) < 600
    assert not is_fresh("1", None, now=BEGAN, zone=ZONE)
    assert not is_fresh("1", BEGAN + timedelta(minutes=1), now=BEGAN, zone=ZONE)
