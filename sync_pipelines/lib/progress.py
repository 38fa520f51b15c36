"""How far a run is, how fast it goes and when it ends: what a person sees while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

#: No pace is told before so many seconds: of the first answers it would be anything.
SOONEST = 1.0


class Progress(NamedTuple):
    """Done and total count what the stage works on: leads of a list, details read, invoices, products."""

    #: The partition key.
    key: str
    stage: str
    done: int
    total: int | None
    calls: int = 0
    #: Seconds that the calls waited for the limits of the API so far.
    waited: float = 0.0
    #: Done in a second since the stage began, and seconds until its end; None while nothing is known of it.
    rate: float | None = None
    estimate: float | None = None

    def sentence(self) -> str:
        """Such as: omie_1a2b3c4d: xml 1,200 of 5,000, 83 a minute, 14.1 minutes waited, 46 minutes left."""
        of = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.key}: {self.stage} {self.done:,}{of}"]
        if self.rate is not None:
            parts.append(f"{60 * self.rate:,.0f} a minute")
        if self.waited >= 1:
            parts.append(f"{self.waited / 60:.1f} minutes waited")
        if self.estimate is not None:
            parts.append(f"{self.estimate / 60:,.0f} minutes left")
        return ", ".join(parts)


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """For whoever does not look."""


@dataclass
class Pace:
    """How fast each stage goes since it was first seen, waits included; a count that goes back begins anew."""

    clock: Callable[[], float] = time.monotonic
    #: When a stage was first seen and how much of it was done then, and what was seen of it last.
    _began: dict[Hashable, tuple[float, int]] = field(default_factory=dict)
    _newest: dict[Hashable, int] = field(default_factory=dict)

    def rate(self, stage: Hashable, done: int) -> float | None:
        """Done in a second; None at the very beginning."""
        now = self.clock()
        if done < self._newest.get(stage, 0):
            del self._began[stage]
        self._newest[stage] = done
        began, before = self._began.setdefault(stage, (now, done))
        return (done - before) / (now - began) if now - began >= SOONEST else None

    def told(
        self, key: str, stage: str, *, done: int, total: int | None, calls: int, waited: float
    ) -> Progress:
        """The progress of a stage, with its rate and its end."""
        rate = self.rate(stage, done)
        left = seconds_left(rate, done, total)
        return Progress(key, stage, done, total=total, calls=calls, waited=waited, rate=rate, estimate=left)


def seconds_left(rate: float | None, done: int, total: int | None) -> float | None:
    """Until the end at this rate; None while nothing is known of it."""
    return max(total - done, 0) / rate if rate and total is not None else None


@dataclass
class ProgressLine:
    """Hands each progress on as a sentence, with how much is done of all partitions in work, for one line and one bar.

    `subject` stands before the key.
    """

    show: Callable[..., None]
    subject: str = ""
    _newest: dict[str, Progress] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        self._newest[progress.key] = progress
        of_all = self._newest.values()
        self.show(
            self.subject + progress.sentence(),
            done=sum(one.done for one in of_all),
            total=sum(one.done if one.total is None else one.total for one in of_all),
        )
