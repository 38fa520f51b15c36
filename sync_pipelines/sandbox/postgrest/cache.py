"""The schema cache: the structure that the server assumes until a NOTIFY makes it read the database again.

Writes are judged by it, reads by the database itself (wire contract, section 7).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import psycopg
from psycopg import sql

from sync_pipelines.sandbox.postgrest.refusals import RefusalError

CHANNEL = "pgrst"
#: Earlier versions said of a column that is not in the cache that it does not exist.
COLUMNS_ARE_SOUGHT = 13
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """A column: `type` with its size, `format` without; `target` is the table and column of its foreign key."""

    name: str
    type: str
    format: str
    is_required: bool
    length: int | None
    default: str | None
    comment: str | None
    labels: Sequence[str] | None
    target: tuple[str, str] | None


@dataclass(frozen=True)
class Table:
    """A relation and its columns in order."""

    schema: str
    name: str
    comment: str | None
    key: Sequence[str]
    columns: Mapping[str, Column]

    @property
    def qualifier(self) -> tuple[str, str]:
        """What stands before its columns' names in a statement."""
        return self.schema, self.name

    @property
    def identifier(self) -> sql.Identifier:
        return identifier(*self.qualifier)

    def column(self, name: str, version: int = 16) -> Column:
        """A column by its name; RefusalError, in the words of a server's version, where the cache has none."""
        if name not in self.columns:
            message = f"Could not find the '{name}' column of '{self.name}' in the schema cache"
            if version < COLUMNS_ARE_SOUGHT:
                message = f"Column '{name}' of relation '{self.name}' does not exist"
            raise RefusalError(400, "PGRST204", message)
        return self.columns[name]


@dataclass(frozen=True)
class Function:
    """A function by what it takes and returns; `settings` are those of its definition.

    `is_composite` ones return rows with columns, the others single values.
    """

    schema: str
    name: str
    is_set: bool
    is_void: bool
    is_composite: bool
    is_stable: bool
    arguments: Sequence[str]
    types: Sequence[str]
    required: int
    settings: Sequence[str]

    def takes(self, given: Mapping[str, Any]) -> bool:
        return set(self.arguments[: self.required]) <= set(given) <= set(self.arguments)


@dataclass(frozen=True)
class Snapshot:
    """A schema at one moment."""

    schema: str = "public"
    tables: Mapping[str, Table] = field(default_factory=dict)
    functions: Sequence[Function] = ()


def identifier(*names: str) -> sql.Identifier:
    """A name that may hold a percent sign, which psycopg would take for a placeholder."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def functions(connection: psycopg.Connection[Any], schema: str = "public") -> list[Function]:
    """The functions of a schema, overloads one after the other."""
    found = connection.execute((_FOLDER / "functions.sql").read_bytes(), [schema]).fetchall()
    return [Function(schema, *row) for row in found]


def look(connection: psycopg.Connection[Any], schema: str = "public") -> Snapshot:
    """Read a schema's tables and functions."""
    # Types of other schemas are then written with theirs.
    connection.execute("select set_config('search_path', '', true)")
    tables = {}
    for name, comment, key, columns in connection.execute(
        (_FOLDER / "tables.sql").read_bytes(), [schema]
    ).fetchall():
        tables[name] = Table(
            schema=schema,
            name=name,
            comment=comment,
            key=key,
            columns={one["name"]: Column(**one) for one in columns},
        )
    return Snapshot(schema, tables, functions(connection, schema))


class SchemaCache:
    """The snapshot in use; read again after a NOTIFY on PostgREST's channel and `polls` further requests.

    Two connections listen. One waits for a NOTIFY, so that a reload shows the schema of that moment and not of a
    later request. The other one runs a statement before each request: the database delivers a NOTIFY with the next
    statement, so a request that follows the COMMIT of a NOTIFY is sure to see it.
    """

    def __init__(self, database_url: str, schema: str, polls: int) -> None:
        self.polls = polls
        #: Asked before a reload; False makes the server miss the NOTIFY.
        self.hears: Callable[[], bool] = lambda: True
        self._database_url, self._schema = database_url, schema
        self._connection: psycopg.Connection[Any] | None = None
        self._watcher: Thread | None = None
        #: A channel of our own: a NOTIFY on it ends the watcher.
        self._farewell = f"farewell_{secrets.token_hex(8)}"
        self._snapshot = Snapshot(schema)
        self._waiting: int | None = None
        self._lock = Lock()

    def open(self) -> None:
        """Look at the schema and begin to listen."""
        with self._lock:
            self._listening()

    def current(self) -> Snapshot:
        """The snapshot by which the next request is judged; that is one request more."""
        with self._lock:
            self._attend()
            if self._waiting:
                self._waiting -= 1
            return self._snapshot

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            with connection, suppress(psycopg.OperationalError):
                connection.execute("select pg_notify(%s, '')", [self._farewell])
        if self._watcher is not None:
            self._watcher.join()

    def _attend(self) -> None:
        connection = self._listening()
        connection.execute("select 1")
        if self._waiting == 0:
            self._snapshot, self._waiting = self._looked(connection), None

    def _listening(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            connection = self._listener(CHANNEL)
            connection.add_notify_handler(self._notified)
            self._snapshot, self._waiting = self._looked(connection), None
            self._connection = connection
            self._watcher = Thread(
                target=self._watch, args=[self._listener(CHANNEL, self._farewell)], name="schema cache"
            )
            self._watcher.start()
        return self._connection

    def _listener(self, *channels: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._database_url, autocommit=True)
        for channel in channels:
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        return connection

    def _watch(self, connection: psycopg.Connection[Any]) -> None:
        # A lost database ends it; the next request listens anew and looks at the whole schema.
        with suppress(psycopg.OperationalError), connection:
            for notify in connection.notifies():
                if notify.channel == self._farewell:
                    return
                with self._lock:
                    if self._connection is None:
                        return
                    self._attend()

    def _looked(self, connection: psycopg.Connection[Any]) -> Snapshot:
        with connection.transaction():
            return look(connection, self._schema)

    def _notified(self, notify: psycopg.Notify) -> None:
        if notify.payload in ("", "reload schema") and self.hears():
            self._waiting = self.polls
