"""The segments as a person sees them: `sync-pipelines sprinthub list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.segments import log
from sync_pipelines.sprinthub.segments.control import Control, ControlRow
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
    """A row a segment; moments in `zone`."""
    from rich.table import Table

    table = Table(title=f"Segments, times in {zone.key}", title_justify="left")
    table.add_column("segment", justify="right", no_wrap=True)
    for heading in ("status", "last success", "next try"):
        table.add_column(heading, no_wrap=heading != "next try")
    table.add_column("leads", justify="right", no_wrap=True)
    table.add_column("last result")
    for row in listing.rows:
        newest = listing.newest.get(row.segment_id)
        leads = newest.stats.get("totalLeadsInSegment") if newest else None
        table.add_row(
            str(row.segment_id),
            row.status or "",
            _moment(row.last_execution, zone),
            next_try(row, now, zone),
            f"{leads:,}" if isinstance(leads, int) else "",
            result(newest),
        )
    return table


def next_try(row: ControlRow, now: datetime, zone: ZoneInfo) -> str:
    """When the segment is due, or why it is not."""
    reason = row.not_due_because(now)
    if reason is None:
        return "due now"
    is_later = row.next_execution is not None and row.next_execution > now
    return _moment(row.next_execution, zone) if is_later and row.is_due(row.next_execution or now) else reason


def result(newest: LogRow | None) -> str:
    if newest is None:
        return "no run yet"
    rate = f", {newest.success_rate.normalize():f} %" if newest.success_rate is not None else ""
    return f"{newest.status}{rate}: {newest.message or ''}".rstrip(": ")


def _moment(value: datetime | None, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if value else ""
