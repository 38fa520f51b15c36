"""The columns of the live `api.leads` that the CRM's fields fill, each with its converter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from psycopg import sql

from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import TableColumn, columns_of, indexed_columns
from sync_pipelines.sprinthub.leads.contract_columns import (
    COLUMN_OF_FIELD,
    CONTRACT_TYPES,
    EXTRA,
    SEGMENT,
    SYNONYMS,
    TABLE,
    UNMAPPED,
    VALUE_OF_NULL,
    is_local,
)
from sync_pipelines.sprinthub.leads.moments import Zone
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines.sprinthub.leads.values import Converter, converter

_FIELD_OF_COLUMN = {column: field for field, column in COLUMN_OF_FIELD.items()}
#: What a btree index takes of a text, with room for the entry's head.
_LONGEST_INDEXED = 2_600
#: Postgres cuts longer names.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the CRM and the column that it fills."""

    column: str
    convert: Converter
    #: A text may be blank; in any other column that means that there is no value.
    is_text: bool
    value_of_null: Any
    not_null: bool

    def read(self, value: Any) -> Any:
        """The column's value. Raises UnusableError for a value that it cannot hold."""
        if value is None or (not self.is_text and type(value) is str and not value.strip()):
            if self.not_null and self.value_of_null is None:
                raise UnusableError("required", "the column takes no null")
            return self.value_of_null
        return self.convert(value)


@dataclass(frozen=True)
class LeadColumns:
    """The live columns of `api.leads`, in their order."""

    live: tuple[TableColumn, ...]
    #: How many columns the widest btree index of a column has.
    indexed: Mapping[str, int]
    #: The time zone of moments in Brazilian form.
    zone: Zone

    @classmethod
    def read(cls, connection: Connection, zone: Zone) -> Self:
        """Raises PermanentError if there is no such table."""
        return cls(columns_of(connection, TABLE), indexed_columns(connection, TABLE), zone)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """What to do with a field, by its name in the API."""
        found = {}
        for column in self.live:
            name = _FIELD_OF_COLUMN.get(column.name, column.name)
            if not is_local(column.name) and name not in UNMAPPED and (field := self._field(column)):
                found[name] = field
        return found

    @cached_property
    def written(self) -> tuple[str, ...]:
        """The names of all columns that a document may have."""
        filled = {field.column for field in self.fields.values()} | {SEGMENT, EXTRA}
        return tuple(column.name for column in self.live if column.name in filled)

    @cached_property
    def detailed(self) -> tuple[str, ...]:
        """The contract's columns and `extra`: a row is as its detail left it when these are.

        Not what was added to the table: a column that the application fills itself may bear any name, and each of its
        changes would make us read the lead again.
        """
        return tuple(name for name in self.written if name in CONTRACT_TYPES or name == EXTRA)

    @cached_property
    def synonyms(self) -> Mapping[str, str]:
        """The second spelling by field, of those that have a column."""
        return {own: other for own, other in SYNONYMS.items() if own in self.fields}

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Fields that have no column of their own and are no drift."""
        return UNMAPPED | {other for other in self.synonyms.values() if other not in self.fields}

    def suggested_sql(self, unknown: Iterable[str]) -> tuple[str, ...]:
        """A statement for each field without a column, for a person to read and to run."""
        live = {column.name for column in self.live}
        statements = []
        for field in sorted(set(unknown)):
            name = COLUMN_OF_FIELD.get(field, field)
            # A column with a type that we do not fill is there already.
            if name in live or is_local(name) or not 0 < len(name.encode()) <= _LONGEST_NAME:
                continue
            statement = sql.SQL("alter table {} add column {} {};").format(
                sql.Identifier(*TABLE.split(".")),
                sql.Identifier(name),
                sql.SQL(CONTRACT_TYPES.get(name, "text")),
            )
            statements.append(statement.as_string(None))
        return tuple(statements)

    def _field(self, column: TableColumn) -> Field | None:
        width = self.indexed.get(column.name)
        convert = converter(column, self.zone, longest=_LONGEST_INDEXED // width if width else None)
        if convert is None:
            return None
        return Field(
            column=column.name,
            convert=convert,
            is_text=column.plain_type in ("text", "character varying"),
            value_of_null=VALUE_OF_NULL.get(column.name),
            not_null=column.not_null,
        )
