"""PATCH and DELETE of the rows that a query string finds (wire contract, section 2)."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest.cache import Table, identifier
from sync_pipelines.sandbox.postgrest.filters import NO_CONDITION, Conditions
from sync_pipelines.sandbox.postgrest.request import Asked
from sync_pipelines.sandbox.postgrest.upserts import result, returned, source, written


def update(connection: psycopg.Connection[Any], asked: Asked, table: Table, version: int) -> Response:
    """Set the body's columns in the rows that are found; a body without any changes nothing."""
    conditions = Conditions(table.qualifier, version)
    where = conditions.where(asked.query)
    columns = written(asked, table, version)
    if not columns:
        nothing = sql.SQL("select * from {} where false").format(table.identifier)
        return result(connection, asked, table, statement=nothing, values=[])
    names = sql.SQL(", ").join(identifier(one.name) for one in columns)
    # The names of a condition are the table's: the body is asked by itself. An empty array is no change.
    body = source(asked, columns)
    statement = sql.SQL("update {} set ({}) = ({} limit 1){} {} exists ({}) returning {}").format(
        table.identifier,
        names,
        body,
        where,
        sql.SQL("and" if where != NO_CONDITION else "where"),
        body,
        returned(asked, table),
    )
    values = [asked.text, *conditions.values, asked.text]
    return result(connection, asked, table, statement=statement, values=values)


def delete(connection: psycopg.Connection[Any], asked: Asked, table: Table, version: int) -> Response:
    """Delete the rows that are found."""
    conditions = Conditions(table.qualifier, version)
    where = conditions.where(asked.query)
    statement = sql.SQL("delete from {}{} returning {}").format(
        table.identifier, where, returned(asked, table)
    )
    return result(connection, asked, table, statement=statement, values=conditions.values)
