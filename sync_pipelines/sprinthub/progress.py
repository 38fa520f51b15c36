"""How far the run of a segment is: what a person sees while it goes on."""

from __future__ import annotations

from collections.abc import Callable
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


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """For whoever does not look."""
