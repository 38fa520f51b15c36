"""Advisory locks: of a session, of a transaction, and the key of each by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from sync_pipelines.lib import failures
from sync_pipelines.lib.postgres.connection import Connection


def lock_key(*parts: str) -> int:
    """The 64-bit advisory lock key of a name such as ("orders", "2025-08-01")."""
    text = "\x1f".join(("sync_pipelines", *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def try_lock(connection: Connection, key: int) -> bool:
    """Take a lock for as long as this connection lives. False when another holds it."""
    row = connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def is_held(connection: Connection, key: int) -> bool:
    """Whether a session of this database holds the lock. Takes nothing, so that it is in nobody's way."""
    row = connection.execute(
        "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted"
        " and database = (select oid from pg_database where datname = current_database())"
        " and (classid::bigint << 32) | objid::bigint = %s)",
        (key,),
    ).fetchone()
    return bool(row and row[0])


def unlock(connection: Connection, key: int) -> None:
    connection.execute("select pg_advisory_unlock(%s)", (key,))


@contextmanager
def session_lock(connection: Connection, key: int, *, wait_seconds: float, busy: str) -> Iterator[None]:
    """Hold an advisory lock over a block, waiting for its holder up to `wait_seconds`.

    Raises TransientError with the sentence `busy` if the holder keeps it.
    """
    if not try_lock(connection, key):
        try:
            # A statement that waits for a lock is ended by lock_timeout; 0 would mean without limit.
            with connection.transaction():
                timeout = f"{max(1, int(wait_seconds * 1000))}ms"
                connection.execute("select set_config('lock_timeout', %s, true)", (timeout,))
                connection.execute("select pg_advisory_lock(%s)", (key,))
        except psycopg.errors.LockNotAvailable:
            raise failures.TransientError(busy) from None
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            unlock(connection, key)


def lock_partition(connection: Connection, *parts: str, busy: str) -> None:
    """Take the lock of a partition until the transaction ends, or raise TransientError(`busy`)."""
    row = connection.execute("select pg_try_advisory_xact_lock(%s)", (lock_key(*parts),)).fetchone()
    if not (row and row[0]):
        raise failures.TransientError(busy)
