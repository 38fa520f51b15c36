"""Rows as byte streams: COPY out in chunks, and COPY from one database into another without parsing a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

#: Postgres sends one message a row; chunks of this many bytes need far fewer calls and little memory.
CHUNK = 256 << 10


@dataclass
class RowStream:
    """The chunks of a COPY; `rows` is known after its end."""

    copy: psycopg.Copy
    rows: int = -1

    def __iter__(self) -> Iterator[bytearray]:
        chunk = bytearray()
        for row in self.copy:
            chunk += row
            if len(chunk) >= CHUNK:
                yield chunk
                chunk = bytearray()
        yield chunk


@contextmanager
def copy_out(connection: postgres.Connection, statement: sql.Composed) -> Iterator[RowStream]:
    """Run a COPY … TO STDOUT; read its stream to the end inside the block."""
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            stream = RowStream(copy)
            yield stream
        stream.rows = cursor.rowcount


def copy_between(
    source: postgres.Connection,
    query: sql.Composable,
    destination: postgres.Connection,
    target: sql.Composable,
) -> int:
    """Copy the rows of a query into `target` (`table (columns)`); returns how many arrived.

    Both sides run in their caller's transactions. Raises TransientError when fewer arrived than were sent.
    """
    send = sql.SQL("copy ({}) to stdout (format binary)").format(query)
    receive = sql.SQL("copy {} from stdin (format binary)").format(target)
    with destination.cursor() as receiver:
        with copy_out(source, send) as outgoing, receiver.copy(receive) as incoming:
            for chunk in outgoing:
                incoming.write(chunk)
        if outgoing.rows != receiver.rowcount:
            raise TransientError(f"{outgoing.rows} rows were sent and {receiver.rowcount} arrived.")
        return receiver.rowcount
