"""How far the run of a segment is: what a person sees while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Stage = Literal["list", "details"]


class Progress(NamedTuple):
    """Done and total are pages' leads in the stage `list`, leads whose details are read in the stage `details`."""

    segment_id: int
    stage: Stage
    done: int
    total: int
    calls: int = 0
    #: Seconds that the calls waited for the budget so far.
    waited: float = 0.0
    #: Seconds until the end of the stage at the present rate; None while nothing is known of it.
    estimate: float | None = None


@dataclass
class Pace:
    """The estimate of the end of a stage: what is left, at the pace since it began, waits for the budget included."""

    clock: Callable[[], float] = time.monotonic
    _began: dict[Stage, tuple[float, int]] = field(default_factory=dict)

    def estimate(self, stage: Stage, done: int, *, total: int) -> float | None:
        """Seconds; None at the very beginning."""
        now = self.clock()
        began, before = self._began.setdefault(stage, (now, done))
        if done <= before or now <= began:
            return None
        return max(total - done, 0) * (now - began) / (done - before)


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """For whoever does not look."""
