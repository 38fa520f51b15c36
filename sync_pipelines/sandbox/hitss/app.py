"""The fake export server as an ASGI application: the export, the login, and control endpoints for loopback only."""

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from sync_pipelines.sandbox.client_connection import ClientConnection
from sync_pipelines.sandbox.hitss.answers import SPREADSHEET
from sync_pipelines.sandbox.hitss.archive import restamp
from sync_pipelines.sandbox.hitss.auth import LOGIN_PATH, Authentication
from sync_pipelines.sandbox.hitss.cache import WorkbookCache
from sync_pipelines.sandbox.hitss.faults import FAULTS, Chosen, FaultRegister, Stage
from sync_pipelines.sandbox.hitss.layout import PERIODO, Row, period_month
from sync_pipelines.sandbox.hitss.request import PATH, Caller, RefusedError, Window, read_window
from sync_pipelines.sandbox.hitss.workbook import Book, orcado_order, write_book

LOOPBACK: Final = ("127.0.0.1", "::1")
ANY_STAMP: Final = datetime(2025, 9, 21)  # packed once, restamped on each download


def server_time() -> datetime:
    """The clock of the real server, UTC-3, as the timestamps in its files show it."""
    return (datetime.now(UTC) - timedelta(hours=3)).replace(tzinfo=None)


@dataclass
class Upstream:
    """The state of the server; `rows` is called once, for the first workbook."""

    rows: Callable[[], Sequence[Row]]
    name: str = ""
    caller: Caller = field(default_factory=Caller)
    wait_seconds: float = 0.0
    cache: WorkbookCache = field(default_factory=WorkbookCache)
    auth: Authentication = field(default_factory=Authentication)
    clock: Callable[[], datetime] = server_time
    faults: FaultRegister = field(default_factory=FaultRegister)
    calls: int = 0
    last_window: str | None = None
    last_status: int | None = None

    @cached_property
    def all_rows(self) -> Sequence[Row]:
        """Every row that the upstream has."""
        return self.rows()

    def workbook(self, window: Window, call: int, faults: Sequence[Chosen]) -> bytes:
        """The workbook of one download; each call has its own order of Orçado and its own timestamps."""
        variant = call % 2
        shaping = [fault for fault in faults if fault.kind.stage in ("data", "rows", "book")]
        key = f"{self.name} {window.text} {variant} {shaping}"
        data = self.cache.get(key, lambda: self._pack(window, variant, shaping), durable=not shaping)
        # ZIP stores only even seconds: two seconds a call keep two downloads of one moment apart.
        data = restamp(data, self.clock() + timedelta(seconds=2 * (call % 30)))
        for fault in _of(faults, "body"):
            data = fault(data)
        return data

    def state(self) -> dict[str, Any]:
        """What a test or a person may want to know, without names and query strings."""
        return {
            "calls": self.calls,
            "last_window": self.last_window,
            "last_status": self.last_status,
            "logins": self.auth.logins,
            "faults": self.faults.listing(),
        }

    def _pack(self, window: Window, variant: int, faults: Sequence[Chosen]) -> bytes:
        rows = self.all_rows
        for fault in _of(faults, "data"):
            rows = fault(rows)
        inside = {
            text
            for text in {row[PERIODO] for row in rows}
            if window.first <= period_month(text) <= window.last
        }
        rows = [row for row in orcado_order(rows, variant) if row[PERIODO] in inside]
        for fault in _of(faults, "rows"):
            rows = fault(rows)
        book = Book(rows)
        for fault in _of(faults, "book"):
            book = fault(book)
        target = io.BytesIO()
        write_book(book, target, stamped=ANY_STAMP)
        return target.getvalue()


def create_app(state: Upstream) -> Starlette:
    """The application around `state`."""
    control = Mount(
        "/_sandbox",
        routes=[
            Route("/faults", _Control(state).add, methods=["POST"]),
            Route("/faults", _Control(state).clear, methods=["DELETE"]),
            Route("/faults", _Control(state).known, methods=["GET"]),
            Route("/state", _Control(state).state, methods=["GET"]),
        ],
    )

    async def log_in(request: Request) -> Response:
        state.auth.logins += 1
        if fault := state.faults.take_first("login"):
            answer: Response = fault()
            return answer
        return await state.auth.log_in(request)

    login = Route(LOGIN_PATH, log_in, methods=["POST"])
    return Starlette(routes=[Route(PATH, _Export(state), methods=["GET"]), login, control])


class _Export:
    """The export endpoint, as a bare ASGI callable: some faults need the connection itself."""

    def __init__(self, state: Upstream) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = ClientConnection(scope, receive, send)
        state = self._state
        state.calls += 1
        call = state.calls
        if fault := state.faults.take_first("auth"):
            fault(state.auth)
        try:
            if not state.auth.is_authenticated(Request(scope)):
                raise RefusedError(401, "not logged in")
            # Starlette's query parsing reads `+` and `%20` alike, as the real server does.
            window = read_window(Request(scope).query_params, state.caller)
        except RefusedError as refusal:
            state.last_status = refusal.status
            client.close()
            await JSONResponse({"message": refusal.message}, refusal.status)(scope, receive, send)
            return
        state.last_window = window.text
        faults = state.faults.take()
        try:
            await self._answer(client, window, call, faults=faults)
        finally:
            client.close()

    async def _answer(
        self, client: ClientConnection, window: Window, call: int, faults: Sequence[Chosen]
    ) -> None:
        state = self._state

        async def pack() -> bytes:
            return await asyncio.to_thread(state.workbook, window, call, faults)

        wait = state.wait_seconds + sum(fault() for fault in _of(faults, "delay"))
        if wait and await client.left_within(wait):
            return
        state.last_status = None
        for fault in _of(faults, "answer"):
            await fault(client, pack)
            return
        data = await pack()
        state.last_status = 200
        stamp = state.clock()
        name = f"Relatorio_{stamp:%y%m%d%H%M%S}{stamp.microsecond // 1000:03d}.xlsx"
        await client.answer(
            200, SPREADSHEET, data, headers={"content-disposition": f"attachment; filename={name}"}
        )


class _Control:
    """The control endpoints; they answer to this machine only."""

    def __init__(self, state: Upstream) -> None:
        self._state = state

    async def add(self, request: Request) -> JSONResponse:
        if not _local(request):
            return JSONResponse({"message": "loopback only"}, 403)
        try:
            self._state.faults.add_described(await request.json())
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)
        return JSONResponse(self._state.state(), 201)

    async def clear(self, request: Request) -> JSONResponse:
        if not _local(request):
            return JSONResponse({"message": "loopback only"}, 403)
        self._state.faults.clear()
        return JSONResponse(self._state.state())

    async def known(self, request: Request) -> JSONResponse:
        if not _local(request):
            return JSONResponse({"message": "loopback only"}, 403)
        return JSONResponse(
            {name: {"stage": k.stage, "summary": k.summary, "params": k.params} for name, k in FAULTS.items()}
        )

    async def state(self, request: Request) -> JSONResponse:
        if not _local(request):
            return JSONResponse({"message": "loopback only"}, 403)
        return JSONResponse(self._state.state())


def _local(request: Request) -> bool:
    return request.client is not None and request.client.host in LOOPBACK


def _of(faults: Sequence[Chosen], stage: Stage) -> list[Chosen]:
    return [fault for fault in faults if fault.kind.stage == stage]
