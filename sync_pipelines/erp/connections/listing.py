"""The connections as a person sees them: `sync-pipelines erp list`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections import log, sentences
from sync_pipelines.erp.connections.alerting import read_companies
from sync_pipelines.erp.connections.connection import INACTIVE, ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.due import is_due, never_due_because
from sync_pipelines.erp.connections.log import LogRow
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.lib import postgres

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Listing:
    """The connections beside the newest finished sync of each, and their companies by id."""

    rows: Sequence[ErpConnection]
    newest: Mapping[UUID, LogRow] = field(default_factory=dict)
    companies: Mapping[UUID, str] = field(default_factory=dict)
    #: The ERPs that have an adapter.
    served: Collection[str] = ()

    def company(self, connection: ErpConnection) -> str:
        """The company of a connection, else the connection's own name."""
        known = self.companies.get(connection.company_id) if connection.company_id else None
        return known or connection.name


def read_listing(url: str, served: Collection[str]) -> Listing:
    """Raises SyncError where the tables cannot be read."""
    with postgres.connect(url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
        rows = Control(session).all()
        return Listing(
            rows,
            newest=log.newest_rows(session),
            companies=read_companies(session, rows),
            served=served,
        )


def table_of(listing: Listing, now: datetime, zone: ZoneInfo) -> Table:
    """A row a connection; moments in `zone`. What is long breaks into lines."""
    from rich.table import Table

    table = Table(title=f"ERP connections, times in {zone.key}", title_justify="left", padding=(0, 1, 0, 0))
    # The longest key has 18 characters.
    table.add_column("connection", overflow="fold", ratio=3, min_width=18)
    for heading in ("auto", "status", "last success", "next sync"):
        table.add_column(heading, no_wrap=True)
    table.add_column("last result", overflow="fold", ratio=2)
    for row in listing.rows:
        table.add_row(
            f"{row.key}\n{listing.company(row)} ({sentences.vendor(row.erp_type)})",
            "on" if row.auto_sync else "off",
            row.status,
            _moment(row.last_sync_at, now, zone),
            next_sync(row, now, listing.served, zone=zone),
            result(listing.newest.get(row.id)),
        )
    return table


def sentences_of(listing: Listing, now: datetime) -> Iterator[str]:
    """What needs more room than a table has: why a connection is never due, and why its last sync failed."""
    for row in listing.rows:
        newest = listing.newest.get(row.id)
        never = never_due_because(row, listing.served)
        if never and row.status != INACTIVE and (row.auto_sync or row.problem):
            yield f"{row.key} is not synced by itself: {never}."
        if newest is not None and newest.message and (newest.status == "error" or newest.is_all_skipped):
            yield f"{row.key}: {newest.message}"


def next_sync(row: ErpConnection, now: datetime, served: Collection[str], *, zone: ZoneInfo) -> str:
    """When the connection is due."""
    if is_due(row, now, served):
        return "due now"
    return "none" if never_due_because(row, served) else _moment(row.next_sync_at, now, zone)


def result(newest: LogRow | None) -> str:
    """The last result in a few words: what was stored, or what failed."""
    if newest is None:
        return "no sync yet"
    if newest.status == "success":
        rejected = f", {newest.failed:,} rejected" if newest.failed else ""
        return f"{newest.synced:,} stored{rejected}"
    if newest.is_all_skipped:
        return "nothing to sync"
    modules = newest.details.get("modules")
    known = modules.items() if isinstance(modules, Mapping) else ()
    failed = [name for name, one in known if isinstance(one, Mapping) and one.get("status") == "error"]
    return f"{newest.status}: {', '.join(failed)}" if failed else newest.status


def _moment(value: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """Day and hour; the day with its year where that is not plain."""
    if value is None:
        return ""
    is_near = abs(value - now) < timedelta(days=300)
    return f"{value.astimezone(zone):{'%m-%d %H:%M' if is_near else '%Y-%m-%d'}}"
