"""Which segments a schedule or sensor starts: those that are due and that no run works on.

A run that fails moves its segment's `next_execution`. One that died could not, so its segment is due at once and would
be started again, and die again, every half minute: such a segment rests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import dagster as dg

from sync_pipelines.lib.orchestration.table_partitions import unfinished_targets
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, SEGMENTS
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ControlRow, read_segments
from sync_pipelines.sprinthub.segments.history import read_at_work
from sync_pipelines.sprinthub.segments.segment_id import is_segment_id

JOB = "sprinthub_sync"
#: The multi-asset, which is the step of every run.
STEP = "sprinthub_segments"
#: On every run that a schedule or sensor requests: dagster.yaml limits how many run at once, and to one a segment.
SEGMENT_TAG = "sprinthub/segment"
_FAILED = {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
#: Runs of a segment that are looked at for those in vain; 15 minutes doubled so often are more than a day.
_LOOKED_AT = 8


class Tick(NamedTuple):
    """The segments that a tick starts, by their keys, and sentences on due ones that it leaves alone."""

    starts: list[str]
    #: Keys of the due segments, of which some may be no partitions yet.
    keys: list[str]
    left_alone: list[str]

    def skip_sentence(self) -> str:
        return " ".join(self.left_alone) or "No segment is due."


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

    def tick(self, instance: dg.DagsterInstance, *, rests: bool) -> Tick:
        """The due segments to start; with `rests` none whose last runs died."""
        now, known = self.clock(), instance.get_dynamic_partitions(str(SEGMENTS.name))
        due = {str(row.segment_id): row for row in read_segments(self.url) if row.is_due(now)}
        # A key that is no partition yet may be a run's: the command line adds it as its run begins.
        order = [*known, *(key for key in due if key not in known)]
        targets = unfinished_targets(instance, order, jobs={JOB}, assets=ASSETS)
        # The command line may have no part in Dagster's database, and one run after another in it.
        at_work = read_at_work(self.url) if due else frozenset()
        tick = Tick([], list(due), [])
        for key, row in due.items():
            if targets.has(key) or row.segment_id in at_work:
                tick.left_alone.append(f"A run of segment {key} is under way.")
            elif rests and (until := self._rests_until(instance, row)) and now < until:
                tick.left_alone.append(
                    f"The last runs of segment {key} died; the next is at {until.astimezone(UTC):%H:%M:%S} UTC."
                )
            else:
                tick.starts.append(key)
        return tick

    def _rests_until(self, instance: dg.DagsterInstance, row: ControlRow) -> datetime | None:
        """When a segment whose last runs ended without a word in the control table is tried again."""
        tags = {SEGMENT_TAG: str(row.segment_id)}
        ends: list[datetime] = []
        for record in instance.get_run_records(dg.RunsFilter(tags=tags), limit=_LOOKED_AT):
            end = record.end_time or record.create_timestamp.timestamp()
            ended = datetime.fromtimestamp(end, UTC)
            is_recorded = row.next_execution is not None and row.next_execution >= ended
            if record.dagster_run.status not in _FAILED or is_recorded:
                break
            ends.append(ended)
        return self.cadence.retry_at(ends[0], len(ends)) if ends else None


def request(key: str, run_key: str | None = None) -> dg.RunRequest:
    """A run of one segment, which leaves it alone if it is not due any more when the run begins."""
    return dg.RunRequest(
        run_key=run_key,
        partition_key=key,
        tags={SEGMENT_TAG: key},
        run_config={"ops": {STEP: {"config": {"only_if_due": True}}}},
    )


def _keys(rows: Sequence[ControlRow]) -> list[str]:
    return list(dict.fromkeys(str(row.segment_id) for row in rows if is_segment_id(row.segment_id)))
