"""The project's endpoints: the Edge Function `alert-processor` and the RPC face of PostgREST.

They behave as sections 3 and 5 of the contract say, upon the project's own database. Answers of other kinds are
faults that are switched on; every request is remembered without its credentials.
"""

from __future__ import annotations

import asyncio
import secrets
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sync_pipelines.sandbox.servers import BackgroundServer

ALERT_PATH = "/functions/v1/alert-processor"
RPC_PATH = "/rest/v1/rpc/{function}"
_ICONS = {"critical": ("🚨", "CRÍTICO"), "error": ("⚠️", "ERRO")}
#: How the API's timeouts and roles answer, by SQLSTATE.
_STATUSES = {"42883": 404, "42501": 403, "57014": 500, "25006": 405, "55P03": 500}


class Recorded(NamedTuple):
    """A request that came, and what it asked for."""

    method: str
    path: str
    authorized: bool
    body: Any


class AimindsetFake:
    """`with AimindsetFake(database_url) as project:` serves both endpoints on a free port.

    Without a database there are `subscribers` subscribers. `smtp` is host and port to which mails are handed.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        subscribers: int = 1,
        smtp: tuple[str, int] | None = None,
        service_key: str | None = None,
    ) -> None:
        self.database_url, self.subscribers, self.smtp = database_url, subscribers, smtp
        self.service_key = service_key or f"service-{secrets.token_hex(16)}"
        self.requests: list[Recorded] = []
        self._faults: dict[str, int] = {}
        routes = [
            Route(ALERT_PATH, self._alert, methods=["GET", "POST", "OPTIONS"]),
            Route(RPC_PATH, self._rpc, methods=["POST"]),
        ]
        self.server = BackgroundServer(Starlette(routes=routes))

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.url = self.server.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def fail(self, name: str, times: int = 1_000_000) -> None:
        """Switch a fault on for the next requests: a key of FAULTS, `all_fail`, `slow`, `drop` or `no_subscribers`."""
        self._faults[name] = times

    def clear(self) -> None:
        self._faults.clear()
        self.requests.clear()

    @property
    def alerts(self) -> list[Any]:
        """The bodies that reached the function."""
        return [one.body for one in self.requests if one.path == ALERT_PATH]

    def _strikes(self, name: str) -> bool:
        left = self._faults.get(name, 0)
        if left:
            self._faults[name] = left - 1
        return left > 0

    async def _admitted(self, request: Request) -> tuple[Any, Response | None]:
        """The body, and the answer where the gateway gives one by itself."""
        try:
            body = await request.json()
        except ValueError:
            body = None
        given = request.headers.get("authorization", "")
        authorized = secrets.compare_digest(given.encode(), f"Bearer {self.service_key}".encode())
        self.requests.append(Recorded(request.method, request.url.path, authorized, body))
        if self._strikes("slow"):
            await asyncio.sleep(3)
        if self._strikes("drop"):
            raise ConnectionResetError("the fake drops the line")
        for name, answer in FAULTS.items():
            if self._strikes(name):
                return body, answer()
        if not authorized:
            return body, JSONResponse({"code": 401, "message": "Invalid JWT"}, 401)
        return body, None

    async def _alert(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return PlainTextResponse("ok", headers={"Access-Control-Allow-Origin": "*"})
        body, answer = await self._admitted(request)
        return await run_in_threadpool(self._process, body) if answer is None else answer

    def _process(self, body: Any) -> Response:
        if not isinstance(body, dict):
            return JSONResponse({"error": "Erro interno", "details": "Unexpected token"}, 500)
        if not all(body.get(name) for name in ("type", "source", "message")):
            return JSONResponse({"error": "Campos obrigatórios: type, source, message"}, 400)
        if body["type"] not in _ICONS:
            return JSONResponse({"message": "Tipo de log não requer alerta"})
        if self._strikes("subscriber_query_fails"):
            return JSONResponse({"error": "Erro ao buscar subscribers"}, 500)
        recipients = [] if self._strikes("no_subscribers") else self._recipients()
        if not recipients:
            return JSONResponse({"message": "Nenhum subscriber encontrado"})
        failed = len(recipients) if self._strikes("all_fail") else 0
        sent = len(recipients) - failed
        if sent:
            self._send(recipients, body)
        self._log(body, len(recipients), sent, failed)
        counts = {"emails_sent": sent, "emails_failed": failed, "total_subscribers": len(recipients)}
        return JSONResponse({"message": "Alertas processados", **counts})

    def _recipients(self) -> list[str]:
        if self.database_url is None:
            return [f"pessoa{number}@example.com" for number in range(self.subscribers)]
        with psycopg.connect(self.database_url) as connection:
            # As found: is_active is not looked at.
            return [email for (email,) in connection.execute("select email from alert_subscriptions")]

    def _send(self, recipients: list[str], body: dict[str, Any]) -> None:
        if self.smtp is None:
            return
        icon, word = _ICONS[body["type"]]
        with smtplib.SMTP(*self.smtp, timeout=5) as line:
            for recipient in recipients:
                mail = EmailMessage()
                mail["Subject"] = f"{icon} [AIMindset] Alerta {word} - {body['source']}"
                mail["From"], mail["To"] = "alertas@example.com", recipient
                mail.set_content(f"<p>{body['message']}</p><pre>{body.get('details')}</pre>", subtype="html")
                line.send_message(mail)

    def _log(self, body: dict[str, Any], subscribers: int, sent: int, failed: int) -> None:
        if self.database_url is None:
            return
        context = {
            "alert_type": body["type"],
            "alert_source": body["source"],
            "subscribers_count": subscribers,
            "successful_emails": sent,
            "failed_emails": failed,
            "original_alert": body,
        }
        try:
            with psycopg.connect(self.database_url) as connection:
                connection.execute(
                    "insert into system_logs (type, message, context) values ('email', 'Alerta enviado', %s)",
                    (Jsonb(context),),
                )
        except psycopg.Error:
            return  # the function ignores it too

    async def _rpc(self, request: Request) -> Response:
        _body, answer = await self._admitted(request)
        if answer is not None:
            return answer
        return await run_in_threadpool(self._call, request.path_params["function"])

    def _call(self, function: str) -> Response:
        assert self.database_url is not None
        try:
            with psycopg.connect(self.database_url) as connection:
                connection.execute("set local role service_role")
                connection.execute("set local statement_timeout = '8s'")
                row = connection.execute(
                    psycopg.sql.SQL("select public.{}()").format(psycopg.sql.Identifier(function))
                ).fetchone()
        except psycopg.Error as error:
            state = error.sqlstate or "XX000"
            code = "PGRST202" if state == "42883" else state
            message = str(error).partition("\n")[0]
            problem = {"code": code, "message": message, "details": None, "hint": None}
            return JSONResponse(problem, _STATUSES.get(state, 500))
        return JSONResponse(row[0] if row else None)


FAULTS: dict[str, Callable[[], Response]] = {
    "unauthorized": lambda: JSONResponse({"code": 401, "message": "Invalid JWT"}, 401),
    "not_deployed": lambda: JSONResponse({"code": "NOT_FOUND", "message": "Function was not found"}, 404),
    "throttled": lambda: JSONResponse({"message": "Too many requests"}, 429, {"Retry-After": "1"}),
    "bad_gateway": lambda: Response("<html><title>502</title></html>", 502, media_type="text/html"),
    "not_json": lambda: PlainTextResponse("alerta enviado"),
    "empty": lambda: Response(status_code=200),
    "sent_as_text": lambda: JSONResponse({"message": "ok", "emails_sent": "1"}),
    "sent_as_bool": lambda: JSONResponse({"message": "ok", "emails_sent": True}),
}
