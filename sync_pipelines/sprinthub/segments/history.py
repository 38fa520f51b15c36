"""The last runs of a segment, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

SHOWN = 30


class PastRun(NamedTuple):
    """A finished run; `minutes` is None where its process died."""

    minutes: float | None
    failed: bool


class History(NamedTuple):
    """The newest finished runs, the oldest first."""

    runs: Sequence[PastRun] = ()

    @property
    def errors(self) -> int:
        return sum(run.failed for run in self.runs)


def read_history(connection: postgres.Connection, segment_id: int) -> History:
    rows = connection.execute(
        "select duration_seconds, status = 'error' from public.sync_segments_logs"
        " where segment_id = %s and status <> 'running' order by id desc limit %s",
        (segment_id, SHOWN),
    ).fetchall()
    runs = [PastRun(float(seconds) / 60 if seconds is not None else None, failed) for seconds, failed in rows]
    return History(runs[::-1])


def segment_lock(segment_id: int) -> int:
    """The key of the lock that a run of the segment holds."""
    return postgres.lock_key("sprinthub", "segment", str(segment_id))


def read_at_work(url: str) -> frozenset[int]:
    """The segments that a living process works on, wherever it runs and whatever Dagster knows of it."""
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
