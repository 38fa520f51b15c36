"""Alerts and their channels: a system's own, then mail, and always the log.

Delivered means that a channel took the alert, not that somebody read it. Sending never raises: the failure that the
alert is about matters more.
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

logger = logging.getLogger("sync_pipelines.alerts")


@dataclass(frozen=True)
class Alert:
    """A message to a person: which system, what happened, what to do. Portuguese, because its readers are users.

    `subject` replaces the usual subject of the mail.
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
    """The channel that took an alert (None: only the log), and why those before it did not."""

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


@dataclass(frozen=True)
class MailChannel:
    """Mails an alert to every recipient."""

    server: MailServer
    recipients: Sequence[str]

    def __call__(self, alert: Alert) -> str:
        taken = self.server.send(self.recipients, alert.mail_subject, redact(alert.text))
        return f"e-mail ({taken} of {len(self.recipients)} recipients)"


@contextmanager
def once(ops_url: str | None, asset: str, partition_key: str, kind: str, run_id: str) -> Iterator[Once]:
    """The right to send an alert of this kind, which one delivery uses up however often the work is tried.

    Its holder holds a lock, so a process that dies uses nothing up. Without the ops database the right is given all
    the same: two alerts are better than none.
    """
    claim, connection = Once(due=True), None
    if ops_url is None:
        yield claim
        return
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
    """`due` says whether to send; the sender puts the delivery into `done`."""

    due: bool
    done: Delivery | None = None
