"""The walk of one job: days from the most recent backwards, leads without a time, then what changed meanwhile.

A bounded number of slices is under way; their outcomes are committed in the order of the walk, so a pause, an error or
a kill leaves a prefix that is done. What was accepted is read back and compared while the walk goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from sync_pipelines.scouter.exports.table import read_configuration
from sync_pipelines.scouter.push.days import Span, day_span
from sync_pipelines.scouter.push.exchanges import Exchanges
from sync_pipelines.scouter.push.leads import Lead, Outcome, Position
from sync_pipelines.scouter.push.progress import Progress
from sync_pipelines.scouter.push.readback import Comparison, ReadBack
from sync_pipelines.scouter.push.reading import PAGE, LeadReader
from sync_pipelines.scouter.push.sending import Sender
from sync_pipelines.scouter.push.slicing import Slicer
from sync_pipelines.scouter.push.walk import DayOutcome, Leg, Walk

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
class Push:
    """Pushes spans of leads; one instance a job. `in_flight` slices are sent at once.

    Every way raises StoppedError, SwitchedOffError, TooManyRejectedError or a SyncError; what was committed before
    stays.
    """

    reader: LeadReader
    slicer: Slicer
    sender: Sender
    comparison: Comparison
    progress: Progress
    exchanges: Exchanges
    zone: ZoneInfo
    watermark: datetime
    in_flight: int
    #: Called before each commit of the walk: tests kill here.
    before_commit: Callable[[], None] = lambda: None
    _sent: int = 0
    _rejected: int = 0

    def days(self, days: Sequence[date], after: Position | None = None) -> Generator[DayOutcome]:
        """Push each day as far as it lies under the watermark; yields what became of it, in order.

        The first day is taken up behind `after`, where an earlier run came that far. What follows a day is under way
        when it is yielded, and counts for nothing until the next one is asked for.
        """
        spans = [(day, day_span(day, self.zone)) for day in days]
        stages = (
            self._legs(
                Span(begin, min(end or self.watermark, self.watermark)),
                day,
                after if day == days[0] else None,
            )
            for day, (begin, end) in spans
        )
        return self._walk().run(stages)

    def undated(self, after: Position | None = None) -> DayOutcome:
        """Push the leads that have no `updated_at`, which no day has."""
        return self._whole(self._legs(None, None, after))

    def catch_up(self) -> DayOutcome:
        """Push what was written since the watermark, until nothing is new."""
        total, begin = DayOutcome(), self.watermark
        for _ in range(CATCH_UP_ROUNDS):
            end = self.reader.now()
            found = self._whole([Leg(None, "catch_up", self.reader.pages(Span(begin, end)))])
            total.merge(found)
            if not found.read:
                break
            begin = end
        return total

    def _legs(self, span: Span | None, day: date | None, after: Position | None) -> list[Leg]:
        rest = Leg(day, "walk", self.reader.pages(span, after))
        if after is None:
            return [rest]
        # An earlier run was ended between accepting and proving: what it counted is proved here.
        before = ([position for position in page if position >= after] for page in self.reader.pages(span))
        return [Leg(day, "again", _until_empty(before)), rest]

    def _whole(self, legs: Sequence[Leg]) -> DayOutcome:
        (outcome,) = self._walk().run([legs])
        return outcome

    def _walk(self) -> Walk:
        # Two pages may wait, so that the threads have work while the next one is read.
        depth = 2 * PAGE // self.slicer.size + self.in_flight
        return Walk(
            *(self.slicer.slices, self.sender.send, self._prove, self._commit),
            *(self.in_flight, depth),
        )

    def _commit(self, leg: Leg, outcomes: Sequence[Outcome]) -> Exception | None:
        self.before_commit()
        status = self.progress.commit(outcomes, day=leg.day, stretch=leg.stretch)
        refused = self._is_refused(outcomes)
        if status != "running":
            return StoppedError(status)
        if refusal := read_configuration(self.progress.connection).refusal():
            return SwitchedOffError(refusal)
        return TooManyRejectedError() if refused else None

    def _is_refused(self, outcomes: Sequence[Outcome]) -> bool:
        """Count outcomes; whether the destination refuses most of what it gets."""
        rejected = sum(len(outcome.rejected) for outcome in outcomes)
        self._sent += rejected + sum(len(outcome.accepted) for outcome in outcomes)
        self._rejected += rejected
        return self._rejected >= REFUSALS and self._rejected * 2 > self._sent

    def _prove(self, leads: Sequence[Lead]) -> ReadBack:
        found = self.comparison.read_back(leads)
        self.exchanges.record(found.equal_leads, run_id=self.progress.run_id)
        self.exchanges.forget(found.wrong_ids)
        return found


def _until_empty(pages: Iterable[list[Position]]) -> Iterator[list[Position]]:
    return takewhile(bool, pages)
