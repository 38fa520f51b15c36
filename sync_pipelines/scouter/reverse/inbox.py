"""The leads' part of the inbox, and what is known of each lead beside the change that waits.

The payload is the whole body as it came (`{"lead": {…}, "source": "…"}`, older callers say `ficha`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import inbox
from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.scouter.lead import TOPIC

_VERSION = "coalesce(payload -> 'lead', payload -> 'ficha') ->> 'updated_at'"


class WaitingLead(NamedTuple):
    """A change that waits, with the last-synced state of its lead and the version that was last applied, if any.

    `applied_version` is as the payload said it, `applied_at` when that payload came.
    """

    id: int
    lead_id: int
    source: str
    payload: str
    received_at: datetime
    exchanged_hash: Any  # uuid
    exchange_direction: str | None
    applied_version: str | None
    applied_at: datetime | None


def open_lead_inbox(url: str) -> AbstractContextManager[Inbox]:
    return inbox.open_inbox(url, TOPIC)


def take_leads(leads: Inbox, destination: str, *, most: int, most_bytes: int) -> list[WaitingLead]:
    """As `Inbox.take`, with what is known of each lead; `destination` is the other side in ops.lead_exchanges."""
    rows = leads.take(most=most, most_bytes=most_bytes)
    ids = sorted({int(row.key) for row in rows})
    synced = _synced(leads.connection, destination, ids)
    applied = leads.applied((row.key for row in rows), _VERSION)
    return [
        WaitingLead(
            id=row.id,
            lead_id=int(row.key),
            source=row.source,
            payload=row.payload,
            received_at=row.received_at,
            exchanged_hash=synced.get(int(row.key), (None, None))[0],
            exchange_direction=synced.get(int(row.key), (None, None))[1],
            applied_version=last.value if last else None,
            applied_at=last.received_at if last else None,
        )
        for row, last in ((row, applied.get(row.key)) for row in rows)
    ]


def _synced(
    connection: postgres.Connection, destination: str, ids: Sequence[int]
) -> dict[int, tuple[Any, str]]:
    """Hash and direction of the last-synced state of each lead that has one."""
    rows = connection.execute(
        "select lead_id, content_hash, direction from ops.lead_exchanges"
        " where destination = %s and lead_id = any(%s::bigint[])",
        (destination, postgres.array(ids)),
    ).fetchall()
    return {lead_id: (content_hash, direction) for lead_id, content_hash, direction in rows}
