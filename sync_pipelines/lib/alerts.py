"""The ways by which an alert leaves: a system's own channel, then mail, and always the log.

Delivered means that somebody took it over, not that somebody read it. An alert never raises: the failure that it
tells of matters more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.mail import MailServer
from sync_pipelines.lib.redaction import redact, redacted_exception
from sync_pipelines.settings import Settings

logger = logging.getLogger("sync_pipelines.alerts")


@dataclass(frozen=True)
class Alert:
    """What a person is told: which system, what happened, what to do. Portuguese: its readers are users.

    `subject` is a mail's, where the system wants another than the usual.
    """

    system: str
    title: str
    text: str
    severity: Literal["aviso", "erro"] = "erro"
    subject: str | None = None

    @property
    def mail_subject(self) -> str:
        icon = "🚨" if self.severity == "erro" else "⚠️"
        return self.subject or f"{icon} [{self.system}] {self.title}"


#: Hands an alert over and says how; raises SyncError when it could not.
Channel = Callable[[Alert], str]


@dataclass(frozen=True)
class Delivery:
    """How an alert left (None: only into the log), and why the channels before that did not take it."""

    by: str | None
    reasons: tuple[str, ...] = ()


def send_alert(alert: Alert, channels: Sequence[Channel]) -> Delivery:
    """Hand an alert to the first channel that takes it; without any it is in the log. Never raises."""
    logger.error("ALERTA [%s] %s: %s — %s", alert.severity, alert.system, alert.title, redact(alert.text))
    reasons: list[str] = []
    for channel in channels:
        try:
            return Delivery(channel(alert), tuple(reasons))
        except SyncError as error:
            reasons.append(str(error))
        except Exception as error:  # a channel's bug must not hide what the alert is about
            reasons.append(redacted_exception(error))
        logger.error("O alerta não saiu por um dos canais: %s", reasons[-1])
    return Delivery(None, tuple(reasons))


def house_channels(values: Settings) -> list[Channel]:
    """Mail, where a server and recipients are set."""
    server, known = mail_server(values), recipients(values)
    if server is None or not known:
        return []

    def mail(alert: Alert) -> str:
        taken = server.send(known, alert.mail_subject, redact(alert.text))
        return f"e-mail ({taken} of {len(known)} recipients)"

    return [mail]


def recipients(values: Settings) -> list[str]:
    """The addresses that alerts go to."""
    return [address.strip() for address in (values.alert_email_to or "").split(",") if address.strip()]


def mail_server(values: Settings) -> MailServer | None:
    """The server that takes alerts, if one is set."""
    known = recipients(values)
    if values.smtp_url is None or not known:
        return None
    return MailServer(values.smtp_url.get_secret_value(), values.alert_email_from or known[0])


@contextmanager
def once(ops_url: str, asset: str, partition_key: str, kind: str, run_id: str) -> Iterator[Once]:
    """The right to tell of a failed day, which is used up by one delivery however often the day is tried.

    Whoever holds it holds a lock, so a holder that died has used nothing up. Without our own database the right
    is given all the same: told twice is better than never.
    """
    claim, connection = Once(due=True), None
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(postgres.connect(ops_url, what="the ops database"))
            claim.due = postgres.try_lock(connection, postgres.lock_key(kind, asset, partition_key)) and not (
                connection.execute(
                    "select 1 from ops.alerts where asset = %s and partition_key = %s and kind = %s"
                    " and delivered_by is not null",
                    (asset, partition_key, kind),
                ).fetchone()
            )
        except (SyncError, psycopg.Error) as error:
            logger.error("O banco de controle não respondeu: %s", redacted_exception(error))
        yield claim
        if connection is not None and claim.done is not None:
            try:
                connection.execute(
                    "insert into ops.alerts (asset, partition_key, kind, delivered_by, details, run_id)"
                    " values (%s, %s, %s, %s, %s, %s) on conflict (asset, partition_key, kind) do update set"
                    " delivered_by = excluded.delivered_by, details = excluded.details, alerted_at = now()",
                    (
                        asset,
                        partition_key,
                        kind,
                        claim.done.by,
                        Jsonb({"reasons": claim.done.reasons}),
                        run_id,
                    ),
                )
            except psycopg.Error as error:
                logger.error("O alerta saiu, mas não ficou registrado: %s", redacted_exception(error))


@dataclass
class Once:
    """`due` says whether to tell; what became of it is put into `done`."""

    due: bool
    done: Delivery | None = None
