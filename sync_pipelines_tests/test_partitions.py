"""Months and their ranges."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.orchestration.key_ranges import contiguous
from sync_pipelines.partitions import months

ORDER = [f"2025-{month:02}-01" for month in range(1, 13)]


def test_the_current_month_is_included_from_its_first_local_hour() -> None:
    definition = months(date(2025, 6, 1), "America/Sao_Paulo")
    still_july = datetime(2025, 8, 1, 2, 59, tzinfo=UTC)  # 23:59 in São Paulo
    august = datetime(2025, 8, 1, 3, 0, tzinfo=UTC)
    assert definition.get_partition_keys(still_july) == ["2025-06-01", "2025-07-01"]
    assert definition.get_partition_keys(august) == ["2025-06-01", "2025-07-01", "2025-08-01"]


@pytest.mark.parametrize(
    ("keys", "ranges"),
    [
        ([], []),
        (["2025-05-01"], [("2025-05-01", "2025-05-01")]),
        (["2025-03-01", "2025-01-01", "2025-02-01"], [("2025-01-01", "2025-03-01")]),
        (["2025-01-01", "2025-03-01"], [("2025-01-01", "2025-01-01"), ("2025-03-01", "2025-03-01")]),
        (ORDER, [(ORDER[0], ORDER[-1])]),
        (["2025-11-01", "2025-12-01"], [("2025-11-01", "2025-12-01")]),
        (["1999-01-01", "2025-02-01"], [("2025-02-01", "2025-02-01")]),
    ],
)
def test_keys_become_ranges_without_gaps(keys: list[str], ranges: list[tuple[str, str]]) -> None:
    assert contiguous(keys, ORDER) == ranges


@given(st.sets(st.sampled_from(ORDER)))
def test_ranges_hold_exactly_the_keys_and_are_as_few_as_can_be(keys: set[str]) -> None:
    ranges = contiguous(keys, ORDER)
    covered = [key for first, last in ranges for key in ORDER if first <= key <= last]
    assert covered == sorted(keys)
    neighbours = [ORDER.index(later) - ORDER.index(last) for (_, last), (later, _) in pairwise(ranges)]
    assert all(distance > 1 for distance in neighbours)
