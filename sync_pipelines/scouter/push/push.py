"""The walk of one job: days from the most recent backwards, leads without a time, then what changed meanwhile.

A bounded number of slices is under way; their outcomes are committed in the order of the walk, so a pause, an error or
a kill leaves a prefix that is done. What was accepted is read back and compared while the walk goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import takewhile
from zoneinfo import ZoneInfo

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.in_order import InOrder
from sync_pipelines.scouter.exports.table import read_configuration
from sync_pipelines.scouter.push.days import Span, day_span
from sync_pipelines.scouter.push.exchanges import Exchanges
from sync_pipelines.scouter.push.leads import Lead, Outcome, Position
from sync_pipelines.scouter.push.progress import Progress, Stretch
from sync_pipelines.scouter.push.readback import Comparison, ReadBack
from sync_pipelines.scouter.push.reading import PAGE, LeadReader
from sync_pipelines.scouter.push.sending import Sender
from sync_pipelines.scouter.push.slicing import Slicer

#: Accepted leads are compared by this many: their bodies are what the push holds in memory.
PROVED_AT_ONCE = 400
#: Rounds of the catch-up pass: on a table that changes without end the next push goes on.
CATCH_UP_ROUNDS = 3
#: So many refusals, and more than half of all, end a push: then no row is at fault.
REFUSALS = 100


class StoppedError(Exception):
    """A person paused, reset or deleted (None) the job: what was under way is committed, nothing more is sent."""

    def __init__(self, status: str | None) -> None:
        super().__init__(status)
        self.status = status


class SwitchedOffError(Exception):
    """A person switched the integration off; `refusal` says so."""

    def __init__(self, refusal: str) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class TooManyRejectedError(Exception):
    """The destination refuses most of what it gets: that is no matter of single rows."""


@dataclass
class DayOutcome:
    """What became of a day's leads: read = accepted + unchanged + rejected + gone; and the proof of what was sent."""

    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    gone: int = 0
    requests: int = 0
    seconds: float = 0.0
    proof: ReadBack = field(default_factory=ReadBack)

    @property
    def read(self) -> int:
        return self.accepted + self.unchanged + self.rejected + self.gone

    def merge(self, other: DayOutcome) -> None:
        self.accepted += other.accepted
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.gone += other.gone
        self.requests += other.requests
        self.seconds += other.seconds
        self.proof.add(other.proof)

    def add(self, outcome: Outcome) -> None:
        self.accepted += len(outcome.accepted)
        self.unchanged += outcome.slice.unchanged
        self.rejected += len(outcome.rejected)
        self.gone += outcome.slice.gone
        self.requests += outcome.requests


@dataclass
class Push:
    """Pushes spans of leads; one instance a job. `in_flight` slices are sent at once."""

    reader: LeadReader
    slicer: Slicer
    sender: Sender
    comparison: Comparison
    progress: Progress
    exchanges: Exchanges
    zone: ZoneInfo
    watermark: datetime
    in_flight: int
    #: Called before each commit, with the walk's outcomes so far: tests kill here.
    before_commit: Callable[[], None] = lambda: None
    _sent: int = 0
    _rejected: int = 0

    def day(self, day: date, after: Position | None = None) -> DayOutcome:
        """Push a day, as far as it lies under the watermark; behind `after` where an earlier run came that far.

        Raises StoppedError, SwitchedOffError, TooManyRejectedError or a SyncError; what was committed before stays.
        """
        begin, end = day_span(day, self.zone)
        return self._span(Span(begin, min(end, self.watermark) if end else self.watermark), day, after)

    def undated(self, after: Position | None = None) -> DayOutcome:
        """Push the leads that have no `updated_at`, which no day has."""
        return self._span(None, None, after)

    def catch_up(self) -> DayOutcome:
        """Push what was written since the watermark, until nothing is new."""
        total, begin = DayOutcome(), self.watermark
        for _ in range(CATCH_UP_ROUNDS):
            end = self.reader.now()
            found = _Walk(self, None, "catch_up").run(self.reader.pages(Span(begin, end)))
            total.merge(found)
            if not found.read:
                break
            begin = end
        return total

    def _span(self, span: Span | None, day: date | None, after: Position | None) -> DayOutcome:
        total = DayOutcome()
        if after is not None:
            # An earlier run was ended between accepting and proving: what it counted is proved here.
            before = (
                [position for position in page if position >= after] for page in self.reader.pages(span)
            )
            total.merge(_Walk(self, day, "again").run(_until_empty(before)))
        total.merge(_Walk(self, day).run(self.reader.pages(span, after)))
        return total

    def is_refused(self, outcomes: Sequence[Outcome]) -> bool:
        """Count outcomes; whether the destination refuses most of what it gets."""
        rejected = sum(len(outcome.rejected) for outcome in outcomes)
        self._sent += rejected + sum(len(outcome.accepted) for outcome in outcomes)
        self._rejected += rejected
        return self._rejected >= REFUSALS and self._rejected * 2 > self._sent


