"""The last runs of a segment, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sync_pipelines.lib import postgres

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
