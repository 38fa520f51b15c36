"""A hash of each field of a lead, on both sides alike: how a merge tells which fields changed, and on which side.

Sixteen characters a field, in the order of the mapping's content fields without the key, joined to one text that the
ops database keeps. A value that its column in TabuladorMax does not take begins with `REFUSED`; a field that a
webhook's payload lacks is `MISSING`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import LiteralString, Self
from uuid import UUID

from psycopg import sql

from sync_pipelines.scouter.mapping.column_types import FLOATS, JSONS, base_type, is_built_in, modifiers
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.guarded_cast import guarded_cast, payload_type
from sync_pipelines.scouter.mapping.rendering import ALIAS, canonical, field_sql, result_type
from sync_pipelines.scouter.mapping.transforms import Expression

WIDTH = 16
_WRITTEN_AS_JSON = {"inet", "bytea"}
REFUSED = "x"
MISSING = "." * WIDTH
#: The alias of a destination row's values; the row itself, as jsonb.
STORED = "stored"
ROW = sql.Identifier("whole", "lead")
#: That of NULL, whatever the type.
NULL = "-" * WIDTH
#: Not md5, which takes three times as long. Hash partitions rest on this function, so every version has the same.
_TEXT_HASH: LiteralString = """encode(int8send(hashtextextended(({})::text collate "C", 0)), 'hex')"""
_HASH: LiteralString = f"coalesce({_TEXT_HASH}, '{NULL}')"


@dataclass(frozen=True)
class Labels:
    """Which field each hash of a text belongs to: `column:transform:type`, as under others it means another value."""

    labels: tuple[str, ...]

    @cached_property
    def id(self) -> UUID:
        text = json.dumps(self.labels, ensure_ascii=False)
        return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())

    @cached_property
    def names(self) -> list[str]:
        """The destination columns."""
        return [column_of(label) for label in self.labels]

    @property
    def width(self) -> int:
        """Characters of the text of one lead."""
        return WIDTH * len(self.labels)

    def pack(self, texts: Collection[str]) -> bytes:
        """The texts of several leads as one, `width` bytes each. Raises ValueError for one of another width."""
        if any(len(text) != self.width for text in texts):
            raise ValueError("These hashes are not of this list of fields.")
        return "".join(texts).encode()

    def read(self, text: str) -> dict[str, str]:
        """Hashes by label, without the missing ones."""
        parts = (text[at : at + WIDTH] for at in range(0, len(text), WIDTH))
        return {label: part for label, part in zip(self.labels, parts, strict=True) if part != MISSING}

    def write(self, hashes: Mapping[str, str]) -> str:
        """What `read` reads."""
        return "".join(hashes.get(label, MISSING) for label in self.labels)

    def joined(self, later: Labels) -> Labels:
        """These, and those of a later list; of a column that both have, only the later one says how it is now."""
        columns = set(later.names) - {column_of(label) for label in self.labels if label in later.labels}
        kept = [label for label in self.labels if column_of(label) not in columns]
        return Labels(tuple(dict.fromkeys((*kept, *later.labels))))


def column_of(label: str) -> str:
    """The destination column of a label."""
    return label.partition(":")[0]


@dataclass(frozen=True)
class FieldList:
    """The fields that are hashed, in their order."""

    fields: tuple[Field, ...]
    #: What is sent of each, as Postgres names it.
    types: tuple[str, ...]

    @classmethod
    def of(cls, mapping: FieldMapping, source_types: Mapping[str, str]) -> Self:
        fields = tuple(field for field in mapping.hashed if field.destination != KEY)
        return cls(fields, tuple(result_type(field, source_types) for field in fields))

    @classmethod
    def of_labels(cls, labels: Labels) -> Self:
        """The fields of kept labels, to hash rows of Gestão Scouter as they were hashed then."""
        fields, types = list[Field](), list[str]()
        for label in labels.labels:
            name, transform, kind = label.split(":", 2)
            fields.append(Field(name, (), transform or None))
            types.append(kind)
        return cls(tuple(fields), tuple(types))

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(field.destination for field in self.fields)

    @cached_property
    def labels(self) -> Labels:
        return Labels(
            tuple(
                f"{field.destination}:{field.transform or ''}:{kind}"
                for field, kind in zip(self.fields, self.types, strict=True)
            )
        )

    @property
    def id(self) -> UUID:
        return self.labels.id

    def read(self, text: str) -> dict[str, str]:
        """Hashes by destination column, without the missing ones."""
        parts = (text[at : at + WIDTH] for at in range(0, len(text), WIDTH))
        return {name: part for name, part in zip(self.names, parts, strict=True) if part != MISSING}

    def write(self, hashes: Mapping[str, str]) -> str:
        """What `read` reads."""
        return "".join(hashes.get(name, MISSING) for name in self.names)


def is_refused(value: str) -> bool:
    """Whether it is the hash of a value that TabuladorMax cannot hold."""
    return value.startswith(REFUSED)


def here_hashes_sql(fields: FieldList, alias: str = ALIAS) -> sql.Composed:
    """The hashes of a row of TabuladorMax, over the table alias `lead`."""
    return _joined(
        [
            sql.SQL(_HASH).format(_comparable(field, field_sql(field, alias), kind))
            for field, kind in zip(fields.fields, fields.types, strict=True)
        ]
    )


def there_hashes_sql(
    fields: FieldList, *, takable: Mapping[str, Expression] = MappingProxyType({})
) -> sql.Composed:
    """The hashes of a row of Gestão Scouter: jsonb `whole.lead`, its values the record `stored` (`record_sql`).

    `takable` are further conditions by destination column: a value that does not meet its own is refused.
    """
    parts = []
    for field, kind in zip(fields.fields, fields.types, strict=True):
        column = sql.Identifier(STORED, field.destination)
        guard, value = guarded_cast(column, kind)
        hashed = sql.SQL(_HASH).format(_comparable(field, value, kind))
        for condition in (guard, takable.get(field.destination)):
            if condition is None:
                continue
            refused = sql.SQL(f"'{REFUSED}' || left({_TEXT_HASH}, {WIDTH - 1})").format(column)
            hashed = sql.SQL("case when coalesce({}, false) then {} else {} end").format(
                condition, hashed, refused
            )
        parts.append(
            sql.SQL("case when {} ? {} then {} else {} end").format(
                ROW, sql.Literal(field.destination), hashed, sql.Literal(MISSING)
            )
        )
    return _joined(parts)


def record_sql(fields: FieldList) -> sql.Composed:
    """The column list of `jsonb_to_record(lead) as stored (…)` that `there_hashes_sql` needs."""
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(field.destination), payload_type(kind))
        for field, kind in zip(fields.fields, fields.types, strict=True)
    )


def _comparable(field: Field, value: Expression, kind: str) -> Expression:
    """The value in a form that is the same on both sides."""
    if base_type(kind) in JSONS:
        # The JSON null is sent as null, and the column there is empty then.
        return sql.SQL("nullif(({})::jsonb, 'null')").format(value)
    if kind.endswith("[]"):
        return sql.SQL("to_jsonb({})").format(value)
    if base_type(kind) == "numeric" and not modifiers(kind):
        return sql.SQL("trim_scale({})").format(value)
    if base_type(kind) in FLOATS:
        # JSON as jsonb has no -0.
        return sql.SQL("({} + 0::{})").format(value, sql.SQL(base_type(kind)))
    if base_type(kind) == "character":
        return sql.SQL("rtrim({}::text)").format(value)
    if not is_built_in(kind) or base_type(kind) in _WRITTEN_AS_JSON:
        # As it is sent: the text of an address, for one, is longer than its JSON.
        return sql.SQL("to_jsonb({})").format(value)
    return canonical(field, value)


def _joined(parts: list[sql.Composed]) -> sql.Composed:
    # Not concat, which takes a hundred arguments; no part is ever null.
    return sql.SQL("({})").format(sql.SQL(" || ").join(parts or [sql.SQL("''").format()]))
