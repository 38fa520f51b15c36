"""A connection that is opened again after a loss, so that a run survives a restart of Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.retry import Backoff, retrying

Result = TypeVar("Result")
#: A restart of a server takes less than these waits together (7.75 s).
RECONNECT = Backoff(attempts=6, first=0.25, longest=4.0, jitter=0.0)
#: SQLSTATEs with which a server ends a session: it shuts down, crashed, or does not accept sessions yet.
_ENDINGS = ("57P01", "57P02", "57P03")


class Reconnecting:
    """A connection to `url`, called `what` in errors.

    `on_reconnect` restores what the lost session held, such as a lock.
    """

    def __init__(
        self,
        url: str,
        *,
        what: str,
        backoff: Backoff = RECONNECT,
        on_reconnect: Callable[[postgres.Connection], object] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._what, self._on_reconnect = url, what, on_reconnect
        self._backoff, self._sleep = backoff, sleep
        self._open = ExitStack()
        self.connection = self._connect()

    def close(self) -> None:
        self._open.close()

    def do(self, work: Callable[[postgres.Connection], Result]) -> Result:
        """The result of `work`, which runs a second time over a new connection if it loses the first.

        A write that loses its connection during the COMMIT may be done twice.
        """
        with postgres.errors_about(self._what):
            try:
                return work(self.connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if not _is_lost(self.connection, error):
                    raise
            self.connection = retrying(self._backoff, sleep=self._sleep)(self._connect)
            self._on_reconnect(self.connection)
            return work(self.connection)

    def _connect(self) -> postgres.Connection:
        self._open.close()
        return self._open.enter_context(postgres.connect(self._url, what=self._what))


def _is_lost(connection: postgres.Connection, error: psycopg.Error) -> bool:
    """Whether only a new connection can help: the session ended, or an interruption left it inside a statement."""
    code = error.sqlstate or ""
    busy = connection.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE
    return bool(connection.closed) or busy or code in _ENDINGS or code.startswith("08")
