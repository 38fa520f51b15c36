"""The way to Gestão Scouter's API, on which a test acts at the n-th request, and the end of a worker."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import httpx

Act = Callable[[], object]


class Killed(BaseException):
    """The end of a worker: nothing of ours catches it."""


class Wire(httpx.BaseTransport):
    """Real sockets. `at` plans one act before or after the n-th request (from 1) of what follows.

    Whatever an act raises the client gets: the answer of a request that was applied is then lost. A wire that was cut
    stays cut, because no thread of a killed worker sends anything any more.
    """

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Plan nothing, and count from the next request on."""
        self._count, self._is_cut = 0, False
        self._plan: tuple[int, bool, Act] | None = None
        #: Requests that carried rows of leads.
        self.written = 0

    def at(self, number: int, *, after: bool, act: Act) -> None:
        self.clear()
        self._plan = (number, after, act)

    def cut(self) -> None:
        """Kill the worker."""
        self._is_cut = True
        raise Killed

    def require_whole(self) -> None:
        """Raises Killed in a worker that was killed: its other threads may still run."""
        if self._is_cut:
            raise Killed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.require_whole()
        with self._lock:
            self._count += 1
            plan = self._plan if self._plan and self._plan[0] == self._count else None
            self.written += _writes(request)
        if plan and not plan[1]:
            plan[2]()
        response = self._real.handle_request(request)
        if plan and plan[1]:
            # The whole answer, so that the connection is whole whatever the act does.
            response.read()
            plan[2]()
        return response

    def close(self) -> None:
        """Nothing: each client of a push closes its transport, and this one serves them all."""

    def end(self) -> None:
        """Close the sockets."""
        self._real.close()


def _writes(request: httpx.Request) -> bool:
    """Whether it writes rows: the doctor's probe carries none."""
    is_write = request.method in {"PATCH", "POST", "PUT"} and request.url.path.endswith("/leads")
    return is_write and request.read() not in (b"", b"[]")
