"""Rows from one database to another: COPY into COPY, binary, without looking at a row on the way."""

from __future__ import annotations

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

#: Postgres sends a message a row; pieces of this size cost a third of the calls and no memory to speak of.
PIECE = 64 << 10


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
    with source.cursor() as sender, destination.cursor() as receiver:
        with sender.copy(send) as outgoing, receiver.copy(receive) as incoming:
            piece = bytearray()
            for row in outgoing:
                piece += row
                if len(piece) >= PIECE:
                    incoming.write(piece)
                    piece = bytearray()
            incoming.write(piece)
        if sender.rowcount != receiver.rowcount:
            raise TransientError(f"{sender.rowcount} rows were sent and {receiver.rowcount} arrived.")
        return receiver.rowcount
