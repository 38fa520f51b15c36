"""The leads' part of the inbox, and what is known of each change beside its text.

The payload is the whole body as it came (`{"lead": {…}, "source": "…"}`, older callers say `ficha`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple

from sync_pipelines.lib.records import inbox
from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.scouter.lead import TOPIC

#: The source of what a push found changed there, without an announcement.
FOUND = "found_by_the_push"
#: Between the fields that a change was rejected for.
AND = "; "


class WaitingLead(NamedTuple):
    """A change that waits; `replayed` are the fields that it was rejected for before."""

    id: int
    lead_id: int
    source: str
    payload: str
    received_at: datetime
    replayed: frozenset[str] = frozenset()


def open_lead_inbox(url: str) -> AbstractContextManager[Inbox]:
    return inbox.open_inbox(url, TOPIC)


def take_leads(leads: Inbox, *, after: int = 0, most: int, most_bytes: int) -> list[WaitingLead]:
    """As `Inbox.take`."""
    return [
        WaitingLead(
            id=row.id,
            lead_id=int(row.key),
            source=row.source,
            payload=row.payload,
            received_at=row.received_at,
            replayed=fields_of(row.reason),
        )
        for row in leads.take(after=after, most=most, most_bytes=most_bytes)
    ]


def fields_of(reason: str | None) -> frozenset[str]:
    """The fields that the reason of a reject names: `age: the value is no integer; etapa: …`."""
    return frozenset(part.partition(": ")[0] for part in (reason or "").split(AND) if ": " in part)
