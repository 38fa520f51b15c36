"""The reverse of the field mapping: which column of TabuladorMax takes a value of Gestão Scouter, and in which type.

Only a field with one source column can be reversed, and only if its transform loses nothing: `telefone` is the first
that is filled of three columns, so nobody knows which of them an edit means. Nothing here raises an error on a value:
each has a guard, and a row whose guard does not hold is rejected with the field's name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import LiteralString, NamedTuple, Self

from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.guarded_cast import GuardedCast, guarded_cast, payload_type
from sync_pipelines.scouter.mapping.transforms import Expression

#: The alias of the payload's lead as a row: `jsonb_to_record(…) as stored (…)`.
RECORD = "stored"
VERSION = "updated_at"
SYNC_SOURCE = "sync_source"
#: Written by the reverse sync itself, if the table has them.
STAMPS: Mapping[str, LiteralString] = {
    VERSION: "now()",
    "last_sync_at": "now()",
    SYNC_SOURCE: "'gestao_scouter'",
    "sync_status": "'synced'",
}
_KNOWN_TYPES = types.TEXTS | types.NUMBERS | types.MOMENTS | types.JSONS | {"boolean", "date", "uuid"}
_YES_NO: tuple[LiteralString, LiteralString] = (
    "coalesce({0} in ('Sim', 'Não'), true)",
    "case {0} when 'Sim' then true when 'Não' then false end",
)


class ReverseField(NamedTuple):
    """A key of the payload (`destination`) and the column of TabuladorMax (`source`) that takes its value."""

    destination: str
    source: str
    kind: str
    payload_type: Expression
    guard: Expression | None
    value: Expression

    @property
    def checked_value(self) -> Expression:
        """The value in the type of its column, evaluated only if its guard holds."""
        value = sql.SQL("({})::{}").format(self.value, sql.SQL(self.kind))
        return sql.SQL("case when {} then {} end").format(self.guard, value) if self.guard else value

    def comparable(self, alias: str) -> Expression:
        """The column of a table, in a type that can be compared: json cannot."""
        column = sql.Identifier(alias, self.source)
        return sql.SQL("{}::text").format(column) if self.kind == "json" else column


@dataclass(frozen=True)
class ReverseMapping:
    """The fields that can be reversed, and the destination columns that cannot (`one_way`)."""

    fields: tuple[ReverseField, ...]
    one_way: tuple[str, ...]

    @classmethod
    def of(
        cls, mapping: FieldMapping, source_types: Mapping[str, str], *, fixed: Collection[str] = ()
    ) -> Self:
        """The reverse of a mapping; `source_types` have their precision, `fixed` are columns that nobody writes."""
        fields: dict[str, ReverseField] = {}
        one_way = []
        for field in mapping.fields:
            source = field.sources[0]
            if source in (KEY, VERSION) or source in STAMPS:
                continue
            reversed_field = _reverse(field, None if source in fixed else source_types.get(source))
            if reversed_field is None or source in fields:
                one_way.append(field.destination)
            else:
                fields[source] = reversed_field
        return cls(tuple(fields.values()), tuple(one_way))

    @property
    def record(self) -> sql.Composed:
        """The column list of the payload's lead as a row."""
        columns = {field.destination: field.payload_type for field in self.fields}
        columns |= {name: sql.SQL("text") for name in (VERSION, SYNC_SOURCE)}
        return sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), kind) for name, kind in columns.items()
        )


def moment_sql(text: Expression) -> Expression:
    """A text as a timestamp, in UTC if it has no zone; NULL if it is none."""
    guard, value = guarded_cast(text, types.TIMESTAMPTZ)
    assert guard is not None
    return sql.SQL("case when {} then {} end").format(guard, value)


def _reverse(field: Field, kind: str | None) -> ReverseField | None:
    if kind is None or len(field.sources) > 1 or types.base_type(kind) not in _KNOWN_TYPES:
        return None
    column = sql.Identifier(RECORD, field.destination)
    if field.transform == "sim_nao":
        guard, value = (sql.SQL(text).format(column) for text in _YES_NO)
        cast = GuardedCast(guard, value)
    elif field.transform in (None, "text"):
        cast = guarded_cast(column, kind)
    else:
        return None
    return ReverseField(
        destination=field.destination,
        source=field.sources[0],
        kind=kind,
        payload_type=payload_type(kind),
        guard=cast.guard,
        value=cast.value,
    )
