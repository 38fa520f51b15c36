"""Which segments a schedule or sensor starts: those that the control table makes due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg

from sync_pipelines.lib.orchestration.due_partitions import DuePartitions, Tick
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, SEGMENTS
from sync_pipelines.sprinthub.segments.at_work import read_at_work
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ControlRow, read_segments
from sync_pipelines.sprinthub.segments.segment_id import is_segment_id

JOB = "sprinthub_sync"
#: The multi-asset, which is the step of every run.
STEP = "sprinthub_segments"
SEGMENT_TAG = "sprinthub/segment"
DUE = DuePartitions("segment", partitions=SEGMENTS, job=JOB, step=STEP, assets=ASSETS, tag=SEGMENT_TAG)


@dataclass(frozen=True)
class DueSegments:
    """The control table as schedules and sensors look at it. Reading it raises SyncError."""

    url: str = field(repr=False)
    cadence: Cadence
    clock: Callable[[], datetime]

    def keys(self) -> list[str]:
        """The partition keys of the table, in its order; a number that cannot be a segment's is none.

        Beside them those that a process works on: the command line takes also a segment that the table does not have.
        """
        at_work = (str(one) for one in sorted(read_at_work(self.url)))
        return list(dict.fromkeys([*_keys(read_segments(self.url)), *at_work]))

    def tick(self, instance: dg.DagsterInstance, rests: bool) -> Tick:
        """The due segments to start; with `rests` none whose last runs died."""
        now = self.clock()
        due = {str(row.segment_id): row.next_execution for row in read_segments(self.url) if row.is_due(now)}
        return DUE.tick(
            instance,
            due,
            at_work=lambda: {str(number) for number in read_at_work(self.url)},
            now=now,
            retry_at=self.cadence.retry_at if rests else None,
        )


def _keys(rows: Sequence[ControlRow]) -> list[str]:
    return list(dict.fromkeys(str(row.segment_id) for row in rows if is_segment_id(row.segment_id)))
