"""The rows of `public.sync_segments_logs` as the alerts, the checks and the command line read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from sync_pipelines.lib import postgres

_COLUMNS: LiteralString = (
    "id, segment_id, status, message, execution_time, duration_seconds, success_rate, stats"
)


@dataclass(frozen=True)
class LogRow:
    """A run of a segment. `duration` is in seconds, `success_rate` in per cent; both null where nobody knows them."""

    id: int
    segment_id: int
    status: str
    message: str | None = None
    executed_at: datetime | None = None
    duration: Decimal | None = None
    success_rate: Decimal | None = None
    stats: Mapping[str, Any] = field(default_factory=dict)


def read_row(connection: postgres.Connection, row_id: str) -> LogRow | None:
    found = _rows(connection, "where id = %s", row_id)
    return found[0] if found else None


def newest_rows(connection: postgres.Connection) -> dict[int, LogRow]:
    """The newest finished run of each segment."""
    newest: LiteralString = (
        "where id in (select max(id) from public.sync_segments_logs where status <> 'running'"
        " group by segment_id)"
    )
    return {row.segment_id: row for row in _rows(connection, newest)}


def consecutive_errors(connection: postgres.Connection, segment_id: int) -> int:
    """How many runs of the segment failed since its last success.

    Orphaned runs count as failed, and those that a signal ended do not: whoever sent it knows.
    """
    row = connection.execute(
        "select count(*) from public.sync_segments_logs where segment_id = %(segment)s and status = 'error'"
        " and stats ->> 'interrupted' is distinct from 'true'"
        " and id > (select coalesce(max(id), 0) from public.sync_segments_logs"
        " where segment_id = %(segment)s and status = 'success')",
        {"segment": segment_id},
    ).fetchone()
    return int(row[0]) if row else 0


def _rows(connection: postgres.Connection, where: LiteralString, *values: object) -> list[LogRow]:
    query: LiteralString = "select " + _COLUMNS + " from public.sync_segments_logs " + where
    return [
        LogRow(
            id=number,
            segment_id=segment,
            status=status,
            message=message,
            executed_at=executed_at,
            duration=duration,
            success_rate=rate,
            stats=stats if isinstance(stats, dict) else {},
        )
        for number, segment, status, message, executed_at, duration, rate, stats in connection.execute(
            query, values
        )
    ]
