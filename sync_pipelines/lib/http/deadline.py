"""Deadlines of HTTP attempts, enforced by one thread that all attempts of a client share.

A socket's timeouts start anew with every byte, so only somebody else can end an answer that trickles.
"""

import contextlib
import logging
import math
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.redaction import redacted_exception

_log = logging.getLogger(__name__)


class DeadlineThread:
    """Enforces the deadlines of one client; the thread lives from the first deadline to `close`."""

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes_at, self._is_closed = math.inf, False
        #: The connections of the client: one that is used again is not announced to its next request.
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self._is_aborted = False

    def add(self, deadline: "Deadline") -> None:
        with self._changed:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="http-deadlines", daemon=True)
                self._thread.start()
            elif time.monotonic() + deadline.due_in() < self._wakes_at:
                self._changed.notify()

    def remove(self, deadline: "Deadline") -> None:
        """From now on nothing is done to the connection of this deadline: another request may use it."""
        with self._changed:
            self._deadlines.discard(deadline)

    def remember(self, stream: Any) -> None:
        """A connection was made."""
        with self._changed:
            self._streams.add(stream)
            if self._is_aborted:
                _cut(stream)

    def abort(self) -> None:
        """Cut every connection, now and from now on."""
        with self._changed:
            self._is_aborted = True
            for stream in self._streams:
                _cut(stream)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closed:
                for deadline in self._deadlines:
                    deadline.enforce()
                # An attempt that begins later is due later, so that most need not wake this thread.
                due = min((deadline.due_in() for deadline in self._deadlines), default=math.inf)
                self._wakes_at = time.monotonic() + due
                self._changed.wait(None if due == math.inf else due)


class Deadline:
    """The time limit of one attempt; a context manager.

    It reports a wait for the first byte (`on_wait`, every `notice_seconds`), and cuts the connection when `total`
    seconds have passed. `clock` counts monotonic seconds.
    """

    def __init__(
        self,
        thread: DeadlineThread,
        what: str,
        *,
        clock: Callable[[], float],
        total: float,
        notice_seconds: float,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        self._thread, self._what = thread, what
        self._clock, self._start, self._total = clock, clock(), total
        self._notice_seconds, self._on_wait = notice_seconds, on_wait
        self._notice_at = time.monotonic() + notice_seconds if on_wait else math.inf
        self._stream: Any = None
        self._is_waiting, self._is_cut = True, False
        self.waited = 0.0

    def __enter__(self) -> None:
        self._thread.add(self)

    def __exit__(self, *_: object) -> None:
        self._thread.remove(self)

    def elapsed(self) -> float:
        return self._clock() - self._start

    def is_over(self) -> bool:
        return self.elapsed() >= self._total

    def error(self) -> TransientError:
        return TransientError(f"{self._what}: not complete after {self._total:g} s.")

    def received(self) -> None:
        """To be called for each chunk of the body and at its end; raises TransientError past the deadline."""
        if self._is_waiting:
            self._is_waiting, self.waited = False, self.elapsed()
        if self.is_over():
            raise self.error()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Attach the connection as soon as it is made: headers that trickle would never show it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.attach(info["return_value"])
            self._thread.remember(info["return_value"])

    def attach(self, stream: Any) -> None:
        """Name the network stream that is cut at the deadline."""
        self._stream = stream
        if self.is_over():
            _cut(stream)

    def due_in(self) -> float:
        """Seconds until there is something to do."""
        if self._is_cut:
            return math.inf
        notice = self._notice_at - time.monotonic() if self._is_waiting else math.inf
        return max(0.0, min(self._total - self.elapsed(), notice))

    def enforce(self) -> None:
        """Do what is due: cut the connection, or report the wait."""
        if self.is_over():
            self._is_cut = True
            _cut(self._stream)
        elif self._is_waiting and self._on_wait is not None and time.monotonic() >= self._notice_at:
            self._notice_at = time.monotonic() + self._notice_seconds
            try:
                self._on_wait(self.elapsed())
            except Exception as error:  # a notice that fails must not end the wait
                _log.warning("The notice of a wait failed: %s", redacted_exception(error))


def _cut(stream: Any) -> None:
    line = stream.get_extra_info("socket") if stream is not None else None
    if isinstance(line, socket.socket):
        with contextlib.suppress(OSError):  # it is already closed
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # of a TLS socket: the TCP socket below it
