"""Restores an archive into an empty database and compares the result with its manifest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive.manifest import Archive, ArchivedTable
from sync_pipelines.lib.archive.table_stream import CHUNK, SESSION, copy_statement, raw_stream
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.streams import copy_out
from sync_pipelines.lib.storage.landing import LandingStore

#: Errors of a key that refers to a table, schema (Supabase's `auth`) or unique column outside the archive.
_REFERS_OUTSIDE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InvalidForeignKey,
    psycopg.errors.DatatypeMismatch,
)
#: The type of a column whose own type this server does not have, such as an enum or an extension's.
_TEXT_INSTEAD = "text?"


@dataclass(frozen=True)
class Restored:
    """The result of a restore: seconds to the end of the comparison, differences, columns restored as text."""

    seconds: float
    rows: int
    raw_bytes: int
    differences: tuple[str, ...]
    as_text: tuple[str, ...]


def restore(
    connection: Connection, store: LandingStore, folder: str, archive: Archive, *, identity: str | None = None
) -> Restored:
    """Create the archive's tables, load them and compare their contents with the manifest.

    The database must be empty and ours. Raises ArchiveError for a file that cannot be read, and PermanentError for
    a stream that is no COPY of these columns.
    """
    started = time.monotonic()
    as_text: list[str] = []
    differences: list[str] = []
    with postgres.errors_about("the scratch database"):
        for name, value in SESSION.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        for table in archive.tables:
            types = _types(connection, table)
            as_text += [f"{table.name}.{name}" for name, kind in types.items() if kind == _TEXT_INSTEAD]
            _create(connection, table, types)
            _fill(connection, store, folder, table=table, identity=identity)
        differences += _keys(connection, archive)
        for table in archive.tables:
            differences += _compare(connection, table)
    return Restored(
        seconds=time.monotonic() - started,
        rows=archive.rows,
        raw_bytes=archive.raw_bytes,
        differences=tuple(differences),
        as_text=tuple(as_text),
    )


def _types(connection: Connection, table: ArchivedTable) -> Mapping[str, str]:
    """Each column's type, or the mark of one that this server does not have."""
    known = {}
    for column in table.columns:
        row = connection.execute("select to_regtype(%s) is not null", (column.plain_type,)).fetchone()
        known[column.name] = column.type if row and row[0] else _TEXT_INSTEAD
    return known


def _create(connection: Connection, table: ArchivedTable, types: Mapping[str, str]) -> None:
    schema = table.name.partition(".")[0]
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            # As SQL text: the types come from a manifest whose checksum held, written by format_type.
            sql.SQL(types[column.name].removesuffix("?")),
            sql.SQL(" not null" if column.not_null else ""),
        )
        for column in table.columns
    ]
    connection.execute(
        sql.SQL("create table {} ({})").format(postgres.table(table.name), sql.SQL(", ").join(columns))
    )


def _fill(
    connection: Connection, store: LandingStore, folder: str, table: ArchivedTable, identity: str | None
) -> None:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    statement = sql.SQL("copy {} ({}) from stdin").format(postgres.table(table.name), names)
    with (
        store.fetch(f"{folder}/{table.file}") as path,
        raw_stream(path, identity) as stream,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        while chunk := stream.read(CHUNK):
            copy.write(chunk)


def _keys(connection: Connection, archive: Archive) -> Iterator[str]:
    """Add primary keys, then foreign keys; a key that does not hold is a difference."""
    for table in archive.tables:
        if table.primary_key:
            names = sql.SQL(", ").join(map(sql.Identifier, table.primary_key))
            key = sql.SQL("primary key ({})").format(names)
            if not _holds(connection, table, key):
                yield f"{table.name}: its primary key does not hold."
    for table in archive.tables:
        for definition in table.foreign_keys:
            if not _holds(connection, table, sql.SQL(definition)):
                yield f"{table.name}: {definition} does not hold."


def _holds(connection: Connection, table: ArchivedTable, key: sql.Composable) -> bool:
    try:
        with connection.transaction():
            connection.execute(sql.SQL("alter table {} add {}").format(postgres.table(table.name), key))
    except _REFERS_OUTSIDE:
        return True
    except psycopg.IntegrityError:
        return False
    return True


def _compare(connection: Connection, table: ArchivedTable) -> Iterator[str]:
    """COPY the loaded table out again, in the same order: its stream must equal the archived one byte for byte."""
    digest = hashlib.sha256()
    with copy_out(connection, copy_statement(table.name, table.columns)) as stream:
        for chunk in stream:
            digest.update(chunk)
    if stream.rows != table.rows:
        yield f"{table.name}: {stream.rows} rows came back of {table.rows}."
    elif digest.hexdigest() != table.sha256:
        yield f"{table.name}: the rows that came back are not those that were archived."
