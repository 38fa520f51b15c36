"""A run that goes on for hours, seen on the asset's page: an observation now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg

from sync_pipelines.sprinthub.defs.descriptions import LEADS_KEY
from sync_pipelines.sprinthub.defs.segment_metadata import observed
from sync_pipelines.sprinthub.progress import Progress

#: Seconds between two observations of a segment: each is a row of Dagster's database, and a run may take ten hours.
SECONDS = 30.0


@dataclass
class Observations:
    """Logs a segment's progress as observations of its leads; called in the thread of the step."""

    context: dg.AssetExecutionContext
    clock: Callable[[], float] = time.monotonic
    _last: dict[int, float] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        now = self.clock()
        # The first one after half a minute, too: a run that ends before needs none.
        if now - self._last.setdefault(progress.segment_id, now) < SECONDS:
            return
        self._last[progress.segment_id] = now
        self.context.log_event(
            dg.AssetObservation(LEADS_KEY, partition=str(progress.segment_id), metadata=observed(progress))
        )
