"""The time of an attempt, kept by a thread that all attempts of a client share.

The timeouts of a socket start anew with every byte, so an answer that trickles is cut from outside.
"""

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.redaction import redacted_exception

_log = logging.getLogger(__name__)


class Watchman:
    """Looks at the watches of one client when they are due; its thread lives from the first watch to `close`."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes_at, self._is_closed = math.inf, False

    def begin(self, watch: "Watch") -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="http-watch", daemon=True)
                self._thread.start()
            elif time.monotonic() + watch.due_in() < self._wakes_at:
                self._changed.notify()

    def end(self, watch: "Watch") -> None:
        """Nothing is done to the watch's line any more: another request may use it."""
        with self._changed:
            self._watches.discard(watch)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closed:
                for watch in self._watches:
                    watch.look()
                # An attempt that begins later is due later, so that most need not wake this thread.
                due = min((watch.due_in() for watch in self._watches), default=math.inf)
                self._wakes_at = time.monotonic() + due
                self._changed.wait(None if due == math.inf else due)


class Watch:
    """The time of one attempt: says that it still waits, and cuts the line when it is late. Use it as a context."""

    def __init__(
        self,
        watchman: Watchman,
        what: str,
        clock: Callable[[], float],
        total: float,
        every: float,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        self._watchman, self._what = watchman, what
        self._clock, self._start, self._total = clock, clock(), total
        self._every, self._on_wait = every, on_wait
        self._notice_at = time.monotonic() + every if on_wait else math.inf
        self._line: Any = None
        self._waiting, self._is_cut = True, False
        self.waited = 0.0

    def __enter__(self) -> None:
        self._watchman.begin(self)

    def __exit__(self, *_: object) -> None:
        self._watchman.end(self)

    def elapsed(self) -> float:
        return self._clock() - self._start

    def is_late(self) -> bool:
        return self.elapsed() >= self._total

    def lateness(self) -> TransientError:
        return TransientError(f"{self._what}: not complete after {self._total:g} s.")

    def tick(self) -> None:
        """Called for each piece of the body, and at its end."""
        if self._waiting:
            self._waiting, self.waited = False, self.elapsed()
        if self.is_late():
            raise self.lateness()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn the line as it is made, because an answer that trickles in its headers never shows it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.hold(info["return_value"])

    def hold(self, line: Any) -> None:
        self._line = line
        if self.is_late():
            self._cut()

    def due_in(self) -> float:
        """Seconds until there is something to do."""
        if self._is_cut:
            return math.inf
        notice = self._notice_at - time.monotonic() if self._waiting else math.inf
        return max(0.0, min(self._total - self.elapsed(), notice))

    def look(self) -> None:
        """Do what is due."""
        if self.is_late():
            self._is_cut = True
            self._cut()
        elif self._waiting and self._on_wait is not None and time.monotonic() >= self._notice_at:
            self._notice_at = time.monotonic() + self._every
            try:
                self._on_wait(self.elapsed())
            except Exception as error:  # a notice that fails must not end the wait
                _log.warning("The notice of a wait failed: %s", redacted_exception(error))

    def _cut(self) -> None:
        line = self._line.get_extra_info("socket") if self._line is not None else None
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):  # it is already gone
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # of a TLS socket the line below it
