"""Rows that repeat what a migration makes unique: it would fail on them, so they are named before a statement runs."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.migrations.live import TABLE_KINDS, Live
from sync_pipelines.migrations.shape import Shape, Uniqueness

#: So many repeated values are named in a sentence.
_NAMED = 20


def repeated_rows(
    connection: postgres.Connection, live: Live, shape: Shape, *, what: str, migrate: str
) -> Iterator[str]:
    """A sentence for each table that has such rows: the values with their counts, and the statement that ends it.

    The statement keeps one row a value, the newest. It is printed and never executed.
    """
    for rule in shape.unique:
        relation = live.relations.get(rule.table)
        if (
            relation is None
            or relation.kind not in TABLE_KINDS
            or not set(rule.columns) <= set(relation.columns)
        ):
            continue
        if live.is_unique(rule.table, rule.columns):
            continue
        if found := _repeated(connection, rule):
            yield (
                f"{rule.table} in {what} has more than one row of the same {', '.join(rule.columns)}:"
                f" {_counted(found)}. Nothing was changed. To keep the newest row of each (the greatest"
                f" {rule.newest}), run:\n{statement(rule, connection)}\nThen {migrate}."
            )


def statement(rule: Uniqueness, connection: postgres.Connection) -> str:
    """The statement that deletes all rows but the newest of each value."""
    query = sql.SQL(
        "delete from {table} where ctid in (select ctid from (select ctid, row_number() over (partition by {columns}"
        " order by {newest} desc nulls last, ctid desc) as place from {table} where ({columns}) is not null)"
        " as ranked where place > 1);"
    )
    names = {"columns": _columns(rule), "newest": sql.Identifier(rule.newest)}
    return query.format(table=postgres.table(rule.table), **names).as_string(connection)


def _repeated(connection: postgres.Connection, rule: Uniqueness) -> list[tuple[object, ...]]:
    query = sql.SQL(
        "select {columns}, count(*) from {table} where ({columns}) is not null group by {columns}"
        " having count(*) > 1 order by {columns}"
    )
    return connection.execute(
        query.format(columns=_columns(rule), table=postgres.table(rule.table))
    ).fetchall()


def _columns(rule: Uniqueness) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, rule.columns))


def _counted(found: list[tuple[object, ...]]) -> str:
    named = [f"{', '.join(map(str, values))} ({count} rows)" for *values, count in found[:_NAMED]]
    left = len(found) - len(named)
    return ", ".join([*named, *([f"and {left} more"] if left else [])])
