"""Whether what is sent of a field fits the column that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.rendering import result_type
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema.columns import DESTINATION, DestinationColumn, SourceColumn
from sync_pipelines.scouter.schema.type_rules import REJECTED, ROUNDED, RULES
from sync_pipelines.scouter.schema.verdicts import Level, Verdict

#: Texts of numbers with fewer digits than the largest of their type. A longer one is suspect, and may still pass.
_SHORT_NUMBERS = {
    **{
        kind: rf"^[+-]?\d{{1,{digits}}}$"
        for kind, digits in (("smallint", 4), ("integer", 9), ("bigint", 18))
    },
    "real": r"^[+-]?(\d{1,28}(\.\d{0,28})?|\.\d{1,28})([eE][+-]?\d)?$",
}


class Fit(NamedTuple):
    """How a field fits its column, by which rule, in a sentence, and the rules that find the rows that do not."""

    level: Level
    rule: str
    sentence: str
    suspects: tuple[SuspectRule, ...] = ()


def judge(
    field: Field, source: Mapping[str, SourceColumn], destination: DestinationColumn
) -> tuple[Verdict, list[SuspectRule]]:
    """The verdict on a field whose columns all exist, and the rules that find the rows that will be rejected."""
    problem = _transform_problem(field, source)
    if problem:
        return Verdict(field=field.destination, level="error", rule="transform", sentence=problem), []
    kind = result_type(field, {name: column.type for name, column in source.items()})
    fit = _fit(field, kind, source, destination=destination)
    level, suspects = fit.level, [*fit.suspects]
    column = destination.type or "a column of unknown type"
    column += f"({destination.max_length})" if destination.max_length else ""
    sentence = f"{' or '.join(field.sources)} ({kind}) → {field.destination} ({column}): {fit.sentence}."
    if destination.required and any(source[name].nullable for name in field.sources):
        suspects.append(SuspectRule(field, "missing"))
        sentence += f" {DESTINATION} rejects a row where it is empty (23502)."
        level = "lossy" if level in ("ok", "warning") else level
    return Verdict(field=field.destination, level=level, rule=fit.rule, sentence=sentence), suspects


def _transform_problem(field: Field, source: Mapping[str, SourceColumn]) -> str:
    transform = transforms.find(field.transform or transforms.NONE)
    wrong = [name for name in field.sources if not transform.accepts(types.base_type(source[name].type))]
    if not wrong:
        return ""
    shown = ", ".join(f"{name} ({source[name].type})" for name in wrong)
    return f"{field.destination}: the transform {transform.name} does not take {shown}."


def _fit(field: Field, kind: str, source: Mapping[str, SourceColumn], destination: DestinationColumn) -> Fit:
    base, target = types.base_type(kind), destination.type
    transform = transforms.find(field.transform) if field.transform else None
    if not target:
        return Fit("warning", "unknown", "its type is not known, so nothing is known of what it takes")
    if transform and target in transform.coerced_to:
        pattern = _SHORT_NUMBERS.get(target) or str(transform.looks_like)
        suspect = SuspectRule(field, "not_looking_like", (pattern,))
        return Fit(
            level="lossy",
            rule="coerced",
            sentence="a text that does not look so is rejected",
            suspects=(suspect,),
        )
    if destination.enum:
        return _into_enum(field, base, source, destination=destination)
    if target in types.TEXTS:
        return _into_text(field, kind, source, destination=destination)
    if kind == target == "numeric":
        return Fit("warning", "precision", f"its precision is unknown: {ROUNDED}, and {REJECTED}")
    if base == target:
        return Fit("ok", "same_type", "the same type")
    if base == "numeric" and target in types.WHOLE_NUMBERS and max((0, *types.modifiers(kind)[1:])) > 0:
        return Fit(
            "error", "fraction", "every value has decimals, which a whole number does not take (22P02)"
        )
    for rule in RULES:
        if base in rule.sources and target in rule.destinations:
            suspects = (rule.suspect(field, target),) if rule.suspect else ()
            return Fit(level=rule.level, rule=rule.name, sentence=rule.sentence, suspects=suspects)
    return Fit("error", "incompatible", _incompatible(base, target))


def _into_enum(
    field: Field, base: str, source: Mapping[str, SourceColumn], destination: DestinationColumn
) -> Fit:
    labels = source[field.sources[0]].enum if not field.transform else ()
    if labels and set(labels) <= set(destination.enum):
        return Fit("ok", "labels", "every label is one of the destination's")
    if base not in types.TEXTS and not labels:
        return Fit("error", "incompatible", f"{base} is none of the destination's labels (22P02)")
    return Fit(
        level="lossy",
        rule="labels",
        sentence="what is not one of the destination's labels is rejected (22P02)",
        suspects=(SuspectRule(field, "not_one_of", destination.enum),),
    )


def _into_text(
    field: Field, kind: str, source: Mapping[str, SourceColumn], destination: DestinationColumn
) -> Fit:
    base, limit = types.base_type(kind), destination.max_length
    is_text = base in types.TEXTS or bool(source[field.sources[0]].enum)
    length = types.modifiers(kind) if base in types.TEXTS else ()
    if limit is not None and not (length and length[0] <= limit):
        return Fit(
            level="lossy",
            rule="length",
            sentence=f"what is longer than {limit} characters is rejected (22001)",
            suspects=(SuspectRule(field, "longer_than", (limit,)),),
        )
    if is_text:
        return Fit("ok", "same_type", "a text")
    words = "true or false" if base == "boolean" else "its text"
    return Fit("warning", "to_text", f"it lands as {words}")


def _incompatible(base: str, target: str) -> str:
    known = [
        one.name
        for one in transforms.TRANSFORMS.values()
        if one.accepts(base) and (target in one.coerced_to or one.result == target)
    ]
    advice = f"; declare the transform {' or '.join(known)}" if known else ""
    return f"{base} is not read as {target} (22P02 or 22007){advice}"
