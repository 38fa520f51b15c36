"""The Edge Functions on a socket: `with FunctionsFake(database_url) as functions:` serves them with their effects.

They are at `/functions/v1/{name}` and write to the project's own database. The gateway checks no token, each function
does. Faults are switched by `fail`, or while it runs by `POST /_sandbox/faults`. No credentials are kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from time import time
from types import TracebackType
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp.analyze_credits import analyze_credits
from sync_pipelines.sandbox.erp.analyze_ncm import analyze_ncm
from sync_pipelines.sandbox.erp.calculate_rtc import calculate_rtc
from sync_pipelines.sandbox.erp.callers import Caller, Callers
from sync_pipelines.sandbox.erp.faults import NO_ANSWER
from sync_pipelines.sandbox.erp.function_request import Function, FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.functions_faults import AFTERWARDS, answers_of, behaviours_of
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.match_opportunities import match_opportunities
from sync_pipelines.sandbox.erp.process_dre import process_dre
from sync_pipelines.sandbox.erp.tax_score import calculate_tax_score
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint, parsed
from sync_pipelines.sandbox.servers import BackgroundServer, Served

PATH: Final = "/functions/v1/{name}"
HANDLERS: Final[Mapping[str, Function]] = {
    "analyze-credits": analyze_credits,
    "analyze-ncm-from-xmls": analyze_ncm,
    "calculate-rtc": calculate_rtc,
    "calculate-tax-score": calculate_tax_score,
    "match-opportunities": match_opportunities,
    "process-dre": process_dre,
}
_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class FunctionCall(NamedTuple):
    """A call: who called, with what body (None unless it was JSON), when, and the status; 0: no answer was given."""

    function: str
    caller: Caller | None
    body: Any
    at: float
    status: int


class FunctionsFake(Served):
    """The functions of a project. `clock` gives seconds since 1970; today is its day in UTC."""

    def __init__(
        self,
        database_url: str,
        *,
        service_key: str | None = None,
        jwt_secret: str | None = None,
        clock: Callable[[], float] = time,
        handlers: Mapping[str, Function] = HANDLERS,
    ) -> None:
        self.service_key = service_key or f"service-{secrets.token_hex(16)}"
        self.jwt_secret = jwt_secret or secrets.token_hex(32)
        self.callers = Callers(self.service_key, self.jwt_secret, clock)
        self.calls: list[FunctionCall] = []
        self.hooks = Hooks()
        self._arrived = dict.fromkeys(handlers, 0)
        self._handlers = handlers
        self._database_url = database_url
        self._clock = clock
        self._idle: list[psycopg.Connection[Any]] = []
        names = tuple(handlers)
        self._answers = answers_of(names)
        self.switches = Switches(self._answers, behaviours_of(names))
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after"))
        routes = [
            Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]),
            Route(PATH, self._answer, methods=_METHODS),
        ]
        self.server = BackgroundServer(Starlette(routes=routes))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self.close()

    def close(self) -> None:
        """End the connections to the database."""
        while self._idle:
            self._idle.pop().close()

    def fail(self, name: str, times: int | None = None, *, after: int = 0) -> None:
        """Switch a fault such as `analyze-credits_hang` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit. Raises ValueError for an unknown name.
        """
        self.switches.add(name, times, after=after)

    def before(self, function: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the `number`-th call of a function from now on does its work, counted from 1."""
        self.hooks.add(function, self._arrived[function] + number, action)

    def of(self, function: str, *, status: int | None = None) -> list[FunctionCall]:
        """The calls of a function, with one status or any."""
        return [call for call in self.calls if call.function == function and status in (None, call.status)]

    def token(self, user_id: UUID, seconds: float = 3600.0, **claims: Any) -> str:
        """A token of a user, as the project's login makes it; negative seconds: one that has expired."""
        return self.callers.token(user_id, seconds, **claims)

    def clear(self) -> None:
        """Switch every fault off, forget hooks and calls."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()

    async def _answer(self, request: Request) -> Response:
        function = request.path_params["name"]
        if request.method == "OPTIONS":
            return PlainTextResponse("ok", headers={"Access-Control-Allow-Origin": "*"})
        if function not in self._handlers:
            return JSONResponse({"code": "NOT_FOUND", "message": "Requested function was not found"}, 404)
        at, text = self._clock(), await request.body()
        self._arrived[function] += 1
        for action in self.hooks.take(function, self._arrived[function]):
            await run_in_threadpool(action)
        caller = self.callers.of(request.headers.get("authorization"))
        others = [name for name in self._answers if not name.startswith(f"{function}_")]
        response = self.switches.answer(others=others)
        if response is None:
            asked = FunctionRequest(
                caller=caller,
                body=parsed(text),
                now=datetime.fromtimestamp(at, UTC),
                writes=not self.switches.strikes(f"{function}_without_effect"),
                ends_early=lambda: self.switches.strikes(f"{function}_half_done"),
            )
            response = await run_in_threadpool(self._run, function, asked)
        self.calls.append(
            FunctionCall(
                function=function,
                caller=caller,
                body=parsed(text),
                at=at,
                status=0 if isinstance(response, NO_ANSWER) else response.status_code,
            )
        )
        return response

    def _run(self, function: str, request: FunctionRequest) -> Response:
        try:
            with self._database() as database:
                answer = self._handlers[function](database, request)
        except FunctionError as error:
            return JSONResponse(error.body, error.status)
        except psycopg.Error as error:
            return JSONResponse({"error": error.diag.message_primary or "Erro interno"}, 500)
        for name, make in AFTERWARDS.items():
            if self.switches.strikes(f"{function}_{name}"):
                return make()
        return JSONResponse(answer)

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[Any]]:
        """Each statement is a transaction of its own, as calls of the REST API are."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = psycopg.connect(self._database_url, autocommit=True)
        try:
            yield connection
        except psycopg.OperationalError:
            connection.close()
            raise
        finally:
            if not connection.closed:
                self._idle.append(connection)
