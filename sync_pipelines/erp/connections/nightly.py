"""The summary of a nightly run, as the requirement's function returned it: processed, succeeded, failed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sync_pipelines.erp.connections import sentences
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.log import LogRow, automatic_since
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.lib import postgres
from sync_pipelines.lib.alerts import Alert

#: A run that takes longer is worth a note.
LONG = timedelta(minutes=30)
#: Between the end of a night's syncs and the start of the next one: the queue starts a run within a minute or two.
PAUSE = timedelta(minutes=15)
_UNENDED = {"running": "a sincronização ainda não terminou"}


@dataclass(frozen=True)
class SyncResult:
    """What became of a connection: `why` is empty for a success."""

    key: str
    erp_type: str
    why: str = ""
    synced: int = 0
    #: Rejected records.
    rejected: int = 0
    #: Every module was skipped; `why` says for which reason.
    is_skipped: bool = False

    @classmethod
    def of(cls, connection: ErpConnection, row: LogRow) -> Self:
        """The result that a log row states."""
        why = "" if row.status == "success" else row.message or _UNENDED.get(row.status, row.status)
        return cls(
            connection.key,
            connection.erp_type,
            why,
            synced=row.synced,
            rejected=row.failed,
            is_skipped=row.is_all_skipped,
        )

    @property
    def succeeded(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class NightlySummary:
    """All connections of one night, by the order in which they are given."""

    results: Sequence[SyncResult]
    took: timedelta

    @classmethod
    def of(cls, results: Iterable[SyncResult], took: timedelta) -> Self:
        return cls(tuple(results), took)

    @property
    def processed(self) -> int:
        return len(self.results)

    @property
    def failed(self) -> Sequence[SyncResult]:
        return [one for one in self.results if not one.succeeded and not one.is_skipped]

    @property
    def skipped(self) -> Sequence[SyncResult]:
        return [one for one in self.results if one.is_skipped]

    @property
    def succeeded(self) -> int:
        return sum(one.succeeded for one in self.results)

    @property
    def is_long(self) -> bool:
        """More than 30 minutes; exactly 30 are quiet."""
        return self.took > LONG

    @property
    def text(self) -> str:
        """The summary in Portuguese: a line of figures, a line for each without success, the note on its length."""
        synced, rejected = sum(one.synced for one in self.results), sum(one.rejected for one in self.results)
        skipped = f"; sem nada a sincronizar: {len(self.skipped)}" if self.skipped else ""
        lines = [
            f"Conexões processadas: {self.processed}; com sucesso: {self.succeeded}; com falha:"
            f" {len(self.failed)}{skipped}. Registros gravados: {synced}; rejeitados: {rejected}."
            f" Duração: {_minutes(self.took)}."
        ]
        unsynced = [*self.failed, *self.skipped]
        lines += [f"{one.key} ({sentences.vendor(one.erp_type)}): {one.why}" for one in unsynced]
        if self.is_long:
            lines.append(f"Atenção: a execução passou de {_minutes(LONG)}.")
        return "\n".join(lines)

    @property
    def metadata(self) -> dict[str, Any]:
        """The same as values: what the requirement's function answered, and the seconds."""
        return {
            "processed": self.processed,
            "succeeded": self.succeeded,
            "failed": len(self.failed),
            "skipped": len(self.skipped),
            "why": {one.key: one.why for one in (*self.failed, *self.skipped)},
            "seconds": round(self.took.total_seconds(), 3),
            "is_long": self.is_long,
        }

    def alert(self) -> Alert | None:
        """The e-mail of a night that took too long; each failed connection has sent its own."""
        if not self.is_long:
            return None
        title = f"a sincronização noturna levou {_minutes(self.took)}"
        return Alert("erp", title, self.text, severity="aviso")


def read_night(url: str, since: datetime, now: datetime) -> NightlySummary:
    """The automatic syncs of the night that begins at `since`; of a connection that was tried twice the last counts.

    It took until the last of them ended, or until `now` while one goes on. A connection whose time is another hour,
    such as each six hours, is no part of the night, which ends where nothing follows within `PAUSE`. Raises SyncError.
    """
    with postgres.connect(url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
        known = {one.id: one for one in Control(session).all()}
        rows = [row for row in automatic_since(session, since) if row.connection_id in known]
    end, newest = since, dict[UUID, LogRow]()
    for row in rows:
        if row.started_at is None or row.started_at > end + PAUSE:
            break
        newest[row.connection_id] = row
        end = max(end, row.completed_at or now)
    results = [SyncResult.of(known[number], row) for number, row in newest.items()]
    return NightlySummary.of(results, end - since)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"
