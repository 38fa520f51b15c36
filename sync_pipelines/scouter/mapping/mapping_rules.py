"""What a mapping must be before a push uses it, beside being readable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.contract_columns import KEY, OWNED, REQUIRED, STAMPS
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping, without_prefix


def validate_mapping(
    mapping: FieldMapping, source_columns: Collection[str], destination_columns: Collection[str]
) -> FieldMapping:
    """The mapping in the names of the live columns; PermanentError lists every problem in one sentence."""
    mapping = without_prefixes(mapping, source_columns)
    problems = [
        *_missing("TabuladorMax", sorted(mapping.sources - set(source_columns))),
        *_missing("Gestão Scouter", sorted(set(mapping.destinations) - set(destination_columns))),
        *broken_rules(mapping),
    ]
    if problems:
        raise PermanentError(f"The field mapping cannot be used: {'; '.join(problems)}.")
    return mapping


def without_prefixes(mapping: FieldMapping, source_columns: Collection[str]) -> FieldMapping:
    """The mapping without the `tab_` of sources that exist only without it."""
    return FieldMapping(
        tuple(
            replace(field, sources=tuple(without_prefix(name, source_columns) for name in field.sources))
            for field in mapping.fields
        )
    )


def broken_rules(mapping: FieldMapping) -> list[str]:
    """What no mapping may do, whatever columns the two sides have."""
    problems = []
    if owned := sorted(OWNED & set(mapping.destinations)):
        problems.append(f"{', '.join(owned)} of Gestão Scouter belong to its own users and are never sent")
    if stamped := sorted(set(STAMPS) & set(mapping.destinations)):
        problems.append(f"{', '.join(stamped)} of Gestão Scouter are written by the push itself")
    if missing := [name for name in REQUIRED if name not in mapping.sources]:
        problems.append(f"{', '.join(missing)} of TabuladorMax must be mapped")
    for name in (KEY, "updated_at"):
        field = mapping.field_for(name)
        if name in mapping.sources and field != Field(name, (name,)):
            problems.append(f"{name} must go to {name} as it is")
    return problems


def _missing(side: str, names: Sequence[str]) -> list[str]:
    return [f"{side} has no column {', '.join(names)}"] if names else []
