"""The field mapping read backwards: which column of TabuladorMax a value of Gestão Scouter goes into, and as what.

Only a field that is one source column as it is, or in a form that tells which value it was, can be read backwards:
`telefone` is the first of three columns, and nobody knows which of them an edit of it means. Nothing here raises on
a value: each has a guard, and a row whose guard does not hold is rejected with its field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.guarded_cast import guarded_cast, payload_type
from sync_pipelines.scouter.mapping.transforms import Expression

#: What the table of the leads is called in the statements, as `rendering.hash_sql` expects it.
LEAD = "lead"
RECORD = "stored"
VERSION = "updated_at"
MARK = "sync_source"
#: Written by the drain itself where the table has them.
STAMPS: Mapping[str, LiteralString] = {
    VERSION: "now()",
    "last_sync_at": "now()",
    MARK: "'gestao_scouter'",
    "sync_status": "'synced'",
}
_KNOWN_TYPES = types.TEXTS | types.NUMBERS | types.MOMENTS | types.JSONS | {"boolean", "date", "uuid"}
_YES_NO: tuple[LiteralString, LiteralString] = (
    "coalesce({0} in ('Sim', 'Não'), true)",
    "case {0} when 'Sim' then true when 'Não' then false end",
)


class BackField(NamedTuple):
    """A value that is taken back: from which key of the payload, into which column, of which type."""

    destination: str
    source: str
    kind: str
    declared: Expression
    guard: Expression | None
    value: Expression


@dataclass(frozen=True)
class BackMapping:
    """What is taken back, and the destination's columns that cannot be."""

    fields: tuple[BackField, ...]
    one_way: tuple[str, ...]

    @property
    def record(self) -> sql.Composed:
        """The payload's lead as a row: `jsonb_to_record(…) as stored (…)` needs these columns."""
        columns = {field.destination: field.declared for field in self.fields}
        columns |= {name: sql.SQL("text") for name in (VERSION, MARK)}
        return sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), kind) for name, kind in columns.items()
        )


def backwards(mapping: FieldMapping, source_types: Mapping[str, str]) -> BackMapping:
    """The part of a mapping that can be read backwards; `source_types` with precision."""
    fields: dict[str, BackField] = {}
    one_way = []
    for field in mapping.fields:
        source = field.sources[0]
        if source in (KEY, VERSION) or source in STAMPS:
            continue
        back = _back(field, source_types.get(source))
        if back is None or source in fields:
            one_way.append(field.destination)
        else:
            fields[source] = back
    return BackMapping(tuple(fields.values()), tuple(one_way))


def moment_sql(text: Expression) -> Expression:
    """A text as a moment, one without zone in UTC; NULL where it is none."""
    guard, value = guarded_cast(text, types.TIMESTAMPTZ)
    assert guard is not None
    return sql.SQL("case when {} then {} end").format(guard, value)


def problem_sql(fields: Sequence[BackField]) -> sql.Composed:
    """The first field whose value does not fit, and the rule that it breaks; NULL where all do."""
    version = guarded_cast(sql.Identifier(RECORD, VERSION), types.TIMESTAMPTZ)[0]
    guards = [(VERSION, types.TIMESTAMPTZ, version)]
    guards += [(field.destination, field.kind, field.guard) for field in fields]
    cases = [
        sql.SQL("when not coalesce({}, false) then {}").format(
            guard, sql.Literal(f"{name}: the value is no {kind}")
        )
        for name, kind, guard in guards
        if guard is not None
    ]
    return sql.SQL("case {} end").format(sql.SQL(" ").join(cases))


def _back(field: Field, kind: str | None) -> BackField | None:
    if kind is None or len(field.sources) > 1 or types.base_type(kind) not in _KNOWN_TYPES:
        return None
    column = sql.Identifier(RECORD, field.destination)
    guard: Expression | None
    value: Expression
    if field.transform == "sim_nao":
        guard, value = (sql.SQL(text).format(column) for text in _YES_NO)
    elif field.transform in (None, "text"):
        guard, value = guarded_cast(column, kind)
    else:
        return None
    return BackField(
        destination=field.destination,
        source=field.sources[0],
        kind=kind,
        declared=payload_type(kind),
        guard=guard,
        value=value,
    )
