"""What the project's endpoints can do wrong on request: answers of another kind, and behaviour of another kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.wire import Wire


class Dropped(Response):
    """The connection is reset instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(scope, receive, send)
        await wire.hang_up(reset=True)
        wire.close()


#: Given instead of the endpoint's own answer; nothing is done.
ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "drop": Dropped,
    "unauthorized": lambda: JSONResponse({"code": 401, "message": "Invalid JWT"}, 401),
    "not_deployed": lambda: JSONResponse({"code": "NOT_FOUND", "message": "Function was not found"}, 404),
    "throttled": lambda: JSONResponse({"message": "Too many requests"}, 429, {"Retry-After": "1"}),
    "bad_gateway": lambda: Response("<html><title>502</title></html>", 502, media_type="text/html"),
    "not_json": lambda: PlainTextResponse("alerta enviado"),
    "empty": lambda: Response(status_code=200),
    "sent_as_text": lambda: JSONResponse({"message": "ok", "emails_sent": "1"}),
    "sent_as_bool": lambda: JSONResponse({"message": "ok", "emails_sent": True}),
}
#: What the endpoint itself does otherwise. `slow` comes on top of whatever else is on.
BEHAVIOURS: Final[Mapping[str, str]] = {
    "slow": "the answer comes late",
    "subscriber_query_fails": "alert-processor cannot read its subscribers",
    "no_subscribers": "alert-processor finds no subscriber",
    "one_fails": "the first mail of an alert is not sent",
    "all_fail": "no mail of an alert is sent, and the answer is 200 all the same",
}


class Switches:
    """What is switched on: each fault stays until `clear`, or has been used `times` times."""

    def __init__(self) -> None:
        self._left: dict[str, int | None] = {}
        self._lock = Lock()

    def add(self, name: str, times: int | None = None) -> None:
        """Switch a fault on; ValueError in a sentence for an unknown name or count."""
        known = [*ANSWERS, *BEHAVIOURS]
        if name not in known:
            raise ValueError(f"There is no fault {name!r}. Known: {', '.join(known)}.")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError(f"times must be 1 or more, or absent for ever; got {times}.")
        with self._lock:
            self._left[name] = times

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def strikes(self, name: str) -> bool:
        """Whether the fault is on; that is one use of it."""
        with self._lock:
            if name not in self._left:
                return False
            left = self._left[name]
            if left == 1:
                del self._left[name]
            elif left is not None:
                self._left[name] = left - 1
            return True

    def answer(self) -> Response | None:
        """The answer to give instead, where one is switched on."""
        return next((make() for name, make in ANSWERS.items() if self.strikes(name)), None)

    def listing(self) -> dict[str, int | None]:
        """What is on, with the uses left; None is for ever."""
        with self._lock:
            return dict(self._left)
