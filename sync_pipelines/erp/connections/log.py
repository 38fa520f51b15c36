"""The rows of `public.erp_sync_logs`: what a sync writes into one, and as the command line and the checks read them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from sync_pipelines.erp.connections.tables import ERP, SYNC_LOG
from sync_pipelines.erp.outcome import (
    AnalysisOutcome,
    CreditsOutcome,
    Module,
    ModuleOutcome,
    SyncOutcome,
)
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.orphaned_runs import OURS
from sync_pipelines.lib.records.run_log import ENGINE
from sync_pipelines.lib.redaction import redact

logger = logging.getLogger(__name__)
_COLUMNS: LiteralString = (
    "id, connection_id, sync_type::text, status::text, records_synced, records_failed, error_message, details,"
    # What Python does not hold is no time of a sync.
    " case when started_at between '0002-01-01' and '9998-12-31' then started_at end,"
    " case when completed_at between '0002-01-01' and '9998-12-31' then completed_at end"
)


@dataclass(frozen=True)
class LogRow:
    """A sync of a connection, as its row says."""

    id: UUID
    connection_id: UUID
    sync_type: str
    status: str
    synced: int = 0
    failed: int = 0
    message: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def is_all_skipped(self) -> bool:
        """Whether the sync ended, and every module was skipped."""
        modules = self.details.get("modules")
        known = list(modules.values()) if isinstance(modules, Mapping) else []
        skipped = [one for one in known if isinstance(one, Mapping) and one.get("status") == "skipped"]
        return self.status == SYNC_LOG.interrupted and bool(known) and len(skipped) == len(known)


def read_row(connection: postgres.Connection, row_id: str | UUID) -> LogRow | None:
    found = _rows(connection, "where id = %s", row_id)
    return found[0] if found else None


def newest_rows(connection: postgres.Connection) -> dict[UUID, LogRow]:
    """The newest finished sync of each connection, also of the old application."""
    newest: LiteralString = (
        "where id in (select distinct on (connection_id) id from public.erp_sync_logs where status <> 'running'"
        " order by connection_id, started_at desc, id)"
    )
    return {row.connection_id: row for row in _rows(connection, newest)}


def automatic_since(connection: postgres.Connection, moment: datetime) -> list[LogRow]:
    """The automatic syncs that began at `moment` or later, also those that go on; the oldest first."""
    return _rows(connection, "where sync_type = 'auto' and started_at >= %s order by started_at, id", moment)


def manual_since(connection: postgres.Connection, connection_id: UUID, moment: datetime) -> list[LogRow]:
    """Our syncs of a connection that a person started at `moment` or later, also those that go on; the oldest first."""
    ours: LiteralString = (
        "where connection_id = %s and sync_type = 'manual' and started_at >= %s and details ->> 'engine' = %s"
        " order by started_at, id"
    )
    return _rows(connection, ours, connection_id, moment, ENGINE)


def details_of(outcome: SyncOutcome, seconds: float) -> dict[str, object]:
    """The `details` of a sync: by the application's names what became of each module, then our own figures."""
    details: dict[str, object] = {
        "modules": {module.value: _module(one) for module, one in outcome.modules.items()},
        "duration_ms": round(seconds * 1000),
        "calls": outcome.calls,
        "wait_seconds": round(outcome.wait_seconds, 3),
    }
    for module, months in outcome.months.items():
        name = "months" if module is Module.INVOICES else f"{module}_months"
        details[name] = {month.isoformat(): _module(one) for month, one in sorted(months.items())}
    if outcome.dre is not None:
        details["dre"] = _module(outcome.dre)
    if outcome.credits is not None:
        details["credits"] = _credits(outcome.credits)
    if outcome.analyses:
        details["analyses"] = {kind.value: _analysis(one) for kind, one in outcome.analyses.items()}
    if outcome.skipped:
        details["skipped"] = redact(outcome.skipped)
    return details


def _module(one: ModuleOutcome) -> dict[str, object]:
    return {
        "status": one.status,
        "synced": one.counts.synced,
        "unchanged": one.counts.unchanged,
        "rejected": one.counts.rejected,
        "unread": one.counts.unread,
        "skipped": one.counts.skipped,
        "message": redact(one.message),
        "warnings": {name: redact(sentence) for name, sentence in one.warnings.items()},
        "duration_ms": round(one.seconds * 1000),
    }


def _credits(one: CreditsOutcome) -> dict[str, object]:
    return {
        "status": one.status,
        "analysed": one.analysed,
        "cleared": one.cleared,
        "failed": one.failed,
        "credits": one.credits,
        "message": redact(one.message),
        "duration_ms": round(one.seconds * 1000),
    }


def _analysis(one: AnalysisOutcome) -> dict[str, object]:
    return {
        "status": one.status,
        "calls": one.calls,
        "message": redact(one.message),
        "warnings": {name: redact(sentence) for name, sentence in one.warnings.items()},
        **one.figures,
        "duration_ms": round(one.seconds * 1000),
    }


def close_dead(connection: postgres.Connection, connection_id: UUID) -> None:
    """Close open rows of a connection whose process is gone: the caller holds the lock that a living one would hold.

    Waits for a write of theirs that has passed its fence.
    """
    closed = connection.execute(
        "update public.erp_sync_logs set status = 'error', error_message = %s, completed_at = now()"
        " where connection_id = %s and status = 'running' and details ->> 'engine' = %s returning id",
        (OURS, connection_id, ENGINE),
    ).fetchall()
    if closed:
        logger.warning("Connection %s: %s orphaned syncs were closed.", connection_id, len(closed))


def close_alone(url: str, row_id: str, sentence: str) -> bool:
    """Close a row that could not be closed together with its connection's, as an error; whether it was open.

    Never raises: where this fails too, the reaper closes the row.
    """
    with suppress(SyncError, psycopg.Error), postgres.connect(url, what=ERP) as connection:
        closed = connection.execute(
            "update public.erp_sync_logs set status = 'error', error_message = %s, completed_at = now()"
            " where id = %s and status = 'running'",
            (redact(sentence), row_id),
        )
        return closed.rowcount > 0
    return False


def _rows(connection: postgres.Connection, where: LiteralString, *values: object) -> list[LogRow]:
    query: LiteralString = "select " + _COLUMNS + " from public.erp_sync_logs " + where
    return [
        LogRow(
            id=number,
            connection_id=connection_id,
            sync_type=sync_type,
            status=status,
            synced=synced or 0,
            failed=failed or 0,
            message=message,
            details=details if isinstance(details, dict) else {},
            started_at=started,
            completed_at=completed,
        )
        for number, connection_id, sync_type, status, synced, failed, message, details, started, completed in (
            connection.execute(query, values)
        )
    ]
