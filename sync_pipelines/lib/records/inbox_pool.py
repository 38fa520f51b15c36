"""The inbox as a webhook stores into it: a few connections that are kept, and no wait beyond a moment."""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import ExitStack

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import (
    PermanentError,
    SyncError,
    TransientError,
    from_postgres,
    is_about_a_value,
)
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Arrival, Inbox

#: A caller waits for its answer: the database of the other side gives up after ten seconds.
_SESSION = {"statement_timeout": "5000", "lock_timeout": "2000"}
PATIENCE = 3.0  # seconds to wait for a free connection

_Kept = tuple[ExitStack, postgres.Connection]


class UnstorableError(PermanentError):
    """An arrival that Postgres does not take: a number of too many digits in its payload, a key too long to index."""


class InboxPool:
    """Stores arrivals of any topic. Threads may share it: at most `connections` are open at a time."""

    def __init__(self, url: str, *, connections: int = 4) -> None:
        self._url = url
        self._free: queue.LifoQueue[_Kept | None] = queue.LifoQueue()
        for _ in range(connections):
            self._free.put(None)

    def add(self, topic: str, arrival: Arrival) -> None:
        """One insert. Raises UnstorableError for an arrival that never can be stored, SyncError if it was not."""
        self._use(lambda connection: Inbox(connection, topic).add(arrival))

    def is_ready(self) -> bool:
        """Whether the database and its inbox answer."""
        try:
            self._use(lambda connection: connection.execute("select from ops.inbox limit 1"))
        except SyncError:
            return False
        return True

    def close(self) -> None:
        """Close the connections that are free."""
        while not self._free.empty():
            if kept := self._free.get():
                kept[0].close()

    def _use(self, work: Callable[[postgres.Connection], object]) -> None:
        try:
            kept = self._free.get(timeout=PATIENCE)
        except queue.Empty:
            raise TransientError(f"{OPS}: every connection of the receiver is busy.") from None
        try:
            if kept is not None:
                try:
                    return _work(work, kept[1])
                except SyncError:
                    if not kept[1].broken:
                        raise
                    # The server was restarted since. If it stored the row all the same, the row is there twice, and
                    # the drain recognises that.
                    kept[0].close()
                    kept = None
            stack = ExitStack()
            kept = stack, stack.enter_context(postgres.connect(self._url, what=OPS, session=_SESSION))
            return _work(work, kept[1])
        finally:
            if kept is not None and (kept[1].broken or kept[1].closed):
                kept[0].close()
                kept = None
            self._free.put(kept)


def _work(work: Callable[[postgres.Connection], object], connection: postgres.Connection) -> None:
    try:
        work(connection)
    except psycopg.Error as error:
        if isinstance(error, psycopg.DataError) or is_about_a_value(error):
            raise UnstorableError("The body holds a value that cannot be stored.") from None
        raise from_postgres(error, what=OPS) from None
