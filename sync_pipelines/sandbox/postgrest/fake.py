"""A Supabase project's REST fake on a socket: its gateway, and behind it a server that answers as PostgREST does.

It works on a real database, so the database itself says why it refuses a row. Answers of other kinds are faults
that are switched on, by a test or while it runs (`POST /_sandbox/faults`); the last requests are remembered without
keys and bodies.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from types import TracebackType
from typing import NamedTuple, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.faults import FAULTS_PATH, Dropped, Switches, faults_endpoint
from sync_pipelines.sandbox.postgrest.faults import (
    ANSWERS,
    AT_ROOT,
    BEHAVIOURS,
    OF_RELOAD,
    RELOAD_PATH,
    Closing,
    Cut,
    Hung,
)
from sync_pipelines.sandbox.postgrest.refusals import RefusalError
from sync_pipelines.sandbox.postgrest.request import Asked
from sync_pipelines.sandbox.postgrest.service import Service
from sync_pipelines.sandbox.postgrest.tokens import Tokens
from sync_pipelines.sandbox.servers import BackgroundServer, Served

REST = "/rest/v1"
REMEMBERED = 10_000
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Recorded(NamedTuple):
    """A request: how many objects its body had, and the status of the answer (None: the connection was cut)."""

    method: str
    path: str
    query: str
    objects: int
    status: int | None


class PostgrestFake(Served):
    """`with PostgrestFake(database_url) as fake:` serves one schema on a free port, as a server of `version` would.

    `max_rows` is the silent cap of an answer, `latency_seconds` the delay of every request. After a NOTIFY the server
    sees the new schema only `reload_polls` requests later.
    """

    def __init__(
        self,
        database_url: str,
        *,
        jwt_secret: str | None = None,
        max_rows: int | None = 1000,
        latency_seconds: float = 0.0,
        reload_polls: int = 0,
        schema: str = "public",
        version: int = 16,
    ) -> None:
        tokens = Tokens(jwt_secret or secrets.token_hex(32), version)
        self.token = tokens.make
        self.service_key, self.anon_key = tokens.make("service_role"), tokens.make("anon")
        self._keys = (self.service_key, self.anon_key)
        self.latency_seconds = latency_seconds
        self.requests: deque[Recorded] = deque(maxlen=REMEMBERED)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self._service = Service(
            database_url, tokens, max_rows=max_rows, polls=reload_polls, schema=schema, version=version
        )
        self._service.cache.hears = lambda: not self.switches.strikes("stale_cache")
        self._closing = Closing()
        options = ("times", "after", "lead_id")
        routes = [
            Route(
                FAULTS_PATH,
                faults_endpoint(self.switches, self.fail, options),
                methods=["GET", "POST", "DELETE"],
            ),
            Route(REST, self._serve, methods=_METHODS),
            Route(REST + "/{path:path}", self._serve, methods=_METHODS),
        ]
        self.server = BackgroundServer(Starlette(routes=routes))

    def __enter__(self) -> Self:
        self.open()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_hanging_requests()
        super().__exit__(kind, error, trace)
        self.close()

    @property
    def reload_polls(self) -> int:
        """How many requests after a NOTIFY the new schema is seen."""
        return self._service.cache.polls

    @reload_polls.setter
    def reload_polls(self, polls: int) -> None:
        self._service.cache.polls = polls

    def fail(self, name: str, times: int | None = None, after: int = 0, lead_id: int | None = None) -> None:
        """Switch a fault of `faults.py` on, until `clear` or for so many requests.

        It skips the first `after` requests that it could have hit; with `lead_id` it hits only requests with that row.
        """
        self.switches.add(name, times, after=after, row=lead_id)

    def clear(self) -> None:
        """Switch everything off and forget the requests."""
        self.switches.clear()
        self.requests.clear()

    def open(self) -> None:
        """Read the schema before the first request."""
        self._service.cache.open()

    def end_hanging_requests(self) -> None:
        """End the requests that hang, because the server is about to end."""
        self._closing.begin()

    def close(self) -> None:
        """Close the connections, once the server has ended."""
        self._service.close()

    async def _serve(self, request: Request) -> Response:
        asked = await Asked.of(request, request.url.path.removeprefix(REST) or "/")
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        response = await self._answer(asked)
        status = None if isinstance(response, Dropped | Hung) else response.status_code
        self.requests.append(
            Recorded(
                method=asked.method,
                path=request.url.path,
                query=request.url.query,
                objects=len(asked.rows),
                status=status,
            )
        )
        return response

    async def _answer(self, asked: Asked) -> Response:
        if (answer := self._fault(asked)) is not None:
            return answer
        if self.switches.strikes("hang", asked.keys):
            return self._closing.hung()
        if (refusal := self._refusal_of_gateway(asked)) is not None:
            return refusal.response(16)
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._service.sessions.pool, self._service.answer, asked)
        if self.switches.strikes("applied_then_dropped", asked.keys):
            return Dropped()
        return Cut(response) if self.switches.strikes("cut_body", asked.keys) else response

    def _fault(self, asked: Asked) -> Response | None:
        """The answer of a fault that concerns this address."""
        others = (AT_ROOT if asked.path != "/" else ()) + (OF_RELOAD if asked.path != RELOAD_PATH else ())
        return self.switches.answer(asked.keys, others)

    def _refusal_of_gateway(self, asked: Asked) -> RefusalError | None:
        """The gateway's refusal of a request without one of the project's keys."""
        key = asked.headers.get("apikey") or asked.parameter("apikey")
        if not key:
            hint = "No `apikey` request header or url param was found."
            return RefusalError(401, None, "No API key found in request", hint=hint)
        if not any(secrets.compare_digest(key.encode(), known.encode()) for known in self._keys):
            hint = "Double check your Supabase `anon` or `service_role` API key."
            return RefusalError(401, None, "Invalid API key", hint=hint)
        return None
