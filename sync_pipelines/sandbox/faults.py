"""What the fakes that answer in JSON share: a register of faults, a desk to switch them, and a line that is reset."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.wire import Wire

FAULTS_PATH = "/_sandbox/faults"
Answers = Mapping[str, Callable[[], Response]]


class Dropped(Response):
    """The connection is reset instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(scope, receive, send)
        await wire.hang_up(reset=True)
        wire.close()


@dataclass
class _Active:
    name: str
    left: int | None
    after: int
    row: int | None

    @property
    def label(self) -> str:
        return self.name if self.row is None else f"{self.name} of {self.row}"


def _no_rows() -> Collection[int]:
    return ()


class Switches:
    """What is switched on: each fault stays until `clear`, or has been used `times` times.

    `answers` are given instead of the endpoint's own, and nothing is done; `behaviours` are what it does otherwise.
    """

    def __init__(self, answers: Answers, behaviours: Mapping[str, str]) -> None:
        self._answers = answers
        self.known = [*answers, *behaviours]
        self._on: list[_Active] = []
        self._lock = Lock()

    def add(self, name: str, times: int | None = None, *, after: int = 0, row: int | None = None) -> None:
        """Switch a fault on; ValueError in a sentence for an unknown name or count.

        It waits until `after` requests have passed that it might have hit, and with `row` hits only those that carry
        a row of this number.
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

    def strikes(self, name: str, rows: Callable[[], Collection[int]] = _no_rows) -> bool:
        """Whether the fault hits this request, whose rows `rows` tells; that is one use of it."""
        with self._lock:
            return any(self._uses(one) for one in self._concerned(name, rows))

    def answer(
        self, rows: Callable[[], Collection[int]] = _no_rows, others: Collection[str] = ()
    ) -> Response | None:
        """The answer to give instead, where one is switched on; `others` do not concern this request."""
        concerned = (name for name in self._answers if name not in others)
        return next((self._answers[name]() for name in concerned if self.strikes(name, rows)), None)

    def listing(self) -> dict[str, int | None]:
        """What is on, with the uses left; None is for ever."""
        with self._lock:
            return {one.label: one.left for one in self._on}

    def _concerned(self, name: str, rows: Callable[[], Collection[int]]) -> Iterator[_Active]:
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


def desk(
    switches: Switches, fail: Callable[..., None], options: Collection[str] = ("times",)
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: GET lists the faults, POST {"name": …, "times": …} switches one on by `fail`, DELETE all off."""

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
    """What a body says as JSON, None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