@dataclass
class _Walk:
    """One stretch of a push."""

    push: Push
    day: date | None
    stretch: Stretch = "walk"
    total: DayOutcome = field(default_factory=DayOutcome)
    unproved: list[Lead] = field(default_factory=list)

    def run(self, pages: Iterable[list[Position]]) -> DayOutcome:
        push, started = self.push, time.monotonic()
        # Two pages may wait, so that the threads have work while the next one is read.
        depth = 2 * PAGE // push.slicer.size + push.in_flight
        with InOrder[Outcome | ReadBack](push.in_flight, depth) as line:
            for page in pages:
                for piece in push.slicer.slices(page):
                    while line.is_full:
                        self._take(line)
                    line.give(partial(push.sender.send, piece))
            while not line.is_empty or self.unproved:
                if line.is_empty:
                    self._give_proof(line)
                self._take(line)
        self.total.seconds = time.monotonic() - started
        return self.total

    def _take(self, line: _Line) -> None:
        results = line.take()
        if outcomes := [one for one in results if isinstance(one, Outcome)]:
            self.push.before_commit()
            status = self._commit(outcomes)
            if stop := self._stop(status, outcomes):
                self._finish(line)
                raise stop
        for one in results:
            if isinstance(one, ReadBack):
                self._judge(one)
        while len(self.unproved) >= PROVED_AT_ONCE:
            self._give_proof(line)

    def _stop(self, status: str | None, outcomes: list[Outcome]) -> Exception | None:
        """Why nothing more may be sent, if so."""
        refused = self.push.is_refused(outcomes)
        if status != "running":
            return StoppedError(status)
        if refusal := read_configuration(self.push.progress.connection).refusal():
            return SwitchedOffError(refusal)
        return TooManyRejectedError() if refused else None

    def _commit(self, outcomes: list[Outcome]) -> str | None:
        status = self.push.progress.commit(outcomes, day=self.day, stretch=self.stretch)
        for outcome in outcomes:
            self.total.add(outcome)
            self.unproved += outcome.accepted
        return status

    def _give_proof(self, line: _Line) -> None:
        batch = self.unproved[:PROVED_AT_ONCE]
        del self.unproved[:PROVED_AT_ONCE]
        line.give(partial(self.push.comparison.read_back, batch))

    def _judge(self, found: ReadBack) -> None:
        self.total.proof.add(found)
        self.push.exchanges.record(found.equal_leads, run_id=self.push.progress.run_id)
        self.push.exchanges.forget(found.wrong_ids)

    def _finish(self, line: _Line) -> None:
        """Commit and prove what is under way: it was sent, and its place in the walk is next."""
        line.withdraw()
        with contextlib.suppress(SyncError):  # what did not come through is sent again by the next run
            while not line.is_empty or self.unproved:
                if line.is_empty:
                    self._give_proof(line)
                for one in line.take():
                    if isinstance(one, Outcome):
                        self._commit([one])
                    else:
                        self._judge(one)


_Line = InOrder[Outcome | ReadBack]


def _until_empty(pages: Iterable[list[Position]]) -> Iterator[list[Position]]:
    return takewhile(bool, pages)
