"""The project's endpoints on a socket: the Edge Function `alert-processor` and PostgREST's functions.

They behave as sections 3 and 5 of the contract say, on the project's own database. Other answers are faults that are
switched on, by a test or while it runs (`POST /_sandbox/faults`). Every request is recorded without its credentials.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.aimindset.alert_processor import AlertProcessor
from sync_pipelines.sandbox.aimindset.faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint, parsed
from sync_pipelines.sandbox.postgrest.request import Asked
from sync_pipelines.sandbox.postgrest.rpc import Rpc
from sync_pipelines.sandbox.servers import BackgroundServer, Served

ALERT_PATH = "/functions/v1/alert-processor"
RPC_PATH = "/rest/v1/rpc/{function}"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Recorded(NamedTuple):
    """A request: whether its key was right, and its body; `body` is None unless it is JSON."""

    method: str
    path: str
    authorized: bool
    body: Any


class AimindsetFake(Served):
    """`with AimindsetFake(database_url) as project:` serves both endpoints on a free port.

    Without a database there are `subscribers` subscribers and no functions. `smtp` is host and port of the mail
    server; `slow_seconds` is the delay of a slow answer.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        subscribers: int = 1,
        smtp: tuple[str, int] | None = None,
        service_key: str | None = None,
        slow_seconds: float = 3.0,
    ) -> None:
        self.service_key = service_key or f"service-{secrets.token_hex(16)}"
        self.slow_seconds = slow_seconds
        self.requests: list[Recorded] = []
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.alert_processor = AlertProcessor(
            switches=self.switches, database_url=database_url, subscribers=subscribers, smtp=smtp
        )
        self.rpc = Rpc(database_url) if database_url else None
        routes = [
            Route(ALERT_PATH, self._alert, methods=_METHODS),
            Route(RPC_PATH, self._rpc, methods=["POST"]),
            Route(FAULTS_PATH, faults_endpoint(self.switches, self.fail), methods=["GET", "POST", "DELETE"]),
        ]
        self.server = BackgroundServer(Starlette(routes=routes))

    def fail(self, name: str, times: int | None = None) -> None:
        """Switch a fault of `faults.py` on, until `clear` or for so many requests."""
        self.switches.add(name, times)

    def clear(self) -> None:
        """Switch everything off and forget the requests."""
        self.switches.clear()
        self.requests.clear()

    @property
    def alerts(self) -> list[Any]:
        """The bodies that reached the function."""
        return [one.body for one in self.requests if one.path == ALERT_PATH]

    async def _alert(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return PlainTextResponse("ok", headers={"Access-Control-Allow-Origin": "*"})
        text = await request.body()
        refusal = await self._refusal(request, text, self._bears_the_key(request), why="Invalid JWT")
        if refusal is not None:
            return refusal
        return await run_in_threadpool(self.alert_processor.process, text)

    async def _rpc(self, request: Request) -> Response:
        text = await request.body()
        authorized = self._bears_the_key(request) and self._is_the_key(request.headers.get("apikey", ""))
        refusal = await self._refusal(request, text, authorized, why="Invalid API key")
        if refusal is not None:
            return refusal
        if self.rpc is None:
            return JSONResponse({"code": "PGRST000", "message": "Could not connect with the database"}, 503)
        asked = await Asked.of(request, request.url.path)
        return await run_in_threadpool(self.rpc.call, asked, request.path_params["function"])

    async def _refusal(self, request: Request, text: bytes, authorized: bool, why: str) -> Response | None:
        """Record the request; the answer of a fault or of the gateway, None if the request may go on."""
        self.requests.append(
            Recorded(method=request.method, path=request.url.path, authorized=authorized, body=parsed(text))
        )
        if self.switches.strikes("slow"):
            await asyncio.sleep(self.slow_seconds)
        if (answer := self.switches.answer()) is not None:
            return answer
        return None if authorized else JSONResponse({"code": 401, "message": why}, 401)

    def _bears_the_key(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._is_the_key(token)

    def _is_the_key(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.service_key.encode())
