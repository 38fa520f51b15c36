"""The new leads' part of the inbox: which leads wait, each with all its arrivals.

A lead is read as it is now, so one call answers every arrival of it that came before.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

from sync_pipelines.lib.records import inbox
from sync_pipelines.lib.records.inbox import Inbox

TOPIC = "sprinthub/leads"


class WaitingLead(NamedTuple):
    """A lead that waits, with the rows of its arrivals from the oldest to the newest."""

    lead_id: int
    rows: list[int]


def open_new_leads(url: str) -> AbstractContextManager[Inbox]:
    return inbox.open_inbox(url, TOPIC)


def take_leads(leads: Inbox, *, after: int, most: int) -> list[WaitingLead]:
    """At most so many leads whose oldest arrival is a later row than `after`, those that wait longest first.

    `after` lets a run pass over a lead whose detail did not come: it stays in the inbox and holds up nobody.
    """
    rows = leads.connection.execute(
        "select key::bigint, array_agg(id order by id) from ops.inbox"
        " where topic = %s and status = 'waiting' group by key"
        " having min(id) > %s order by min(id) limit %s",
        (leads.topic, after, most),
    ).fetchall()
    return [WaitingLead(*row) for row in rows]


def newest_row(leads: Inbox) -> int:
    """The newest row that waits; 0 if none does."""
    row = leads.connection.execute(
        "select coalesce(max(id), 0) from ops.inbox where topic = %s and status = 'waiting'", (leads.topic,)
    ).fetchone()
    return int(row[0]) if row else 0


def count_waiting(leads: Inbox, *, up_to: int) -> int:
    """How many rows wait that are not newer than the row `up_to`."""
    row = leads.connection.execute(
        "select count(*) from ops.inbox where topic = %s and status = 'waiting' and id <= %s",
        (leads.topic, up_to),
    ).fetchone()
    return int(row[0]) if row else 0
