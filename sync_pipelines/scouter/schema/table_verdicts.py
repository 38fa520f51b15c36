"""What is wrong with the two tables as a whole: missing columns, unmapped required ones, the key, the stamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_pipelines.scouter.mapping.column_types import TEXTS
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import broken_rules
from sync_pipelines.scouter.schema.columns import (
    DESTINATION,
    SOURCE,
    STAMP_TYPES,
    DestinationColumn,
    SourceColumn,
)
from sync_pipelines.scouter.schema.verdicts import Verdict

#: The longest text of each stamp, in characters; a timestamp is in UTC with microseconds.
_STAMP_LENGTHS = {name: len(value) for name, value in STAMPS.items()} | {"last_sync_at": 32}


def destinations_of(mapping: FieldMapping) -> dict[str, str]:
    """Every column that a push writes, mapped or stamped, with the words for its origin in a sentence."""
    from_source = {field.destination: " and ".join(field.sources) for field in mapping.fields}
    return from_source | dict.fromkeys(STAMPS, "the push itself")


def missing_verdicts(
    mapping: FieldMapping,
    source: Mapping[str, SourceColumn],
    destination: Iterable[str],
) -> list[Verdict]:
    """One verdict for each column that one side lacks, and for each rule of mappings that is broken."""
    there = set(destination)
    verdicts = [
        Verdict(field="*", level="error", rule="mapping", sentence=f"{problem}.")
        for problem in broken_rules(mapping)
    ]
    for field in mapping.fields:
        for name in field.sources:
            if name not in source:
                sentence = f"{SOURCE} has no column {name}, which {field.destination} is made of."
                verdicts.append(
                    Verdict(field=field.destination, level="error", rule="source_missing", sentence=sentence)
                )
    for name, origin in destinations_of(mapping).items():
        if name not in there:
            sentence = f"{DESTINATION} has no column {name}, which would take {origin}."
            verdicts.append(Verdict(field=name, level="error", rule="destination_missing", sentence=sentence))
    return verdicts


def table_verdicts(
    mapping: FieldMapping, destination: Mapping[str, DestinationColumn], *, conflict_works: bool
) -> list[Verdict]:
    """What makes the destination reject every row: required columns that are not sent, a key that is not `id`.

    `conflict_works` is true if the server accepted `on_conflict=id`, by a unique key that the document does not show.
    """
    sent = set(destinations_of(mapping))
    verdicts = [
        Verdict(
            field=name,
            level="error",
            rule="required_unmapped",
            sentence=f"{name} of {DESTINATION} must be filled, has no default and is not mapped: every row"
            " would be rejected (23502), those that are there already as well.",
        )
        for name, column in destination.items()
        if column.required and not column.has_default and not column.is_key and name not in sent
    ]
    keys = [name for name, column in destination.items() if column.is_key]
    if keys != [KEY] and not conflict_works:
        shown = f"is {', '.join(keys)}" if keys else "is not there"
        sentence = f"The primary key of {DESTINATION} {shown}: nothing can be in conflict on {KEY} (42P10)."
        verdicts.append(Verdict(field="*", level="error", rule="key", sentence=sentence))
    verdicts += [
        Verdict(field=name, level="error", rule="stamp_type", sentence=f"{name} of {DESTINATION} {problem}.")
        for name in STAMPS
        if name in destination and (problem := _stamp_problem(destination[name]))
    ]
    return verdicts


def _stamp_problem(column: DestinationColumn) -> str:
    kind, length = STAMP_TYPES[column.name], _STAMP_LENGTHS[column.name]
    if column.type not in ("", kind, *TEXTS):
        return f"is {column.type}, where the push writes {kind}"
    if column.max_length is not None and column.max_length < length:
        return f"takes {column.max_length} characters, where the push writes {length}"
    return ""


def only_in_destination(mapping: FieldMapping, destination: Iterable[str]) -> list[str]:
    """Columns of the destination that no push writes."""
    return sorted(set(destination) - set(destinations_of(mapping)))


def only_in_source(mapping: FieldMapping, source: Iterable[str]) -> list[str]:
    """Columns of the source that no field uses."""
    return sorted(set(source) - mapping.sources - set(STAMPS))
