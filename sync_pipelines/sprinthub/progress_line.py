"""The progress of several segments as one line and one bar."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_pipelines.sprinthub.progress import Progress


@dataclass
class ProgressLine:
    """Hands each progress on as a sentence, with how much is done of all segments in work."""

    show: Callable[..., None]
    clock: Callable[[], float] = time.monotonic
    _newest: dict[int, Progress] = field(default_factory=dict)
    #: When the stage of a segment was first seen, and how much of it was done then.
    _begun: dict[tuple[int, str], tuple[float, int]] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        self._newest[progress.segment_id] = progress
        of_all = self._newest.values()
        self.show(
            self.sentence(progress),
            done=sum(one.done for one in of_all),
            total=sum(one.total for one in of_all),
        )

    def sentence(self, progress: Progress) -> str:
        """Such as: segment 12: details 1,200 of 5,000, 83 a minute, 14.1 minutes waited, 46 minutes left."""
        parts = [f"segment {progress.segment_id}: {progress.stage} {progress.done:,} of {progress.total:,}"]
        if (rate := self._rate(progress)) is not None:
            parts.append(f"{rate:,.0f} a minute")
        if progress.waited >= 1:
            parts.append(f"{progress.waited / 60:.1f} minutes waited")
        if progress.estimate is not None:
            parts.append(f"{progress.estimate / 60:,.0f} minutes left")
        return ", ".join(parts)

    def _rate(self, progress: Progress) -> float | None:
        """Leads a minute since the stage was first seen; None until a second has passed."""
        now = self.clock()
        begun, done = self._begun.setdefault((progress.segment_id, progress.stage), (now, progress.done))
        return 60 * (progress.done - done) / (now - begun) if now - begun >= 1 else None
