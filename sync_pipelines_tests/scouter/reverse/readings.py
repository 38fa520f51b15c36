"""Readings and bases of one lead, short enough for a table; `merged` merges them and `said` is the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_pipelines.scouter.mapping.field_hashes import REFUSED, WIDTH
from sync_pipelines.scouter.reverse.base import Base, Before, Reading
from sync_pipelines.scouter.reverse.three_way import Merge, merge

A, B, C = (letter * WIDTH for letter in "abc")
ODD = REFUSED + "d" * (WIDTH - 1)
ROW, CHANGE = -7, 7
#: Seconds: our last two writes, an edit here, an edit there, and now.
FIRST, SECOND, HERE, THERE, NOW = 10.0, 20.0, 30.0, 40.0, 50.0


def row(version: float | None = THERE, stamp: float | None = SECOND, **hashes: str) -> Reading:
    return Reading(ROW, hashes, version, stamp=stamp, arrived=NOW)


def change(number: int = CHANGE, version: float | None = THERE, **given: Any) -> Reading:
    """An announced change; `given` are the hashes, `stamp`, `arrived`, `replayed` and `is_repeated`."""
    named = {"stamp": SECOND, "arrived": THERE}
    named |= {
        name: given.pop(name) for name in ("stamp", "arrived", "replayed", "is_repeated") if name in given
    }
    return Reading(number, given, version, **named)


def merged(
    here: Mapping[str, str],
    there: Reading | None,
    *changes: Reading,
    base: Base,
    version: float | None = HERE,
) -> Merge:
    return merge(here, version, there, changes=changes, base=base, reversible={"nome", "etapa"}, now=NOW)


def seen(stamp: float = SECOND, previous: Mapping[str, str | None] | None = None, **fields: str) -> Base:
    """How the row was last seen; `previous` are fields that were otherwise while our write before stood there."""
    return Base(fields, stamp=stamp, history=[Before(FIRST, {} if previous is None else previous)])


def said(found: Merge) -> tuple[dict[str, int], list[tuple[str, str, str]], dict[int, list[str]]]:
    return (
        {one.field: one.reading for one in found.takes},
        [(one.field, one.kept, one.reason) for one in found.conflicts],
        {reading: list(names) for reading, names in found.refused.items()},
    )
