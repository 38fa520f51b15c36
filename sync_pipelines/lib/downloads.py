"""One attempt at a download: its time kept by a thread of its own, its body written as it comes."""

import contextlib
import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.redaction import redacted_exception

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)


class Watch:
    """Keeps the time of one attempt in a thread: says that it still waits, and cuts the line when it is late.

    Cutting is needed because the timeouts of a socket start anew with every byte.
    """

    def __init__(
        self,
        what: str,
        clock: Callable[[], float],
        total: float,
        every: float,
        on_wait: Callable[[float], None] | None,
    ) -> None:
        self._what, self._clock, self._start, self._total = what, clock, clock(), total
        self._every, self._on_wait = every, on_wait
        self._line: Any = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http-watch", daemon=True)
        self._waiting = True
        self.waited = 0.0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

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

    def _run(self) -> None:
        while not self.is_late():
            left = self._total - self.elapsed()
            if self._over.wait(min(left, self._every) if self._waiting else left):
                return
            if self._waiting and self._on_wait is not None:
                try:
                    self._on_wait(self.elapsed())
                except Exception as error:  # a notice that fails must not end the wait
                    _log.warning("The notice of a wait failed: %s", redacted_exception(error))
        self._cut()

    def _cut(self) -> None:
        line = self._line.get_extra_info("socket") if self._line is not None else None
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):  # it is already gone
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # of a TLS socket the line below it


def write_body(
    response: "httpx.Response", part: Path, what: str, max_bytes: int, watch: Watch
) -> tuple[int, str]:
    """Write the body to a private file; its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for chunk in response.iter_bytes():
            watch.tick()
            size += len(chunk)
            if size > max_bytes:
                raise PermanentError(f"{what}: more than the {max_bytes} bytes allowed.")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    watch.tick()
    declared = declared_bytes(response)
    came = response.num_bytes_downloaded if "content-encoding" in response.headers else size
    if declared is not None and came != declared:
        raise TransientError(f"{what}: the answer was cut ({came} of {declared} bytes).")
    return size, digest.hexdigest()


def declared_bytes(response: "httpx.Response") -> int | None:
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else None
