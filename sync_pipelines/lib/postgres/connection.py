"""Connections to Postgres whose errors are sentences, and the names that statements are composed of.

Errors leave as `failures.SyncError`, rebuilt without DETAIL and CONTEXT, which carry rows. Nothing formats SQL text:
identifiers are composed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from sync_pipelines.lib import failures

#: For every connection, whatever server, database or role say: a value then has the same text everywhere.
_SESSION = {
    **{"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC"},
    **{"extra_float_digits": "1", "bytea_output": "hex"},
    # A read after a wait for a lock must see what the previous holder committed.
    "default_transaction_isolation": "read committed",
    # Without this, a server process that waits for a lock does not notice that its client died.
    "client_connection_check_interval": "2000",
}
_READ_ONLY = {"default_transaction_read_only": "on"}
_CANCEL_SECONDS = 5.0

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def connect(
    url: str, *, what: str, read_only: bool = False, session: Mapping[str, str] | None = None
) -> Iterator[Connection]:
    """A connection whose errors are sentences about `what` (`the ops database`).

    Autocommit, so that a transaction is where the code says `with connection.transaction()`. `session` are
    parameters of the server for this connection, such as time limits.
    """
    with errors_about(what):
        connection = psycopg.connect(
            driverless(url),
            autocommit=True,
            connect_timeout=10,
            application_name="sync_pipelines",
        )
    try:
        with errors_about(what):
            parameters = {**_SESSION, **(_READ_ONLY if read_only else {}), **(session or {})}
            connection.execute(
                "select set_config(name, value, false) from unnest(%s::text[], %s::text[]) as s (name, value)",
                (list(parameters), list(parameters.values())),
            )
            yield connection
    finally:
        connection.close()


def driverless(url: str) -> str:
    """A connection URL without SQLAlchemy's driver name."""
    scheme, colon, rest = url.partition(":")
    return f"{scheme.split('+')[0]}{colon}{rest}"


@contextmanager
def errors_about(what: str) -> Iterator[None]:
    """Turn a driver's error into one without row data, chained to nothing."""
    try:
        yield
    except psycopg.Error as error:
        raise failures.from_postgres(error, what=what) from None


def end_writes(connection: Connection) -> None:
    """Run the deferred triggers and constraints now, then make the rest of the transaction read-only.

    Call it after the last write of a transaction and before its proof: nothing would prove what a trigger writes
    at the COMMIT. A trigger that defers another one until then makes the COMMIT fail.
    """
    connection.execute("set constraints all immediate")
    connection.execute("set transaction read only")


def cancel_statement(connection: Connection) -> None:
    """End the statement that another thread waits for on this connection. Never raises."""
    with suppress(psycopg.Error):  # it has ended already, or its server is gone and so is what it waited for
        connection.cancel_safe(timeout=_CANCEL_SECONDS)


def table(name: str) -> sql.Identifier:
    """The identifier of `schema.table`."""
    return sql.Identifier(*name.split("."))
