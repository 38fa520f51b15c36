"""A run that goes on for hours, seen on the asset's page: an observation now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg

from sync_pipelines.lib.progress import Progress
from sync_pipelines.sprinthub.defs.descriptions import LEADS_KEY
from sync_pipelines.sprinthub.defs.segment_metadata import observed

#: Seconds between two observations of a segment: each is a row of Dagster's database, and a run may take ten hours.
SECONDS = 30.0


@dataclass
class Observations:
    """Logs a segment's progress as observations of its leads; called in the thread of the step."""

    context: dg.AssetExecutionContext
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        now = self.clock()
        # The first one after half a minute, too: a run that ends before needs none.
        if now - self._last.setdefault(progress.key, now) < SECONDS:
            return
        self._last[progress.key] = now
        self.context.log_event(
            dg.AssetObservation(LEADS_KEY, partition=progress.key, metadata=observed(progress))
        )
