"""The Edge Function `alert-processor`, row by row of the contract's section 5."""

from __future__ import annotations

import json
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb
from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.faults import Switches

_ICONS = {"critical": ("🚨", "CRÍTICO"), "error": ("⚠️", "ERRO")}
_ZONE = ZoneInfo("America/Sao_Paulo")


@dataclass
class AlertProcessor:
    """Mails every subscriber of the database, or so many made-up ones without a database.

    `smtp` is host and port of the mail server. Without one every mail counts as sent, as the real function does
    without a provider's key.
    """

    switches: Switches
    database_url: str | None
    subscribers: int
    smtp: tuple[str, int] | None

    def process(self, text: bytes) -> Response:
        """The answer to a request's body."""
        try:
            body = json.loads(text)
        except ValueError as error:
            return JSONResponse({"error": "Erro interno", "details": str(error)}, 500)
        if body is None:
            return JSONResponse({"error": "Erro interno", "details": "null is not an object"}, 500)
        if not isinstance(body, dict) or not all(body.get(name) for name in ("type", "source", "message")):
            return JSONResponse({"error": "Campos obrigatórios: type, source, message"}, 400)
        if not isinstance(body["type"], str) or body["type"] not in _ICONS:
            return JSONResponse({"message": "Tipo de log não requer alerta"})
        try:
            recipients = self._recipients()
        except psycopg.Error:
            return JSONResponse({"error": "Erro ao buscar subscribers"}, 500)
        if not recipients:
            return JSONResponse({"message": "Nenhum subscriber encontrado"})
        failing = len(recipients) if self.switches.strikes("all_fail") else self.switches.strikes("one_fails")
        sent = sum([self._send(recipient, body) for recipient in recipients[failing:]])
        failed = len(recipients) - sent
        self._log(body, len(recipients), sent, failed=failed)
        counts = {"emails_sent": sent, "emails_failed": failed, "total_subscribers": len(recipients)}
        return JSONResponse({"message": "Alertas processados", **counts})

    def _recipients(self) -> list[str]:
        if self.switches.strikes("subscriber_query_fails"):
            raise psycopg.OperationalError("a fault of the sandbox")
        if self.switches.strikes("no_subscribers"):
            return []
        if self.database_url is None:
            return [f"pessoa{number}@example.com" for number in range(self.subscribers)]
        with psycopg.connect(self.database_url) as connection:
            # As found: is_active is not looked at.
            return [email for (email,) in connection.execute("select email from public.alert_subscriptions")]

    def _send(self, recipient: str, body: dict[str, Any]) -> bool:
        if self.smtp is None:
            return True
        try:
            with smtplib.SMTP(*self.smtp, timeout=5) as line:
                line.send_message(_mail(recipient, body))
        except (smtplib.SMTPException, OSError):
            return False
        return True

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
                    "insert into public.system_logs (type, message, context)"
                    " values ('email', 'Alerta enviado', %s)",
                    (Jsonb(context),),
                )
        except psycopg.Error:
            return  # as found: the function does not care


def _mail(recipient: str, body: dict[str, Any]) -> EmailMessage:
    """As found: message and details go into the HTML as they are."""
    icon, word = _ICONS[body["type"]]
    mail = EmailMessage()
    mail["Subject"] = f"{icon} [AIMindset] Alerta {word} - {body['source']}"
    mail["From"], mail["To"] = "alertas@example.com", recipient
    details = json.dumps(body.get("details"), ensure_ascii=False, indent=2)
    moment = datetime.now(UTC).astimezone(_ZONE)
    mail.set_content(
        f"<p>{body['message']}</p><pre>{details}</pre><p>{moment:%d/%m/%Y %H:%M:%S}</p>", subtype="html"
    )
    return mail
