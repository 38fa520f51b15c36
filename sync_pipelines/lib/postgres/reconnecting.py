"""A connection that is opened again after a loss, so that a run survives a restart of Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

Result = TypeVar("Result")
#: Seconds between the attempts to come back: a server restarts within them.
WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)
#: What a server says that ends a session: shut down, crashed, not yet there.
_ENDINGS = ("57P01", "57P02", "57P03")


class Reconnecting:
    """A connection to `url`, named `what` in errors; `pause` is how a wait passes."""

    def __init__(self, url: str, *, what: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._url, self._what, self._pause = url, what, pause
        self._open = ExitStack()
        self.connection = self._connect()

    def close(self) -> None:
        self._open.close()

    def do(self, work: Callable[[postgres.Connection], Result]) -> Result:
        """What `work` answers; once more over a new connection when it lost the one it had.

        A write that lost its connection at the commit may be done twice.
        """
        with postgres.errors_about(self._what):
            try:
                return work(self.connection)
            except psycopg.OperationalError as error:
                if not _is_lost(self.connection, error):
                    raise
            self._reconnect()
            return work(self.connection)

    def _connect(self) -> postgres.Connection:
        self._open.close()
        return self._open.enter_context(postgres.connect(self._url, what=self._what))

    def _reconnect(self) -> None:
        for wait in WAITS:
            try:
                self.connection = self._connect()
            except TransientError:
                self._pause(wait)
            else:
                return
        self.connection = self._connect()


def _is_lost(connection: postgres.Connection, error: psycopg.OperationalError) -> bool:
    code = error.sqlstate or ""
    return bool(connection.closed) or code in _ENDINGS or code.startswith("08")
