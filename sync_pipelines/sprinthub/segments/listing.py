"""The segments as a person sees them: `sync-pipelines sprinthub list`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.segments import alerting, log
from sync_pipelines.sprinthub.segments.control import PAUSED, Control, ControlRow
from sync_pipelines.sprinthub.segments.log import LogRow
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Listing:
    """The control table beside the newest finished run of each segment."""

    rows: Sequence[ControlRow]
    newest: Mapping[int, LogRow] = field(default_factory=dict)


def read_listing(url: str) -> Listing:
    """Raises SyncError where the tables cannot be read."""
    with (
        postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        return Listing(Control(connection).all(), log.newest_rows(connection))


def table_of(listing: Listing, now: datetime, zone: ZoneInfo) -> Table:
    """A row a segment, in the width of a narrow terminal; moments in `zone`."""
    from rich.table import Table

    table = Table(title=f"Segments, times in {zone.key}", title_justify="left")
    table.add_column("segment", justify="right", no_wrap=True)
    for heading in ("status", "last success", "next try"):
        table.add_column(heading, no_wrap=True)
    table.add_column("leads", justify="right", no_wrap=True)
    table.add_column("last result", no_wrap=True)
    for row in listing.rows:
        newest = listing.newest.get(row.segment_id)
        leads = newest.stats.get("totalLeadsInSegment") if newest else None
        table.add_row(
            str(row.segment_id),
            row.status or "",
            _moment(row.last_execution, now, zone),
            next_try(row, now, zone),
            f"{leads:,}" if isinstance(leads, int) else "",
            result(newest),
        )
    return table


def sentences_of(listing: Listing, now: datetime) -> Iterator[str]:
    """What needs more room than a table has: why a segment is never due, and why its last run failed."""
    for row in listing.rows:
        newest = listing.newest.get(row.segment_id)
        if not _is_ever_due(row, now) and row.status != PAUSED:
            yield f"Segment {row.segment_id} is never due: {row.not_due_because(now)}."
        if newest is not None and alerting.is_failed(newest.status) and newest.message:
            yield f"Segment {row.segment_id}: {newest.message}"


def next_try(row: ControlRow, now: datetime, zone: ZoneInfo) -> str:
    """When the segment is due."""
    if row.is_due(now):
        return "due now"
    return _moment(row.next_execution, now, zone) if _is_ever_due(row, now) else "none"


def _is_ever_due(row: ControlRow, now: datetime) -> bool:
    return row.is_due(max(now, row.next_execution or now))


def result(newest: LogRow | None) -> str:
    if newest is None:
        return "no run yet"
    rate = newest.success_rate
    # Cut and not rounded, as in the alerts.
    return newest.status if rate is None else f"{newest.status}, {math.floor(rate * 100) / 100:g} %"


def _moment(value: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """Day and hour; the day with its year where that is not plain."""
    if value is None:
        return ""
    is_near = abs(value - now) < timedelta(days=300)
    return f"{value.astimezone(zone):{'%m-%d %H:%M' if is_near else '%Y-%m-%d'}}"
