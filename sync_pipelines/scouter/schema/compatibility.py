"""Whether what is sent of a field fits the column that takes it: the table of the contract, section 6, as data.

PostgREST reads a JSON value by the text of it, as the column's type does: 12.00 is no integer, true is a text, and a
fraction too many is rounded without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from typing import NamedTuple

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.rendering import result_type
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema.tables import DESTINATION, DestinationColumn, Level, SourceColumn, Verdict

#: Texts of numbers with fewer digits than the largest of their type: the few others go alone, and may pass.
_SHORT_NUMBERS = {
    **{
        kind: rf"^[+-]?\d{{1,{digits}}}$"
        for kind, digits in (("smallint", 4), ("integer", 9), ("bigint", 18))
    },
    "real": r"^[+-]?(\d{1,28}(\.\d{0,28})?|\.\d{1,28})([eE][+-]?\d)?$",
}


class Rule(NamedTuple):
    """What happens to these types in those columns; `suspect` makes the test of a row, where one can be told."""

    sources: frozenset[str]
    destinations: frozenset[str]
    level: Level
    name: str
    sentence: str
    suspect: Callable[[Field, str], SuspectRule] | None = None


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


def _out_of_range(field: Field, kind: str) -> SuspectRule:
    return SuspectRule(field, "out_of_range", types.RANGES[kind])


def _not_whole(field: Field, kind: str) -> SuspectRule:
    return SuspectRule(field, "not_whole", types.RANGES[kind])


def _no_single_float(field: Field, _kind: str) -> SuspectRule:
    return SuspectRule(field, "no_single_float")


def _neither_0_nor_1(field: Field, _kind: str) -> SuspectRule:
    return SuspectRule(field, "out_of_range", (0, 1))


_INTEGER, _SMALL = _set("integer"), _set("smallint")
_BIG, _DOUBLE, _REAL = _set("bigint"), _set("double precision"), _set("real")
_NUMERIC, _BOOLEAN, _DATE = _set("numeric"), _set("boolean"), _set("date")
_ZONED, _NAIVE = _set(types.TIMESTAMPTZ), _set(types.TIMESTAMP)
_WIDER = "the wider type takes every value"
_REFUSED = "the value is refused where it is outside of the range (22003)"
_ROUNDED = "digits that do not fit are rounded without a word"
_FRACTION = "a value with a fraction, even .00, is refused (22P02)"
#: The first that fits counts; what none fits is incompatible.
RULES = (
    Rule(
        sources=_SMALL | _INTEGER,
        destinations=types.WHOLE_NUMBERS - _SMALL,
        level="ok",
        name="widening",
        sentence=_WIDER,
    ),
    Rule(sources=types.WHOLE_NUMBERS, destinations=_NUMERIC, level="ok", name="widening", sentence=_WIDER),
    Rule(sources=_SMALL | _INTEGER, destinations=_DOUBLE, level="ok", name="widening", sentence=_WIDER),
    Rule(sources=_SMALL, destinations=_REAL, level="ok", name="widening", sentence=_WIDER),
    Rule(sources=_REAL, destinations=_DOUBLE, level="ok", name="widening", sentence=_WIDER),
    Rule(
        sources=types.WHOLE_NUMBERS,
        destinations=types.WHOLE_NUMBERS,
        level="lossy",
        name="narrowing",
        sentence=_REFUSED,
        suspect=_out_of_range,
    ),
    Rule(
        sources=_NUMERIC | types.FLOATS,
        destinations=types.WHOLE_NUMBERS,
        level="lossy",
        name="fraction",
        sentence=_FRACTION,
        suspect=_not_whole,
    ),
    Rule(
        sources=_DOUBLE | _NUMERIC,
        destinations=_REAL,
        level="lossy",
        name="narrowing",
        sentence=f"{_ROUNDED}, and {_REFUSED}",
        suspect=_no_single_float,
    ),
    Rule(
        sources=types.NUMBERS,
        destinations=types.FLOATS | _NUMERIC,
        level="warning",
        name="rounding",
        sentence=_ROUNDED,
    ),
    Rule(
        sources=types.WHOLE_NUMBERS,
        destinations=_BOOLEAN,
        level="lossy",
        name="zero_or_one",
        sentence="only 0 and 1 are taken (22P02)",
        suspect=_neither_0_nor_1,
    ),
    Rule(
        sources=_DATE,
        destinations=_ZONED,
        level="warning",
        name="zone",
        sentence="a day becomes its midnight in the destination's zone",
    ),
    Rule(
        sources=_DATE,
        destinations=_NAIVE,
        level="warning",
        name="zone",
        sentence="a day becomes its midnight",
    ),
    Rule(
        sources=_ZONED,
        destinations=_DATE,
        level="warning",
        name="truncation",
        sentence="the day is that of UTC; the transform date takes the one of Brazil",
    ),
    Rule(
        sources=_ZONED,
        destinations=_NAIVE,
        level="warning",
        name="zone",
        sentence="the zone is dropped, UTC is what stays",
    ),
    Rule(
        sources=_NAIVE,
        destinations=_ZONED,
        level="warning",
        name="zone",
        sentence="a moment without zone is taken for UTC",
    ),
    Rule(
        sources=_NAIVE,
        destinations=_DATE,
        level="warning",
        name="truncation",
        sentence="the time of the day is dropped",
    ),
    Rule(sources=types.JSONS, destinations=types.JSONS, level="ok", name="json", sentence="both are JSON"),
    Rule(
        sources=types.NUMBERS | _BOOLEAN,
        destinations=types.JSONS,
        level="warning",
        name="json",
        sentence="it becomes a bare JSON value",
    ),
)


def verdict(
    field: Field, source: MappingOf[str, SourceColumn], destination: DestinationColumn
) -> tuple[Verdict, list[SuspectRule]]:
    """How a field of columns that are all there fits, and the tests that tell rows which will be refused."""
    wrong = _wrong_for_transform(field, source)
    if wrong:
        return Verdict(field=field.destination, level="error", rule="transform", sentence=wrong), []
    kind = result_type(field, {name: column.type for name, column in source.items()})
    level, rule, sentence, suspects = _judge(field, kind, source, destination=destination)
    shown = destination.type or "a column of unknown type"
    shown += f"({destination.max_length})" if destination.max_length else ""
    told = f"{' or '.join(field.sources)} ({kind}) → {field.destination} ({shown}): {sentence}."
    if destination.required and any(source[name].nullable for name in field.sources):
        suspects.append(SuspectRule(field, "missing"))
        told += f" {DESTINATION} refuses a row where it is empty (23502)."
        level = "lossy" if level in ("ok", "warning") else level
    return Verdict(field=field.destination, level=level, rule=rule, sentence=told), suspects


def _wrong_for_transform(field: Field, source: MappingOf[str, SourceColumn]) -> str:
    transform = transforms.find(field.transform or transforms.NONE)
    wrong = [name for name in field.sources if not transform.accepts(types.base_type(source[name].type))]
    if not wrong:
        return ""
    shown = ", ".join(f"{name} ({source[name].type})" for name in wrong)
    return f"{field.destination}: the transform {transform.name} does not take {shown}."


def _judge(
    field: Field, kind: str, source: MappingOf[str, SourceColumn], destination: DestinationColumn
) -> tuple[Level, str, str, list[SuspectRule]]:
    base, target = types.base_type(kind), destination.type
    transform = transforms.find(field.transform) if field.transform else None
    if not target:
        return "warning", "unknown", "its type is not known, so nothing is known of what it takes", []
    if transform and target in transform.coerced_to:
        pattern = _SHORT_NUMBERS.get(target) or str(transform.looks_like)
        return (
            "lossy",
            "coerced",
            "a text that does not look so is refused",
            [SuspectRule(field, "not_looking_like", (pattern,))],
        )
    if destination.enum:
        return _into_enum(field, base, source, destination=destination)
    if target in types.TEXTS:
        return _into_text(field, kind, source, destination=destination)
    if kind == target == "numeric":
        return "warning", "precision", f"a precision there is not told to us: {_ROUNDED}, and {_REFUSED}", []
    if base == target:
        return "ok", "same_type", "the same type", []
    if base == "numeric" and target in types.WHOLE_NUMBERS and max((0, *types.modifiers(kind)[1:])) > 0:
        return "error", "fraction", "every value has decimals, which a whole number does not take (22P02)", []
    for rule in RULES:
        if base in rule.sources and target in rule.destinations:
            return rule.level, rule.name, rule.sentence, [rule.suspect(field, target)] if rule.suspect else []
    return "error", "incompatible", _incompatible(base, target), []


def _into_enum(
    field: Field, base: str, source: MappingOf[str, SourceColumn], destination: DestinationColumn
) -> tuple[Level, str, str, list[SuspectRule]]:
    labels = source[field.sources[0]].enum if not field.transform else ()
    if labels and set(labels) <= set(destination.enum):
        return "ok", "labels", "every label is one of the destination's", []
    if base not in types.TEXTS and not labels:
        return "error", "incompatible", f"{base} is none of the destination's labels (22P02)", []
    suspect = SuspectRule(field, "not_one_of", destination.enum)
    return "lossy", "labels", "what is not one of the destination's labels is refused (22P02)", [suspect]


def _into_text(
    field: Field, kind: str, source: MappingOf[str, SourceColumn], destination: DestinationColumn
) -> tuple[Level, str, str, list[SuspectRule]]:
    base, limit = types.base_type(kind), destination.max_length
    is_text = base in types.TEXTS or bool(source[field.sources[0]].enum)
    length = types.modifiers(kind) if base in types.TEXTS else ()
    if limit is not None and not (length and length[0] <= limit):
        suspect = SuspectRule(field, "longer_than", (limit,))
        return "lossy", "length", f"what is longer than {limit} characters is refused (22001)", [suspect]
    if is_text:
        return "ok", "same_type", "a text", []
    words = "true or false" if base == "boolean" else "its text"
    return "warning", "to_text", f"it lands as {words}", []


def _incompatible(base: str, target: str) -> str:
    known = [
        one.name
        for one in transforms.TRANSFORMS.values()
        if one.accepts(base) and (target in one.coerced_to or one.result == target)
    ]
    advice = f"; declare the transform {' or '.join(known)}" if known else ""
    return f"{base} is not read as {target} (22P02 or 22007){advice}"
