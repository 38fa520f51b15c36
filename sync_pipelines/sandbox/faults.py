"""Faults of the fakes that answer in JSON: a register, an endpoint that switches them, a connection that is reset."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.client_connection import ClientConnection

FAULTS_PATH = "/_sandbox/faults"
Answers = Mapping[str, Callable[[], Response]]


class Dropped(Response):
    """The connection is reset instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        await client.hang_up(reset=True)
        client.close()


@dataclass
class _Active:
    name: str
    left: int | None
    after: int
    row: Hashable

    @property
    def label(self) -> str:
        return self.name if self.row is None else f"{self.name} of {self.row}"


def _no_rows() -> Collection[Hashable]:
    return ()


class Switches:
    """The faults that are on: each stays until `clear`, or until it has been used `times` times.

    `answers` replace the endpoint's own, and nothing is done; `behaviours` change what the endpoint does.
    """

    def __init__(self, answers: Answers, behaviours: Mapping[str, str]) -> None:
        self._answers = answers
        self.known = [*answers, *behaviours]
        self._on: list[_Active] = []
        self._lock = Lock()

    def add(self, name: str, times: int | None = None, *, after: int = 0, row: Hashable = None) -> None:
        """Switch a fault on; ValueError in a sentence for an unknown name or count.

        It skips the first `after` requests that it could have hit; with `row` it hits only requests that carry this
        row: a number, or whatever else a fake tells its requests apart by.
        """
        if name not in self.known:
            raise ValueError(f"There is no fault {name!r}. Known: {', '.join(self.known)}.")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError(f"times must be 1 or more, or absent for ever; got {times}.")
        if not isinstance(after, int) or after < 0:
            raise ValueError(f"after must be 0 or more; got {after}.")
        with self._lock:
            self._on = [one for one in self._on if (one.name, one.row) != (name, row)]
            self._on.append(_Active(name=name, left=times, after=after, row=row))

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._on.clear()

    def strikes(self, name: str, rows: Callable[[], Collection[Hashable]] = _no_rows) -> bool:
        """Whether the fault hits this request, whose rows `rows` gives; that uses it once."""
        with self._lock:
            return any(self._uses(one) for one in self._concerned(name, rows))

    def answer(
        self, rows: Callable[[], Collection[Hashable]] = _no_rows, others: Collection[str] = ()
    ) -> Response | None:
        """The answer of a fault that is on, or None; the faults in `others` do not concern this request."""
        concerned = (name for name in self._answers if name not in others)
        return next((self._answers[name]() for name in concerned if self.strikes(name, rows)), None)

    def listing(self) -> dict[str, int | None]:
        """The faults that are on, with the uses left; None: until it is switched off."""
        with self._lock:
            return {one.label: one.left for one in self._on}

    def _concerned(self, name: str, rows: Callable[[], Collection[Hashable]]) -> Iterator[_Active]:
        for one in [one for one in self._on if one.name == name]:
            if one.row is None or one.row in rows():
                yield one

    def _uses(self, one: _Active) -> bool:
        if one.after:
            one.after -= 1
            return False
        if one.left == 1:
            self._on.remove(one)
        elif one.left is not None:
            one.left -= 1
        return True


def faults_endpoint(
    switches: Switches, fail: Callable[..., None], options: Collection[str] = ("times",)
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: GET lists the faults, POST {"name": …, "times": …} calls `fail`, DELETE switches all off."""

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"on": switches.listing(), "known": switches.known})
        if request.method == "DELETE":
            switches.clear()
            return JSONResponse({"on": {}})
        wanted = parsed(await request.body())
        if not isinstance(wanted, dict):
            return JSONResponse({"message": 'A fault is described by {"name": "drop", "times": 1}.'}, 400)
        try:
            fail(str(wanted.get("name")), **{name: wanted[name] for name in options if name in wanted})
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)
        return JSONResponse({"on": switches.listing()}, 201)

    return answer


def parsed(text: bytes) -> Any:
    """A body as JSON; None if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
