"""The syncs that people start by the button of the old screen, a process each.

The receiver stays small, and the run stands in Dagster's history as one from the command line. When the receiver stops
in an orderly way, its syncs are ended with it: a log row is closed as cancelled, and the connection stays as due as it
was. If the receiver is killed, they go on and close their rows themselves.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from uuid import UUID

from sync_pipelines.erp.connections import log
from sync_pipelines.erp.connections.at_work import connection_lock, read_running
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.outcome import Module
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError

COMMAND = (sys.executable, "-m", "sync_pipelines.cli.app", "run", "erp")
#: Each takes the memory of a run.
MOST_AT_ONCE = 3
#: In which a process that was asked to end closes its row.
STOP_SECONDS = 20.0
#: In which the server notices that the session of a killed process is gone.
_LOCK_SECONDS = 5.0
logger = logging.getLogger(__name__)


class AlreadyRunningError(Exception):
    """A sync of this connection was started here and goes on."""


class TooManyError(Exception):
    """As many syncs as may run at once go on, or no further one is started because the receiver stops."""


@dataclass
class _Running:
    process: subprocess.Popen[bytes] = field(repr=False)
    ended: Event = field(default_factory=Event)
    is_asked_to_end: bool = False


class SyncProcesses:
    """Processes of `command`, one a connection at most, and `most` in all. `url` is the application's database."""

    def __init__(
        self,
        url: str,
        *,
        command: Sequence[str] = COMMAND,
        most: int = MOST_AT_ONCE,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._url, self._command, self._most, self._stop_seconds = url, command, most, stop_seconds
        self._lock = Lock()
        self._running: dict[UUID, _Running] = {}
        self._is_stopped = False

    def start(self, connection_id: UUID, modules: Sequence[Module] | None) -> Event:
        """Start a sync of these modules, or of what the connection wants; the event is set when it has ended.

        By then no row of a process that died is open any more. Raises AlreadyRunningError, TooManyError; OSError if
        there is no further process.
        """
        chosen = ("--modules", ",".join(modules)) if modules else ()
        with self._lock:
            if connection_id in self._running:
                raise AlreadyRunningError
            if self._is_stopped or len(self._running) >= self._most:
                raise TooManyError
            process = subprocess.Popen(  # noqa: S603 - the command is ours, and so are the words behind it
                [*self._command, "--connection", str(connection_id), *chosen],
                stdin=subprocess.DEVNULL,
                # A Ctrl-C in the receiver's terminal is for the receiver, which ends its syncs.
                start_new_session=True,
            )
            running = self._running[connection_id] = _Running(process)
        Thread(target=self._watch, args=(connection_id, running), name="erp-sync", daemon=True).start()
        return running.ended

    def stop(self) -> None:
        """Ask every process to end, kill those that do not, and start no further one. It may be called again.

        A process is asked once: a second signal would interrupt the writing of its end.
        """
        with self._lock:
            self._is_stopped, left = True, list(self._running.values())
            for one in left:
                if not one.is_asked_to_end:
                    one.is_asked_to_end = True
                    one.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for one in left:
            if not one.ended.wait(max(0.0, deadline - time.monotonic())):
                one.process.kill()
        for one in left:
            one.ended.wait(2 * _LOCK_SECONDS)

    def _watch(self, connection_id: UUID, running: _Running) -> None:
        try:
            if status := running.process.wait():
                logger.warning("The sync of connection %s ended with status %s.", connection_id, status)
            _close_dead(self._url, connection_id)
        finally:
            with self._lock:
                del self._running[connection_id]
            running.ended.set()


def _close_dead(url: str, connection_id: UUID) -> None:
    """Close the row that a killed process left open. Never raises: where this fails, the reaper closes it."""
    try:
        with postgres.connect(url, what=ERP) as connection, postgres.errors_about(ERP):
            if connection_id not in read_running(connection):
                return
            busy = "Another run has the connection, and closes such rows itself."
            with postgres.session_lock(
                connection, connection_lock(connection_id), wait_seconds=_LOCK_SECONDS, busy=busy
            ):
                log.close_dead(connection, connection_id)
    except SyncError as error:
        logger.warning("An open row of connection %s could not be looked at: %s", connection_id, error)
