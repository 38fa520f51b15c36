"""Which types fit into which column types: the table of the contract, section 6, as data.

PostgREST passes the text of a JSON value to the column's type: 12.00 is no integer, true becomes a text, and digits
that do not fit are rounded without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema.verdicts import Level


class TypeRule(NamedTuple):
    """What happens to values of these types in columns of those; `suspect` makes the rule that finds bad rows."""

    sources: frozenset[str]
    destinations: frozenset[str]
    level: Level
    name: str
    sentence: str
    suspect: Callable[[Field, str], SuspectRule] | None = None


def _types(*names: str) -> frozenset[str]:
    return frozenset(names)


def _out_of_range(field: Field, kind: str) -> SuspectRule:
    return SuspectRule(field, "out_of_range", types.RANGES[kind])


def _not_whole(field: Field, kind: str) -> SuspectRule:
    return SuspectRule(field, "not_whole", types.RANGES[kind])


def _no_single_float(field: Field, _kind: str) -> SuspectRule:
    return SuspectRule(field, "no_single_float")


def _neither_0_nor_1(field: Field, _kind: str) -> SuspectRule:
    return SuspectRule(field, "out_of_range", (0, 1))


_INTEGER, _SMALL = _types("integer"), _types("smallint")
_BIG, _DOUBLE, _REAL = _types("bigint"), _types("double precision"), _types("real")
_NUMERIC, _BOOLEAN, _DATE = _types("numeric"), _types("boolean"), _types("date")
_ZONED, _NAIVE = _types(types.TIMESTAMPTZ), _types(types.TIMESTAMP)
_WIDER = "the wider type takes every value"
REJECTED = "the value is rejected where it is outside of the range (22003)"
ROUNDED = "digits that do not fit are rounded without a word"
_FRACTION = "a value with a fraction, even .00, is rejected (22P02)"
#: The first rule that fits is used; a pair that no rule fits is incompatible.
RULES = (
    TypeRule(
        sources=_SMALL | _INTEGER,
        destinations=types.WHOLE_NUMBERS - _SMALL,
        level="ok",
        name="widening",
        sentence=_WIDER,
    ),
    TypeRule(
        sources=types.WHOLE_NUMBERS, destinations=_NUMERIC, level="ok", name="widening", sentence=_WIDER
    ),
    TypeRule(sources=_SMALL | _INTEGER, destinations=_DOUBLE, level="ok", name="widening", sentence=_WIDER),
    TypeRule(sources=_SMALL, destinations=_REAL, level="ok", name="widening", sentence=_WIDER),
    TypeRule(sources=_REAL, destinations=_DOUBLE, level="ok", name="widening", sentence=_WIDER),
    TypeRule(
        sources=types.WHOLE_NUMBERS,
        destinations=types.WHOLE_NUMBERS,
        level="lossy",
        name="narrowing",
        sentence=REJECTED,
        suspect=_out_of_range,
    ),
    TypeRule(
        sources=_NUMERIC | types.FLOATS,
        destinations=types.WHOLE_NUMBERS,
        level="lossy",
        name="fraction",
        sentence=_FRACTION,
        suspect=_not_whole,
    ),
    TypeRule(
        sources=_DOUBLE | _NUMERIC,
        destinations=_REAL,
        level="lossy",
        name="narrowing",
        sentence=f"{ROUNDED}, and {REJECTED}",
        suspect=_no_single_float,
    ),
    TypeRule(
        sources=types.NUMBERS,
        destinations=types.FLOATS | _NUMERIC,
        level="warning",
        name="rounding",
        sentence=ROUNDED,
    ),
    TypeRule(
        sources=types.WHOLE_NUMBERS,
        destinations=_BOOLEAN,
        level="lossy",
        name="zero_or_one",
        sentence="only 0 and 1 are taken (22P02)",
        suspect=_neither_0_nor_1,
    ),
    TypeRule(
        sources=_DATE,
        destinations=_ZONED,
        level="warning",
        name="zone",
        sentence="a day becomes its midnight in the destination's zone",
    ),
    TypeRule(
        sources=_DATE,
        destinations=_NAIVE,
        level="warning",
        name="zone",
        sentence="a day becomes its midnight",
    ),
    TypeRule(
        sources=_ZONED,
        destinations=_DATE,
        level="warning",
        name="truncation",
        sentence="the day is that of UTC; the transform date takes the one of Brazil",
    ),
    TypeRule(
        sources=_ZONED,
        destinations=_NAIVE,
        level="warning",
        name="zone",
        sentence="the zone is dropped, UTC is what stays",
    ),
    TypeRule(
        sources=_NAIVE,
        destinations=_ZONED,
        level="warning",
        name="zone",
        sentence="a moment without zone is taken for UTC",
    ),
    TypeRule(
        sources=_NAIVE,
        destinations=_DATE,
        level="warning",
        name="truncation",
        sentence="the time of the day is dropped",
    ),
    TypeRule(
        sources=types.JSONS, destinations=types.JSONS, level="ok", name="json", sentence="both are JSON"
    ),
    TypeRule(
        sources=types.NUMBERS | _BOOLEAN,
        destinations=types.JSONS,
        level="warning",
        name="json",
        sentence="it becomes a bare JSON value",
    ),
)
