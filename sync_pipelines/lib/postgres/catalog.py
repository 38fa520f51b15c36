"""A table as Postgres's catalog describes it, as far as copying and comparing need it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.connection import Connection
from sync_pipelines.lib.postgres.digest import Column, Kind

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("text", "character varying"), "text"),
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    **{"numeric": "number", "date": "date", "timestamp with time zone": "timestamp"},
}

_MODIFIER = re.compile(r"\([\d, -]*\)")


class TableColumn(NamedTuple):
    """A column: its name, its type as `format_type` writes it, and whether it must be filled."""

    name: str
    type: str
    not_null: bool

    @property
    def plain_type(self) -> str:
        """The type without its length or scale; what stands in quotes may hold a bracket of its own."""
        return _MODIFIER.sub("", self.type)


def columns_of(connection: Connection, table: str) -> tuple[TableColumn, ...]:
    """The columns of `schema.table` in their order, generated ones left out.

    Raises PermanentError if there is no such table.
    """
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attgenerated = ''"
        " order by attnum",
        (table,),
    ).fetchall()
    if not rows:
        raise PermanentError(f"There is no table {table}.")
    return tuple(TableColumn(*row) for row in rows)


def defaults_of(connection: Connection, table: str) -> dict[str, str]:
    """The expressions of the columns' defaults, as SQL that this connection understands; generated ones left out."""
    return dict(
        connection.execute(
            "select attname, pg_get_expr(adbin, adrelid) from pg_attrdef join pg_attribute"
            " on attrelid = adrelid and attnum = adnum where adrelid = to_regclass(%s) and attgenerated = ''",
            (table,),
        ).fetchall()
    )


def indexed_columns(connection: Connection, table: str) -> dict[str, int]:
    """The columns in a btree index, in its expressions too, with the most columns that such an index has.

    Postgres refuses a row whose entry in a btree index is longer than a third of a page: 2,704 bytes.
    """
    return dict(
        connection.execute(
            "select attname, max(indnatts)::int from pg_index join pg_attribute on attrelid = indrelid"
            " join pg_class as index on index.oid = indexrelid join pg_am as method on method.oid = index.relam"
            " where indrelid = to_regclass(%s) and method.amname = 'btree' and (attnum = any (indkey) or exists"
            " (select from pg_depend where classid = 'pg_class'::regclass and objid = indexrelid"
            " and refclassid = 'pg_class'::regclass and refobjid = indrelid and refobjsubid = attnum))"
            " group by attname",
            (table,),
        ).fetchall()
    )


def exists(connection: Connection, table: str) -> bool:
    """Whether there is a relation `schema.table`."""
    row = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    return bool(row and row[0])


def require_sight(connection: Connection, tables: Iterable[str], what: str) -> None:
    """Raise PermanentError where row-level security hides rows from our role: it would read as empty tables."""
    rows = connection.execute(
        "select name from unnest(%s::text[]) as names (name)"
        " where to_regclass(name) is not null and row_security_active(to_regclass(name)::oid)",
        (list(tables),),
    ).fetchall()
    if rows:
        hidden = ", ".join(name for (name,) in rows)
        raise PermanentError(
            f"Row-level security of {what} hides rows of {hidden} from our role, which would read them as gone: connect"
            " as the owner of the tables, or as a role with BYPASSRLS."
        )


def dependents(connection: Connection, table: str) -> list[str]:
    """The tables with rows that a DELETE from `schema.table` would delete or empty as well, by a foreign key."""
    rows = connection.execute(
        "select distinct namespace.nspname, relation.relname from pg_constraint"
        " join pg_class as relation on relation.oid = conrelid"
        " join pg_namespace as namespace on namespace.oid = relation.relnamespace"
        # cascade, set null, set default
        " where contype = 'f' and confrelid = to_regclass(%s) and confdeltype in ('c', 'n', 'd') order by 1, 2",
        (table,),
    ).fetchall()
    found = []
    for schema, name in rows:
        exists_query = sql.SQL("select exists (select from {})").format(sql.Identifier(schema, name))
        if connection.execute(exists_query).fetchone() == (True,):
            found.append(f"{schema}.{name}")
    return found


def digest_columns(columns: Iterable[TableColumn]) -> tuple[Column, ...]:
    """The columns for a digest, by what their types' canonical text needs."""
    return tuple(Column(column.name, _KINDS.get(column.plain_type, "other")) for column in columns)
