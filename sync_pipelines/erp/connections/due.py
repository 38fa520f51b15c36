"""When a connection is due, and when again (contract of the ERPs, section 10): pure functions of its row.

The original looked at `active` alone, so that one failure was the last sync, and never at `next_sync_at` nor at
`frequency_hours` (contract, section 1.2, items 2 and 6).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sync_pipelines.erp.connections.connection import ACTIVE, ERROR, INACTIVE, ErpConnection
from sync_pipelines.erp.connections.mark import is_requested, waits_for_person


def is_due(connection: ErpConnection, now: datetime, served: Collection[str]) -> bool:
    return not_due_because(connection, now, served) is None


def not_due_because(connection: ErpConnection, now: datetime, served: Collection[str]) -> str | None:
    """Why no automatic run should take it now; None when it is due. `served` are the ERPs with an adapter."""
    if reason := never_due_because(connection, served):
        return reason
    if is_requested(connection):
        return None
    if connection.next_sync_at is not None and connection.next_sync_at > now:
        return f"its next sync is at {connection.next_sync_at:%Y-%m-%d %H:%M} UTC"
    return None


def never_due_because(connection: ErpConnection, served: Collection[str]) -> str | None:
    """Why it will not be due, however late it gets, until a person does something; None when it will.

    A person who asks for a sync has it whatever time, switch and credentials say, but not of what is inactive.
    """
    if connection.problem:
        return connection.problem
    if connection.erp_type not in served:
        return f"there is no adapter for {connection.erp_type}"
    if is_requested(connection) and connection.status != INACTIVE:
        return None
    if not connection.auto_sync:
        return "its auto-sync is off"
    if connection.status not in (ACTIVE, ERROR):
        return f"its status is {connection.status}"
    mark = waits_for_person(connection)
    if connection.status == ERROR and mark is not None:
        return (
            f"it waits for a person since {mark.since:%Y-%m-%d %H:%M} UTC: renew its credentials, or run"
            f" `sync-pipelines erp reviewed {connection.key}`"
        )
    return None


def planned_start(due: datetime | None, started: datetime, now: datetime) -> datetime:
    """For when a sync from `started` to `now` was planned: its `next_sync_at`, where that has come by now."""
    return due if due is not None and due <= now else started


def next_start(planned: datetime, frequency: timedelta, *, after: datetime) -> datetime:
    """The next planned start later than `after`: missed ones are left out, and the hour of the day is kept."""
    missed = max((after - planned) // frequency, 0)
    return planned + (missed + 1) * frequency


def next_sync_at(
    seen: ErpConnection,
    current: ErpConnection,
    *,
    started: datetime,
    now: datetime,
    asked: float | None = None,
) -> datetime | None:
    """When a connection is due again after a sync from `started` to `now`, whatever became of it.

    `seen` is its row at the start and `current` at the end: a time that a person set meanwhile stays. A sync by hand
    before its time leaves the time. `asked` are the seconds for which the vendor wants to be left alone.
    """
    if not current.auto_sync:
        return None
    if current.next_sync_at != seen.next_sync_at:
        return current.next_sync_at
    if current.next_sync_at is not None and current.next_sync_at > now:
        return current.next_sync_at
    return next_start(
        planned_start(current.next_sync_at, started, now),
        current.frequency,
        after=now + timedelta(seconds=asked or 0),
    )
