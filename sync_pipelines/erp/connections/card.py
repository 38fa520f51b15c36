"""The card of the connections (requirement, section 4): auto-sync, next sync, last result, calls; a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.log import LogRow, newest_rows
from sync_pipelines.erp.connections.mark import waits_for_person
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import OPS

#: Calls that still count against a limit, by the party that last made them: the fullest window is the one that matters.
_USED: LiteralString = """
select party, max(calls) from (
    select party, call.scope, count(*) as calls
    from ops.budget_parties cross join unnest(scopes) as used (scope)
    join ops.budget_calls as call on call.scope = used.scope and call.expires_at > clock_timestamp()
    where party = any(%s)
    group by party, call.scope
) as counted group by party
"""
_HEAD = ("connection", "ERP", "auto-sync", "next sync", "last result", "calls", "counted now")


@dataclass(frozen=True)
class CardRow:
    """A connection as a person sees it."""

    connection: ErpConnection
    last: LogRow | None
    #: Calls that count against the vendor's limits at this moment.
    counted: int = 0

    def cells(self, zone: ZoneInfo) -> tuple[str, ...]:
        one, details = self.connection, self.last.details if self.last else {}
        return (
            f"{one.name} ({one.key})",
            one.erp_type,
            "on" if one.auto_sync else "off",
            _moment(one.next_sync_at, zone) if one.auto_sync else "–",
            self.result(zone),
            f"{details.get('calls', '–')}",
            f"{self.counted}",
        )

    def result(self, zone: ZoneInfo) -> str:
        """What became of the last sync, in words."""
        if waits_for_person(self.connection) is not None:
            return f"waits for a person: {self.connection.status_message or 'credentials'}"
        if self.last is None:
            return "never synced"
        when = _moment(self.last.completed_at or self.last.started_at, zone)
        if self.last.status == "success":
            return f"{when}: {self.last.synced:,} rows synced, {self.last.failed:,} rejected"
        return f"{when}: {self.last.status}. {self.last.message or ''}".strip()


def read_card(erp_url: str, ops_url: str) -> list[CardRow]:
    """The connections in the order of the table. Raises SyncError where they cannot be read."""
    with postgres.connect(erp_url, what=ERP, read_only=True) as connection, postgres.errors_about(ERP):
        rows, logs = Control(connection).all(), newest_rows(connection)
    counted = _counted(ops_url, [one.key for one in rows])
    return [CardRow(one, logs.get(one.id), counted.get(one.key, 0)) for one in rows]


def markdown(rows: Sequence[CardRow], zone: ZoneInfo) -> str:
    """The card as a table; a sentence where there is no connection."""
    if not rows:
        return "erp_connections has no row."
    lines = [_HEAD, tuple("---" for _ in _HEAD), *(row.cells(zone) for row in rows)]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _counted(ops_url: str, keys: Sequence[str]) -> Mapping[str, int]:
    with postgres.connect(ops_url, what=OPS, read_only=True) as connection, postgres.errors_about(OPS):
        return dict(connection.execute(_USED, (list(keys),)).fetchall())


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment is not None else "at once"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
