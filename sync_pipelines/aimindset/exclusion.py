"""One run at a time: a lock that is taken at once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres import Connection


class BusyError(TransientError):
    """Another run is at work: this one does nothing and notifies nobody."""


@contextmanager
def exclusive(connection: Connection, name: str, *, busy: str) -> Iterator[None]:
    """Hold the lock `name` of the system over the block. Raises BusyError with the sentence `busy` if it is taken."""
    key = postgres.lock_key("aimindset", name)
    if not postgres.try_lock(connection, key):
        raise BusyError(busy)
    try:
        yield
    finally:
        # A terminated server process keeps its locks for a moment, in which the next run would find them taken.
        if not connection.closed and not connection.broken:
            postgres.unlock(connection, key)
