"""The receiver's connections to the inbox in the ops database: a few are kept open, and nobody waits long for one."""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import ExitStack

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError, from_postgres
from sync_pipelines.lib.records.connection import OPS

#: A caller waits for its answer: the database of the other side gives up after ten seconds.
_SESSION = {"statement_timeout": "5000", "lock_timeout": "2000"}
PATIENCE = 3.0  # seconds to wait for a free connection

_Kept = tuple[ExitStack, postgres.Connection]


class InboxStore:
    """Connections to the ops database. Threads may share it: at most `connections` are open at a time."""

    def __init__(self, url: str, *, connections: int = 4) -> None:
        self._url = url
        self._free: queue.LifoQueue[_Kept | None] = queue.LifoQueue()
        for _ in range(connections):
            self._free.put(None)

    def answers(self) -> bool:
        """Whether the database and its inbox are there."""
        try:
            self.use(lambda connection: connection.execute("select from ops.inbox limit 1"))
        except SyncError:
            return False
        return True

    def close(self) -> None:
        """Close the connections that are free."""
        while not self._free.empty():
            if kept := self._free.get():
                kept[0].close()

    def use(self, work: Callable[[postgres.Connection], object]) -> None:
        """Do `work` with a connection, a second time where the first was lost.

        Raises SyncError if the database did not do it, psycopg.DataError if it cannot hold a value.
        """
        try:
            kept = self._free.get(timeout=PATIENCE)
        except queue.Empty:
            raise TransientError(f"{OPS}: every connection of the receiver is busy.") from None
        try:
            if kept is not None:
                try:
                    return _do(work, kept[1])
                except SyncError:
                    if not kept[1].broken:
                        raise
                    # The server was restarted since. What the first try may have stored all the same is stored twice,
                    # which the drain sees.
                    kept[0].close()
                    kept = None
            stack = ExitStack()
            kept = stack, stack.enter_context(postgres.connect(self._url, what=OPS, session=_SESSION))
            return _do(work, kept[1])
        finally:
            if kept is not None and (kept[1].broken or kept[1].closed):
                kept[0].close()
                kept = None
            self._free.put(kept)


def _do(work: Callable[[postgres.Connection], object], connection: postgres.Connection) -> None:
    try:
        work(connection)
    except psycopg.DataError:
        raise
    except psycopg.Error as error:
        raise from_postgres(error, what=OPS) from None
