"""The receiver: the webhook of the way back, the functions that the old screen calls, and its own health.

It stores and answers, and decides nothing of a lead: whether a change is an echo or older than what TabuladorMax has
is the drain's to say, which sees many at a time under one lock. So the answer to an accepted change never says
`skipped`, and what became of it stands in ops.inbox. What was not stored is answered 503, never 200.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.receiver import limits
from sync_pipelines.receiver.limits import Network, Rate, RefusedRequestError, TokenBuckets
from sync_pipelines.receiver.tokens import SCREEN, SERVICE, Guard, Unauthorized
from sync_pipelines.scouter.reverse.webhook import BadRequestError, Ignored, LeadChange, parse, read_change

WEBHOOK_PATH = "/functions/v1/sync-from-gestao-scouter"
FUNCTIONS_PATH = "/functions/v1/"
HEALTH_PATH = "/health"
RETRY_SECONDS = 30.0
#: The other side's database is one client and does not repeat what is refused: a mass edit there has to fit.
PER_CLIENT = Rate(200, 5000)
IN_ALL = Rate(400, 10_000)
#: Calls of one function of the screen that are worked on at once. A reload of the destination's cache takes up to
#: half a minute: further calls wait without a thread, which the webhook needs.
AT_ONCE = 4
HEALTH_SECONDS = 5.0  # for which an answer about the database is repeated
#: What the client library of the old screen sends along.
_SCREEN_HEADERS = ("authorization", "apikey", "content-type", "x-client-info")

_log = logging.getLogger(__name__)

#: A function of the old screen: any JSON (None: no body) in, a status and a JSON document out. It may block.
Answer = Callable[[Any], tuple[int, Any]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Store(Protocol):
    """Where changes are kept. Both may block."""

    def add(self, change: LeadChange) -> None:
        """Keep a change, or raise SyncError."""

    def answers(self) -> bool:
        """Whether something can be kept."""

    def close(self) -> None:
        """Give up what is held open."""


@dataclass(frozen=True)
class Options:
    """The receiver's limits, the `origins` of screens that a browser may call from, and the `proxies` before us.

    Of both none by default.
    """

    max_bytes: int = 1 << 20
    body_seconds: float = 10.0
    per_client: Rate = PER_CLIENT
    in_all: Rate = IN_ALL
    origins: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()


class Receiver:
    """The endpoints. `monotonic` gives seconds; `screen` is what answers the old screen, by its functions' names."""

    def __init__(
        self,
        guard: Guard,
        store: Store,
        *,
        screen: Mapping[str, Answer] | None = None,
        webhook: bool = True,
        options: Options | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guard, self._store, self._screen = guard, store, screen or {}
        self._takes_changes = webhook
        self._options, self._monotonic = options or Options(), monotonic
        self._clients = TokenBuckets(self._options.per_client, monotonic)
        self._all = TokenBuckets(self._options.in_all, monotonic, clients=1)
        self._health: tuple[float, bool] | None = None

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [Route(HEALTH_PATH, _answering(self._tell_health), methods=["GET"])]
        if self._takes_changes:
            routes.append(Route(WEBHOOK_PATH, _answering(self._webhook), methods=["POST"]))
        for name, answer in self._screen.items():
            endpoint = partial(self._function, answer, CapacityLimiter(AT_ONCE))
            routes.append(Route(FUNCTIONS_PATH + name, _answering(endpoint), methods=["POST"]))
        origins = self._options.origins
        middleware = [
            Middleware(
                CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=_SCREEN_HEADERS
            )
        ]
        return Starlette(routes=routes, middleware=middleware if origins else [], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self._store.close()

    async def _webhook(self, request: Request) -> Response:
        document, text = await self._read(request, SERVICE, secret_counts=True)
        change = read_change(document, text)
        if isinstance(change, Ignored):
            return _answer(200, {"success": True, "message": f"Ignored: {change.reason}."})
        await run_in_threadpool(self._store.add, change)
        return _answer(
            200, {"success": True, "message": "Stored; it is applied soon.", "leadId": change.lead_id}
        )

    async def _function(self, answer: Answer, limiter: CapacityLimiter, request: Request) -> Response:
        document, _ = await self._read(request, SCREEN, secret_counts=False, may_be_empty=True)
        status, body = await to_thread.run_sync(answer, document, limiter=limiter)
        return _answer(status, body)

    async def _tell_health(self, request: Request) -> Response:
        self._count(self._clients, limits.client_of(request, self._options.proxies))
        now = self._monotonic()
        if self._health is None or now - self._health[0] >= HEALTH_SECONDS:
            self._health = now, await run_in_threadpool(self._store.answers)
        fine = self._health[1]
        return _answer(
            200 if fine else 503, {"status": "ok" if fine else "unavailable", "ops_database": fine}
        )

    async def _read(
        self, request: Request, roles: Collection[str], *, secret_counts: bool, may_be_empty: bool = False
    ) -> tuple[Any, str]:
        """The body as JSON (None where it `may_be_empty` and is) and as text, of a caller who may send it.

        Who is refused is counted too, but only against himself: the limit of all is for what is worked on.
        """
        self._count(self._clients, limits.client_of(request, self._options.proxies))
        # It may have to fetch keys.
        await run_in_threadpool(self._guard.admit, request.headers, roles, secret_counts=secret_counts)
        self._count(self._all, "all")
        # The screen's client sends neither a body nor its type where a function takes none.
        if not may_be_empty or limits.has_body(request):
            limits.expect_json(request)
        options = self._options
        body = await limits.read_body(request, max_bytes=options.max_bytes, seconds=options.body_seconds)
        if may_be_empty and not body:
            return None, ""
        return await run_in_threadpool(parse, body), body.decode()

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


def _answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint with every error of it made an answer.

    Not by handlers of Starlette, which lets what is unexpected through to the server's log with its text.
    """

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
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
            # Its text may quote what was sent; what kind it is does not.
            _log.error("A call of %s failed: %s.", request.url.path, type(error).__name__)
            return _error(500, "Something went wrong here; nothing was stored.")

    return answered
