"""Whether a connection is left behind: its last success is older than its frequency allows, and no sync is at work.

The policy of an asset cannot see that: it looks at the newest materialization of any connection.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sync_pipelines.erp.connections.connection import ACTIVE, ERROR, ErpConnection
from sync_pipelines.erp.connections.mark import waits_for_person

#: How long after its planned time a success may come, and how long a sync may be at work before it counts as none.
GRACE, LONGEST_SYNC = timedelta(hours=2), timedelta(hours=24)


def stale_because(
    connection: ErpConnection,
    now: datetime,
    served: Collection[str],
    *,
    running_since: datetime | None = None,
) -> str | None:
    """Why the connection counts as left behind; None for one that does not, or that nobody wants to be synced."""
    is_wanted = (
        connection.auto_sync and connection.status in (ACTIVE, ERROR) and connection.erp_type in served
    )
    if not is_wanted or (running_since is not None and now - running_since < LONGEST_SYNC):
        return None
    if now - _expected(connection, now) <= GRACE:
        return None
    last = connection.last_sync_at
    since = (
        f"its last success began at {last:%Y-%m-%d %H:%M} UTC" if last is not None else "it never succeeded"
    )
    mark = waits_for_person(connection)
    return f"{since}, and it waits for a person since {mark.since:%Y-%m-%d %H:%M} UTC" if mark else since


def _expected(connection: ErpConnection, now: datetime) -> datetime:
    """When it should have succeeded at the latest."""
    expected = connection.created_at or now
    if connection.last_sync_at is not None:
        expected = connection.last_sync_at + connection.frequency
    if connection.status == ACTIVE and connection.next_sync_at is not None:
        # Whoever switches auto-sync on again after a while starts anew from the time that the switch sets.
        return max(expected, connection.next_sync_at)
    return expected
