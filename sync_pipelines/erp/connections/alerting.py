"""The e-mail for a failed connection (the requirement's wish): whose, which ERP, what failed, what was kept, what next.

A cause of a connection is mailed once a day: at its first sync, not at each retry. Sending never raises.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from sync_pipelines.erp.connections import sentences
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.sentences import Reason
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.outcome import SyncOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.alerts import Alert, Channel, once, send_alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.settings.erp import ErpSettings

logger = logging.getLogger(__name__)
SYSTEM = "erp"
#: In the place of a connection, for what is wrong with all of them.
ALL = "all"
_NUMBERS = re.compile(r"[\d./-]{8,}")


@dataclass(frozen=True)
class ConnectionAlerts:
    """Mails failures. `ops_url` remembers what was mailed; days and hours are those of `zone`."""

    channels: Sequence[Channel]
    zone: ZoneInfo
    ops_url: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: ErpSettings) -> Self:
        return cls(channels=settings.alert_channels, zone=settings.zone, ops_url=settings.ops_url)

    def after_sync(
        self,
        url: str,
        connection: ErpConnection,
        outcome: SyncOutcome,
        *,
        reason: Reason,
        due: datetime | None,
        run_id: str,
        now: datetime,
    ) -> None:
        """Mail why a sync of the connection failed; `url` is the application's database."""
        vendor = sentences.vendor(connection.erp_type)
        company = company_name(url, connection)
        parts = (
            f"A sincronização da conexão {connection.key} ({vendor}) da empresa {company} falhou.",
            reason.text,
            sentences.kept(outcome),
            sentences.next_try(due, self.zone, waits_for_person=reason.waits_for_person),
            f"O que fazer: {reason.action}" if reason.action else "",
        )
        self._mail(
            connection.key,
            "/".join(("sync_failed", reason.cause, *reason.modules)),
            Alert(SYSTEM, f"{vendor} de {company}: a sincronização falhou", _joined(parts)),
            run_id=run_id,
            now=now,
        )

    def not_begun(self, connection_id: UUID, error: SyncError, *, run_id: str, now: datetime) -> None:
        """Mail that the application's database does not answer: one message for all connections."""
        parts = (
            f"O banco do projeto erp não respondeu (conexão {connection_id}): {error}",
            "O que já estava gravado permanece.",
            "O que fazer: confira ERP_DATABASE_URL e o projeto no Supabase.",
        )
        alert = Alert(SYSTEM, "o banco de dados não respondeu", _joined(parts))
        self._mail(ALL, "sync_failed", alert, run_id=run_id, now=now)

    def _mail(self, key: str, kind: str, alert: Alert, *, run_id: str, now: datetime) -> None:
        day = now.astimezone(self.zone).date().isoformat()
        with once(self.ops_url, f"{SYSTEM}/connection/{key}", day, kind=kind, run_id=run_id) as right:
            if right.due:
                right.done = send_alert(alert, self.channels)


def company_name(url: str, connection: ErpConnection) -> str:
    """The company of a connection as a person calls it; else the connection's own name. Never raises."""
    known: Mapping[UUID, str] = {}
    try:
        with postgres.connect(url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
            known = read_companies(session, [connection])
    except (SyncError, psycopg.Error) as error:
        logger.warning("The company of connection %s could not be read: %s", connection.key, error)
    found = known.get(connection.company_id) if connection.company_id else None
    return found or _without_numbers(connection.name) or connection.key


def read_companies(session: postgres.Connection, rows: Sequence[ErpConnection]) -> dict[UUID, str]:
    """The names of the connections' companies by the company's id: the trade name, else the legal one.

    Without long numbers, because they go into logs: the legal name of a sole trader ends with the CPF.
    """
    found = session.execute(
        "select id, coalesce(nullif(trim(nome_fantasia), ''), nullif(trim(razao_social), ''), '')"
        " from public.company_profile where id = any(%s)",
        ([one.company_id for one in rows if one.company_id],),
    )
    return {number: name for number, text in found if (name := _without_numbers(text))}


def _without_numbers(name: str) -> str:
    return " ".join(_NUMBERS.sub(" ", name).split())


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)
