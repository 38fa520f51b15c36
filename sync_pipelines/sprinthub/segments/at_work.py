"""Which segments a living process works on, wherever it runs and whatever Dagster knows of it."""

from __future__ import annotations

from datetime import datetime

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.segments.tables import OFICIALMED


def segment_lock(segment_id: int) -> int:
    """The key of the lock that a run of the segment holds."""
    return postgres.lock_key("sprinthub", "segment", str(segment_id))


def read_at_work(url: str) -> frozenset[int]:
    """The segments whose lock is held. Raises SyncError where that cannot be read."""
    with (
        postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        running = read_running(connection)
        return frozenset(one for one in running if postgres.is_held(connection, segment_lock(one)))


def read_running(connection: postgres.Connection) -> dict[int, datetime]:
    """The segments with an open row, and since when it is open: the reaper closes those of dead processes."""
    rows = connection.execute(
        "select segment_id, min(execution_time) from public.sync_segments_logs where status = 'running'"
        " and execution_time is not null group by segment_id"
    )
    return dict(rows.fetchall())
