"""What the fake can do wrong on request (wire contract, sections 1, 3 and 9)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.client_connection import ClientConnection
from sync_pipelines.sandbox.faults import Dropped
from sync_pipelines.sandbox.postgrest.refusals import JSON, RefusalError

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def _refused(status: int, code: str | None, message: str, **more: Any) -> Callable[[], Response]:
    return lambda: RefusalError(status, code, message, **more).response(16)


def _bare(status: int, body: dict[str, Any]) -> Callable[[], Response]:
    return lambda: Response(json.dumps(body), status, media_type=JSON)


#: Replace the answer; nothing is done.
ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "drop": Dropped,
    "throttled": lambda: Response(
        json.dumps({"message": "API rate limit exceeded"}), 429, {"Retry-After": "1"}, media_type=JSON
    ),
    "bad_gateway": lambda: Response(_HTML, 502, media_type="text/html"),
    "empty_503": lambda: Response(status_code=503),
    "gateway_504": lambda: Response("upstream request timeout", 504, media_type="text/plain"),
    "statement_timeout": _refused(500, "57014", "canceling statement due to statement timeout"),
    "gateway_401": _refused(
        401, None, "Invalid API key", hint="Double check your Supabase `anon` or `service_role` API key."
    ),
    "expired_301": _refused(401, "PGRST301", "JWT expired"),
    "expired_303": _refused(401, "PGRST303", "JWT expired"),
    "forbidden": _refused(403, "42501", "permission denied for table leads"),
    "bare_error": _bare(400, {"code": "22P02", "message": "invalid input syntax for type integer"}),
    "details_as_array": _bare(
        300,
        {
            "code": "PGRST201",
            "message": "Could not embed because more than one relationship was found",
            "details": [{"cardinality": "many-to-one"}, {"cardinality": "one-to-many"}],
        },
    ),
    "openapi_forbidden": _refused(401, None, "Access to schema is forbidden", hint=None),
    "openapi_disabled": _refused(404, "PGRST126", "Root endpoint metadata is disabled"),
    "reload_missing": _refused(
        404,
        "PGRST202",
        "Could not find the function public.notify_pgrst_reload without parameters in the schema cache",
    ),
}
#: Those that concern one address only.
AT_ROOT = ("openapi_forbidden", "openapi_disabled")
OF_RELOAD = ("reload_missing",)
RELOAD_PATH = "/rpc/notify_pgrst_reload"
BEHAVIOURS: Final[Mapping[str, str]] = {
    "hang": "no answer until the client leaves or the server ends; nothing is done",
    "applied_then_dropped": "the connection is reset after the work was done",
    "cut_body": "the work is done, and the answer ends in the middle",
    "stale_cache": "a NOTIFY for a reload is missed",
}


class Hung(Response):
    """Nothing, until the client leaves or the server closes."""

    def __init__(self, closing: asyncio.Event) -> None:
        super().__init__()
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        closing = asyncio.ensure_future(self._closing.wait())
        leaving = asyncio.ensure_future(client.left_within(None))
        await asyncio.wait({closing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not leaving.done():
            leaving.cancel()
            await client.hang_up(reset=True)
        client.close()


class Closing:
    """Ends every request that hangs when the server closes."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def hung(self) -> Hung:
        """A request that hangs from now on."""
        self._loop = asyncio.get_running_loop()
        return Hung(self._event)

    def begin(self) -> None:
        """End all requests that hang; called from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)


class Cut(Response):
    """The beginning of another answer: the connection ends before the announced length."""

    def __init__(self, whole: Response) -> None:
        super().__init__(None, 200 if whole.status_code == 204 else whole.status_code)
        # A body without content cannot be cut: one byte is announced.
        self._body = bytes(whole.body) or b" "
        self._sent = {
            **dict(whole.headers),
            "content-type": whole.headers.get("content-type", JSON),
            "content-length": str(len(self._body)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        await client.start(self.status_code, self._sent)
        await client.body(self._body[: len(self._body) // 2], more=True)
        await client.hang_up(reset=False)
        client.close()
