"""Whether the process that conducts a run is alive: the advisory lock that it holds in the ops database says so.

A status says what somebody wrote last. A lock ends with the session of the process that holds it, however that ended.
A worker is known by a mark: `<machine>:<pid>:<start>:<number>`, of which the machine is a digest.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError

logger = logging.getLogger(__name__)
OPS = "the ops database"
#: Seconds after which a living worker takes a lock again that its server has forgotten.
RENEW_SECONDS = 15.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_held: list[str] = []


def current() -> str | None:
    """The mark whose lock this process holds, if it holds one."""
    return _held[-1] if _held else None


@contextmanager
def holding(url: str | None, *, renew_seconds: float = RENEW_SECONDS) -> Iterator[str | None]:
    """Hold a worker's lock over the block; yields its mark, or None if the lock cannot be taken.

    A lost connection is opened again meanwhile, by a thread. The work does not depend on it: without a lock
    nobody judges whether the worker lives.
    """
    keeper = _Keeper(url, renew_seconds) if url else None
    if keeper is None or not keeper.begin():
        yield None
        return
    _held.append(keeper.mark)
    try:
        yield keeper.mark
    finally:
        _held.remove(keeper.mark)
        keeper.end()


def free(connection: postgres.Connection, marks: Collection[str]) -> set[str]:
    """Those of the marks whose lock nobody holds."""
    return {
        mark
        for mark in marks
        if connection.execute("select pg_try_advisory_xact_lock(%s)", (_key(mark),)).fetchone() == (True,)
    }


def is_gone(mark: str) -> bool:
    """True when the worker ran on this machine and its process is not there any more.

    Of a worker of another machine nothing is known here, so the answer is False.
    """
    import psutil

    machine, pid, start, _number = mark.split(":")
    if machine != _machine():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.0f}" != start
    except psutil.Error:
        return True


class _Keeper:
    """One connection that holds one lock, and the thread that looks after both."""

    def __init__(self, url: str, renew_seconds: float) -> None:
        self.mark = _new_mark()
        self._url, self._renew_seconds = url, renew_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="liveness", daemon=True)
        self._open = ExitStack()
        self._connection: postgres.Connection | None = None

    def begin(self) -> bool:
        self._take()
        if self._connection is None:
            return False
        self._thread.start()
        return True

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._open.close()

    def _keep(self) -> None:
        while not self._ended.wait(self._renew_seconds):
            try:
                if self._connection is not None:
                    self._connection.execute("select 1")
                    continue
            except psycopg.Error:
                self._connection = None
            self._take()

    def _take(self) -> None:
        try:
            self._open.close()
            connection = self._open.enter_context(postgres.connect(self._url, what=OPS))
            with postgres.errors_about(OPS):
                if postgres.try_lock(connection, _key(self.mark)):
                    self._connection = connection
        except SyncError as error:
            logger.debug("The lock of this process could not be taken: %s", error)


def _key(mark: str) -> int:
    return postgres.lock_key("worker", mark)


def _new_mark() -> str:
    import psutil

    started = f"{psutil.Process().create_time():.0f}"
    return f"{_machine()}:{os.getpid()}:{started}:{uuid4().hex[:8]}"


def _machine() -> str:
    """A digest of this machine and its start: a process number means nothing elsewhere, or after a restart."""
    boot = _BOOT.read_text() if _BOOT.exists() else ""
    return hashlib.sha256(f"{socket.gethostname()}\n{boot}".encode()).hexdigest()[:12]
