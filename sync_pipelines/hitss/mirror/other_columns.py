"""Columns that the mirror does not bring: what travels not at all, and what somebody else filled.

In the source they are named by a check, since a total that is equal says nothing of them. In the destination they are
somebody else's: a row in which one is filled is not the mirror's to overwrite.
"""

from __future__ import annotations

import re
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.mirror.table import DRE, MirroredTable
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of

#: Each side fills these for itself.
OF_EACH_SIDE = frozenset({"id", "sync_source", "last_sync_at", "sync_hash", "updated_at"})
_DEFAULTS: LiteralString = """
    select attname, pg_get_expr(adbin, adrelid)
    from pg_attrdef join pg_attribute on attrelid = adrelid and attnum = adnum
    where adrelid = %s::regclass
    union all
    select attname, 'generated()' from pg_attribute
    where attrelid = %s::regclass and attidentity <> '' and not attisdropped
"""
#: The condition of `filled` where the destination has no other columns.
NOTHING = sql.SQL("false")
# A default that is always the same: 'x'::text, 0, -1.5, false, with or without its type.
_CONSTANT = re.compile(
    r"\(?(?:'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)|(true|false)|NULL)\)?(?:::[\w .\"\[\](),]+)?", re.DOTALL
)


def left_behind(source: Connection, table: MirroredTable = DRE) -> list[str]:
    """The columns of the source that do not travel."""
    known = {column.name for column in table.columns} | OF_EACH_SIDE
    return [column.name for column in columns_of(source, table.name) if column.name not in known]


def filled(destination: Connection, table: MirroredTable) -> sql.Composable:
    """The condition that a row holds what the mirror would not bring.

    A default that is always the same is no content, and neither is what the database makes up for every row (a number,
    a time, an id).
    """
    defaults: dict[str, str] = dict(destination.execute(_DEFAULTS, (table.name, table.name)).fetchall())
    conditions = []
    for name in left_behind(destination, table):
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


def all_empty(table: MirroredTable) -> sql.Composable:
    """The condition that a row of the requirement's own shape has nothing in the columns beyond that shape."""
    beyond = [sql.Identifier(column.name) for column in table.content if column not in table.seed]
    return sql.SQL("num_nonnulls({}) = 0").format(sql.SQL(", ").join(beyond)) if beyond else sql.SQL("true")
