"""Several segments at once, in a few threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.partition_pool import PartitionPool
from sync_pipelines.lib.progress import Progress, Report
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.segments.segment_id import segment_id

#: More would not be quicker: all share the CRM's patience, and each has several calls under way.
WIDTH = 4


@dataclass(frozen=True)
class RunOptions:
    """What a run does beyond the usual; `accept` are words that the pipeline knows."""

    full: bool = False
    accept: frozenset[str] = frozenset()
    #: Leave a segment alone that is not due (any more): for runs that nobody asked for by name.
    only_if_due: bool = False


class SegmentPool(PartitionPool[RunOptions, SegmentOutcome, Progress]):
    """Runs of segments, by partition key."""

    def __init__(
        self, sync: SegmentSync, width: int = WIDTH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(width=width, clock=clock)
        self.sync = sync

    def run(
        self, key: str, run_id: str, options: RunOptions, *, report: Report, cancellation: Cancellation
    ) -> SegmentOutcome:
        return self.sync.sync(
            segment_id(key),
            run_id=run_id,
            full=options.full,
            accept=options.accept,
            only_if_due=options.only_if_due,
            progress=report,
            cancellation=cancellation,
        )
