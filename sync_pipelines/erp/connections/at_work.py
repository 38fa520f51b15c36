"""Which connections a living process works on, wherever it runs and whatever Dagster knows of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.lib import postgres


def connection_lock(connection_id: UUID) -> int:
    """The key of the lock that a sync of the connection holds."""
    return postgres.lock_key("erp", "connection", str(connection_id))


def read_at_work(url: str) -> frozenset[UUID]:
    """The connections whose lock is held. Raises SyncError where that cannot be read."""
    with postgres.connect(url, what=ERP, read_only=True) as connection, postgres.errors_about(ERP):
        running = read_running(connection)
        return frozenset(one for one in running if postgres.is_held(connection, connection_lock(one)))


def read_running(connection: postgres.Connection) -> dict[UUID, datetime]:
    """The connections with an open row, and since when it is open: the reaper closes those of dead processes."""
    rows = connection.execute(
        "select connection_id, min(started_at) from public.erp_sync_logs where status = 'running'"
        " group by connection_id"
    )
    return dict(rows.fetchall())
