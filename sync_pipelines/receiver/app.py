"""The receiver: the endpoints of the systems, and its own health, as one ASGI application.

It knows no system. It counts requests, admits callers, reads bodies within limits and turns every error into an
answer; a handler does the rest. What was not stored is answered 503, never 200.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.endpoints import LONGEST_BODY, Call, Endpoint
from sync_pipelines.lib.http.request_json import BadRequestError, parse
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver import limits
from sync_pipelines.receiver.authentication import Authenticator, Unauthorized
from sync_pipelines.receiver.limits import Network, Rate, RefusedRequestError, TokenBuckets

HEALTH_PATH = "/health"
RETRY_SECONDS = 30.0
#: A database that calls is one client and does not repeat what is refused: a mass edit there has to fit.
PER_CLIENT = Rate(200, 5000)
IN_ALL = Rate(400, 10_000)
#: Requests of one endpoint whose bodies are in memory. Further ones wait unread: a mass edit sends thousands at once.
BODIES_AT_ONCE = 64
HEALTH_SECONDS = 5.0  # for which an answer about the database is repeated
#: What Supabase's client library sends along from a browser.
_BROWSER_HEADERS = ("authorization", "apikey", "content-type", "x-client-info")

_log = logging.getLogger(__name__)

#: What answers one route.
_Responder = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Options:
    """The receiver's limits, the `origins` of screens that a browser may call from, and the `proxies` before us.

    Of both none by default. `max_bytes` is an upper bound of what an endpoint allows.
    """

    max_bytes: int = LONGEST_BODY
    body_seconds: float = 10.0
    bodies_at_once: int = BODIES_AT_ONCE
    per_client: Rate = PER_CLIENT
    in_all: Rate = IN_ALL
    origins: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()


class Mounted(NamedTuple):
    """An endpoint with what admits its callers."""

    endpoint: Endpoint
    authenticator: Authenticator


class _Lane(NamedTuple):
    """What one endpoint is worked on in: so many bodies at once, and so many threads (None: those of all)."""

    bodies: CapacityLimiter
    threads: CapacityLimiter | None


class Receiver:
    """Serves mounted endpoints over one inbox. `monotonic` gives seconds; each of `on_stop` is called at the end."""

    def __init__(
        self,
        inbox: InboxPool,
        *,
        options: Options | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        on_stop: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._inbox, self._on_stop = inbox, on_stop
        self._options, self._monotonic = options or Options(), monotonic
        self._clients = TokenBuckets(self._options.per_client, monotonic)
        self._all = TokenBuckets(self._options.in_all, monotonic, clients=1)
        self._health: tuple[float, bool] | None = None

    def application(self, mounted: list[Mounted]) -> Starlette:
        """The ASGI application."""
        routes = [Route(HEALTH_PATH, _answering(self._report_health), methods=["GET"])]
        for one in mounted:
            lane = _Lane(
                bodies=CapacityLimiter(self._options.bodies_at_once),
                threads=CapacityLimiter(one.endpoint.at_once) if one.endpoint.at_once else None,
            )
            responder = _answering(partial(self._call, one, lane))
            routes.append(Route(one.endpoint.path, responder, methods=[one.endpoint.method]))
        origins = self._options.origins
        middleware = [
            Middleware(
                CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=_BROWSER_HEADERS
            )
        ]
        return Starlette(routes=routes, middleware=middleware if origins else [], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for stop in self._on_stop:
            await run_in_threadpool(stop)
        self._inbox.close()

    async def _call(self, mounted: Mounted, lane: _Lane, request: Request) -> Response:
        caller = await self._admit(mounted, request)
        async with lane.bodies:
            call = await self._read(mounted.endpoint, request, caller=caller)
            status, body = await to_thread.run_sync(mounted.endpoint.handler, call, limiter=lane.threads)
        return _answer(status, body)

    async def _report_health(self, request: Request) -> Response:
        self._count(self._clients, limits.client_of(request, self._options.proxies))
        now = self._monotonic()
        if self._health is None or now - self._health[0] >= HEALTH_SECONDS:
            self._health = now, await run_in_threadpool(self._inbox.is_ready)
        fine = self._health[1]
        return _answer(
            200 if fine else 503, {"status": "ok" if fine else "unavailable", "ops_database": fine}
        )

    async def _admit(self, mounted: Mounted, request: Request) -> str | None:
        """Who calls, as the authenticator says.

        A refused request counts too, but only against its caller: the limit of all is for what is worked on.
        """
        self._count(self._clients, limits.client_of(request, self._options.proxies))
        # In a thread, because it may fetch keys.
        caller = await run_in_threadpool(mounted.authenticator.admit, request.headers, mounted.endpoint)
        self._count(self._all, "all")
        return caller

    async def _read(self, endpoint: Endpoint, request: Request, *, caller: str | None) -> Call:
        """The call of an admitted caller."""
        options = self._options
        # The client library sends neither a body nor its type where a function takes none.
        if not endpoint.may_be_empty or limits.has_body(request):
            limits.expect_json(request)
        most = min(endpoint.max_bytes, options.max_bytes)
        body = await limits.read_body(request, max_bytes=most, seconds=options.body_seconds)
        if endpoint.may_be_empty and not body:
            return Call(None, "", self._inbox, caller=caller)
        document = await run_in_threadpool(parse, body)
        return Call(document, body.decode(), inbox=self._inbox, caller=caller)

    def _count(self, buckets: TokenBuckets, client: str) -> None:
        if wait := buckets.take(client):
            raise RefusedRequestError(429, "Too many requests.", retry_after=wait)


def _answer(status: int, body: Any, *, retry_after: float | None = None) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = limits.retry_after(retry_after)
    return JSONResponse(body, status, headers=headers)


def _error(status: int, sentence: str, retry_after: float | None = None) -> JSONResponse:
    return _answer(status, {"success": False, "error": sentence}, retry_after=retry_after)


def _answering(responder: _Responder) -> _Responder:
    """The responder with every error of it made an answer.

    Not by handlers of Starlette: it hands an unexpected error on to the server, which logs its text.
    """

    async def answered(request: Request) -> Response:
        try:
            return await responder(request)
        except RefusedRequestError as error:
            answer = _error(error.status, str(error), error.retry_after)
            if error.status in {408, 413}:
                # The rest of the body is not read, so nothing else can follow on this connection.
                answer.headers["Connection"] = "close"
            return answer
        except BadRequestError as error:
            return _error(400, str(error))
        except Unauthorized as error:
            _log.info("A call of %s was refused (%s).", request.url.path, error)
            answer = _error(401, "Unauthorized.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        except SyncError as error:
            _log.warning("A call of %s could not be served: %s", request.url.path, error)
            return _error(503, "Not available at the moment; try again.", RETRY_SECONDS)
        except ClientDisconnect:
            return _error(400, "The body did not come whole.")
        except Exception as error:
            # Its text may quote what was sent; its kind does not.
            _log.error("A call of %s failed: %s.", request.url.path, type(error).__name__)
            return _error(500, "Something went wrong here; nothing was stored.")

    return answered
