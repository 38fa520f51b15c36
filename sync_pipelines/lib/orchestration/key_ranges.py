"""Partition keys as ranges: what Dagster runs at once has a first key, a last one, and all between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def contiguous(keys: Iterable[str], order: Sequence[str]) -> list[tuple[str, str]]:
    """Cut `keys` into runs of neighbours in `order`, as (first, last), since a range run has no gaps.

    Keys that `order` does not know are left out: the caller decides what they mean.
    """
    wanted = set(keys)
    ranges: list[tuple[str, str]] = []
    previous_taken = False
    for key in order:
        if key in wanted:
            ranges = [*ranges[:-1], (ranges[-1][0], key)] if previous_taken else [*ranges, (key, key)]
        previous_taken = key in wanted
    return ranges
