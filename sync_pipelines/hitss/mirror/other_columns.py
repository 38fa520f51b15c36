"""Columns that the mirror does not copy: of the source, and of the destination, where others fill them.

Of the source a check names them, because an equal total says nothing about them. In the destination they belong to
somebody else: a row in which one is filled is not the mirror's to overwrite.
"""

from __future__ import annotations

import re
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.mirror.table import DRE, MirroredTable
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of

#: Each database fills these for itself.
FILLED_BY_EACH = frozenset({"id", "sync_source", "last_sync_at", "sync_hash", "updated_at"})
_DEFAULTS: LiteralString = """
    select attname, pg_get_expr(adbin, adrelid)
    from pg_attrdef join pg_attribute on attrelid = adrelid and attnum = adnum
    where adrelid = %s::regclass
    union all
    select attname, 'generated()' from pg_attribute
    where attrelid = %s::regclass and attidentity <> '' and not attisdropped
"""
#: The result of `filled_condition` if the destination has no other columns.
NOTHING = sql.SQL("false")
# A constant default: 'x'::text, 0, -1.5, false, with or without its type.
_CONSTANT = re.compile(
    r"\(?(?:'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)|(true|false)|NULL)\)?(?:::[\w .\"\[\](),]+)?", re.DOTALL
)


def uncopied_columns(connection: Connection, table: MirroredTable = DRE) -> list[str]:
    """The columns of a table that the mirror does not copy."""
    known = {column.name for column in table.columns} | FILLED_BY_EACH
    return [column.name for column in columns_of(connection, table.name) if column.name not in known]


def filled_condition(destination: Connection, table: MirroredTable) -> sql.Composable:
    """The condition that a row holds something that the mirror does not bring.

    A constant default is no content, and neither is what the database generates for every row (a number, a time, an
    id).
    """
    defaults: dict[str, str] = dict(destination.execute(_DEFAULTS, (table.name, table.name)).fetchall())
    conditions = []
    for name in uncopied_columns(destination, table):
        column, default = sql.Identifier(name), defaults.get(name)
        if default is None:
            conditions.append(sql.SQL("{} is not null").format(column))
            continue
        constant = _CONSTANT.fullmatch(default)
        if constant is None:
            continue
        if constant.groups() == (None, None, None):
            conditions.append(sql.SQL("{} is not null").format(column))
            continue
        quoted, number, word = constant.groups()
        value = quoted.replace("''", "'") if quoted is not None else number or word
        # A number is compared as one: 0 is 0.00.
        compared: LiteralString = (
            "{0} is not null and {0} <> {1}" if number else "{0} is not null and {0}::text <> {1}"
        )
        conditions.append(sql.SQL(compared).format(column, sql.Literal(value)))
    return sql.SQL("({})").format(sql.SQL(" or ").join(conditions)) if conditions else NOTHING


def all_empty_condition(table: MirroredTable) -> sql.Composable:
    """The condition that a row has nothing in the columns beyond the shape that the requirement gives the table."""
    beyond = [sql.Identifier(column.name) for column in table.content if column not in table.seed]
    return sql.SQL("num_nonnulls({}) = 0").format(sql.SQL(", ").join(beyond)) if beyond else sql.SQL("true")
