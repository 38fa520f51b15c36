"""Connections to the project's database: the short ones beside the backup's own, and the snapshot of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.retry import Backoff, retrying

WHAT = "the aimindset database"
#: A table that somebody keeps locked must not delay an alert.
_LIMITS = {"lock_timeout": "5s", "statement_timeout": "2min"}
_CONNECT = Backoff(attempts=3, first=5.0, factor=6.0, longest=30.0)


class Snapshot(NamedTuple):
    """A connection in a transaction at REPEATABLE READ, and the name by which other connections join its snapshot."""

    connection: Connection
    name: str


def connect(url: str, *, read_only: bool = False) -> AbstractContextManager[Connection]:
    """A connection for a check, a log row or a secret, which waits for nobody for long."""
    return postgres.connect(url, what=WHAT, read_only=read_only, session=_LIMITS)


def await_database(url: str, sleep: Callable[[float], None]) -> None:
    """Wait until the database takes a connection, at most three attempts: nothing was called yet, so nothing repeats.

    Raises TransientError after the last attempt.
    """

    def attempt() -> None:
        with postgres.connect(url, what=WHAT):
            return

    retrying(_CONNECT, sleep=sleep)(attempt)


@contextmanager
def open_snapshot(url: str) -> Iterator[Snapshot]:
    """The snapshot that the backup copies and the archive reads."""
    with (
        postgres.connect(url, what=WHAT) as connection,
        postgres.errors_about(WHAT),
        connection.transaction(),
    ):
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local idle_in_transaction_session_timeout = '30min'")
        # Supabase ends a statement after two minutes, and the archive copies a whole table in one.
        connection.execute("set local statement_timeout = '30min'")
        connection.execute("set local lock_timeout = '30s'")
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield Snapshot(connection, str(row[0]))
