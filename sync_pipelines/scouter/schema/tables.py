"""The two tables of leads as each side describes itself, and what stands between them as a whole.

The source speaks through its catalogue, the destination through PostgREST's OpenAPI document, which knows no
precision, no unique key but the primary one, and is as stale as the cache that writes go by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.scouter.mapping.column_types import TEXTS, base_type
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import broken_rules

TABLE = "public.leads"
SOURCE, DESTINATION = "TabuladorMax", "Gestão Scouter"
#: `lossy` goes as long as the data are right: rows that will be refused are told beforehand.
Level = Literal["ok", "warning", "lossy", "error"]
#: Of OpenAPI's types, where a server names no format.
_TYPES = {"string": "text", "integer": "integer", "number": "numeric", "boolean": "boolean"}
STAMP_TYPES = {"sync_source": "text", "sync_status": "text", "last_sync_at": "timestamp with time zone"}
#: Characters of a stamp; a moment is in UTC with microseconds.
_STAMP_LENGTHS = {name: len(value) for name, value in STAMPS.items()} | {"last_sync_at": 32}
_CATALOGUE = """
select attname, format_type(coalesce(nullif(kind.typbasetype, 0), kind.oid),
        case when kind.typbasetype = 0 then atttypmod else kind.typtypmod end),
    not attnotnull, atthasdef or attidentity <> '',
    array(select enumlabel::text from pg_enum where enumtypid = kind.oid order by enumsortorder)
from pg_attribute
join pg_type as kind on kind.oid = atttypid
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
order by attnum
"""


@dataclass(frozen=True)
class SourceColumn:
    """A column of TabuladorMax; `type` is with its precision, `enum` the labels where it is one."""

    name: str
    type: str
    nullable: bool = True
    has_default: bool = False
    enum: tuple[str, ...] = ()


@dataclass(frozen=True)
class DestinationColumn:
    """A column of Gestão Scouter; `type` is without precision, empty where nobody says it."""

    name: str
    type: str
    required: bool = False
    max_length: int | None = None
    enum: tuple[str, ...] = ()
    has_default: bool = False
    is_key: bool = False


@dataclass(frozen=True)
class Verdict:
    """What was found of one field (or of the table, `*`), by which rule, in a sentence."""

    field: str
    level: Level
    rule: str
    sentence: str

    def document(self) -> dict[str, str]:
        return asdict(self)


def read_source(connection: Connection, table: str = TABLE) -> dict[str, SourceColumn]:
    """The live columns of the source, domains as what they stand for; PermanentError where there is no such table."""
    rows = connection.execute(_CATALOGUE, (table,)).fetchall()
    if not rows:
        raise PermanentError(
            f"{SOURCE} has no table {table}: TABULADORMAX_DATABASE_URL names another project."
        )
    return {
        row[0]: SourceColumn(
            name=row[0], type=row[1], nullable=row[2], has_default=row[3], enum=tuple(row[4])
        )
        for row in rows
    }


def parse_openapi(document: object, table: str = "leads") -> dict[str, DestinationColumn] | None:
    """The columns of a table in an OpenAPI document; None where the document does not have the table.

    PermanentError where it is no such document at all: that is never an empty schema.
    """
    definitions = document.get("definitions") if isinstance(document, dict) else None
    if not isinstance(definitions, dict):
        raise PermanentError(f"{DESTINATION}: what its root answers is no OpenAPI document.")
    described = definitions.get(table)
    if not isinstance(described, dict):
        return None
    required = set(described.get("required") or ())
    properties = described.get("properties") or {}
    return {name: _column(name, found, name in required) for name, found in properties.items()}


def _column(name: str, found: Mapping[str, Any], required: bool) -> DestinationColumn:
    # Newer servers write int32 for smallint as well: that one cannot be told from an integer.
    kind = base_type(str(found.get("format") or _TYPES.get(str(found.get("type")), "")))
    length = found.get("maxLength")
    return DestinationColumn(
        name=name,
        type=kind,
        required=required,
        max_length=int(length) if isinstance(length, int | str) and str(length).isdigit() else None,
        enum=tuple(map(str, found.get("enum") or ())),
        has_default="default" in found,
        is_key="<pk/>" in str(found.get("description") or ""),
    )


def destinations_of(mapping: FieldMapping) -> dict[str, str]:
    """Every column that a push writes, mapped or stamped, with the sentence's word for where it comes from."""
    from_source = {field.destination: " and ".join(field.sources) for field in mapping.fields}
    return from_source | dict.fromkeys(STAMPS, "the push itself")


def missing_verdicts(
    mapping: FieldMapping,
    source: Mapping[str, SourceColumn],
    destination: Iterable[str],
) -> list[Verdict]:
    """Every column that one side lacks, all of them at once, and what no mapping may do."""
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
    """What refuses every row: columns that must be filled and are not sent, a key that is not `id`.

    `conflict_works` is true where the server took `on_conflict=id`: a unique key the document does not show.
    """
    sent = set(destinations_of(mapping))
    verdicts = [
        Verdict(
            field=name,
            level="error",
            rule="required_unmapped",
            sentence=f"{name} of {DESTINATION} must be filled, has no default and is not mapped: every row"
            " would be refused (23502), those that are there already as well.",
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
        Verdict(field=name, level="error", rule="stamp_type", sentence=f"{name} of {DESTINATION} {told}.")
        for name in STAMPS
        if name in destination and (told := _unfit_for_stamp(destination[name]))
    ]
    return verdicts


def _unfit_for_stamp(column: DestinationColumn) -> str:
    kind, length = STAMP_TYPES[column.name], _STAMP_LENGTHS[column.name]
    if column.type not in ("", kind, *TEXTS):
        return f"is {column.type}, where the push writes {kind}"
    if column.max_length is not None and column.max_length < length:
        return f"takes {column.max_length} characters, where the push writes {length}"
    return ""


def only_there(mapping: FieldMapping, destination: Iterable[str]) -> list[str]:
    """Columns of the destination that no push writes."""
    return sorted(set(destination) - set(destinations_of(mapping)))


def only_here(mapping: FieldMapping, source: Iterable[str]) -> list[str]:
    """Columns of the source that no field is made of."""
    return sorted(set(source) - mapping.sources - set(STAMPS))


def errors(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.level == "error"]
