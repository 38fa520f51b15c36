"""The walk of one job: days from the most recent backwards, leads without a time, then what changed meanwhile.

A bounded number of slices is under way; their outcomes are committed in the order of the walk, so a pause, an error or
a kill leaves a prefix that is done. What was accepted is read back and compared while the walk goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import chain, takewhile
from queue import SimpleQueue
from zoneinfo import ZoneInfo

from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.lead import Lead, Outcome, Position, Slice
from sync_pipelines.scouter.push.batching import Slicer
from sync_pipelines.scouter.push.days import Span, day_span
from sync_pipelines.scouter.push.engine import DayOutcome, Leg, Piece, Preparation, Walk
from sync_pipelines.scouter.push.extract import PAGE, LeadReader
from sync_pipelines.scouter.push.last_synced import Exchanges
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.prove import Comparison, ReadBack
from sync_pipelines.scouter.push.report import Progress

#: Rounds of the catch-up pass: on a table that changes without end the next push goes on.
CATCH_UP_ROUNDS = 3
#: So many refusals, and more than half of all, end a push: then no row is at fault.
REFUSALS = 100


_Stretch = tuple[Leg, Iterable[list[Position]]]


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

    #: Reads positions, by the connection that `progress` writes to: only one thread uses it.
    reader: LeadReader
    #: As many pages are looked up at once, each over a connection of its own.
    slicers: Sequence[Slicer]
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
    _proved: set[int] = field(default_factory=set)
    _free: SimpleQueue[Slicer] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        for slicer in self.slicers:
            self._free.put(slicer)

    def days(self, days: Sequence[date], after: Position | None = None) -> Generator[DayOutcome]:
        """Push each day as far as it lies under the watermark; yields what became of it, in order.

        The first day is taken up behind `after`, where an earlier run came that far. What follows a day is under way
        when it is yielded, and counts for nothing until the next one is asked for.
        """
        return self._walk().run(self._pieces_of_days(days, after))

    def undated(self, after: Position | None = None) -> DayOutcome:
        """Push the leads that are in no day: without `updated_at`, or with one before all days or still to come."""
        future = self.reader.now()
        pages = self.reader.undated_pages(future)
        again = ([one for one in page if after and one.id >= after.id] for page in pages)
        return self._whole(
            [
                *([(Leg(None, "again"), takewhile(bool, again))] if after else []),
                (Leg(None, "walk"), self.reader.undated_pages(future, after)),
            ]
        )

    def again(self, newest: date, oldest: date, *, undated: bool) -> DayOutcome:
        """Look again at days that count already, as they are now: only what turns out otherwise moves the counters."""
        now = self.reader.now()
        begin, end = day_span(oldest, self.zone).begin, day_span(newest, self.zone).end
        pages = chain(
            self.reader.pages(Span(begin, min(end or now, now))),
            self.reader.undated_pages(now) if undated else (),
        )
        return self._whole([(Leg(None, "again"), pages)])

    def catch_up(self) -> DayOutcome:
        """Push what was written since the watermark, until nothing is new."""
        total, begin = DayOutcome(), self.watermark
        for _ in range(CATCH_UP_ROUNDS):
            end = self.reader.now()
            found = self._whole([(Leg(None, "catch_up"), self.reader.pages(Span(begin, end)))])
            total.merge(found)
            if not found.read:
                break
            begin = end
        return total

    def still_there(self) -> DayOutcome:
        """Whether what this push sent and proved outlived what it sent afterwards."""
        outcome = DayOutcome()
        if self._proved:
            outcome.proof = self.comparison.lost(self._proved, self.reader.stamps["last_sync_at"])
            self.exchanges.forget(outcome.proof.missing)
        return outcome

    def _pieces_of_days(self, days: Sequence[date], after: Position | None) -> Iterator[Preparation]:
        """Slices of all days, each day followed by its end. A page is looked up as a whole, over their borders."""
        span = self._under_watermark(day_span(days[-1], self.zone).begin, day_span(days[0], self.zone).end)
        yield from self._pieces(
            self._again(days[0], self._under_watermark(*day_span(days[0], self.zone)), after)
        )
        ended = 0  # days
        for page in self.reader.pages(span, after):
            yield partial(self._page_of_days, page, days[ended:])
            ended = days.index(self._day_of(page[-1]), ended)
        yield lambda: [Piece()] * (len(days) - ended)

    def _page_of_days(self, page: Sequence[Position], days: Sequence[date]) -> list[Piece]:
        """The slices of a page, and the ends of those of `days` that lie before them."""
        pieces, ended = list[Piece](), 0
        for piece in self._sliced(page, self._day_of):
            number = days.index(self._day_of(piece.last), ended)
            pieces += [Piece()] * (number - ended)
            pieces.append(Piece(Leg(days[number], "walk"), piece))
            ended = number
        return pieces

    def _sliced(
        self, page: Sequence[Position], apart: Callable[[Position], object] = lambda _: None
    ) -> list[Slice]:
        slicer = self._free.get()
        try:
            return list(slicer.slices(page, apart))
        finally:
            self._free.put(slicer)

    def _under_watermark(self, begin: datetime | None, end: datetime | None) -> Span:
        return Span(begin, min(end or self.watermark, self.watermark))

    def _day_of(self, position: Position) -> date:
        assert position.updated_at is not None
        return position.updated_at.astimezone(self.zone).date()

    def _again(self, day: date, span: Span, after: Position | None) -> list[_Stretch]:
        """What an earlier run may have counted and not proved, because it was ended in between."""
        if after is None:
            return []
        before = ([position for position in page if position >= after] for page in self.reader.pages(span))
        return [(Leg(day, "again"), takewhile(bool, before))]

    def _pieces(self, stretches: Iterable[_Stretch]) -> Iterator[Preparation]:
        for leg, pages in stretches:
            for page in pages:
                yield partial(self._page, leg, page)

    def _page(self, leg: Leg, page: Sequence[Position]) -> list[Piece]:
        return [Piece(leg, piece) for piece in self._sliced(page)]

    def _whole(self, stretches: Iterable[_Stretch]) -> DayOutcome:
        (outcome,) = self._walk().run(chain(self._pieces(stretches), [lambda: [Piece()]]))
        return outcome

    def _walk(self) -> Walk:
        # Two pages may wait, so that the threads have work while the next one is read.
        depth = 2 * PAGE // self.slicers[0].size + self.in_flight
        return Walk(
            send=self.sender.send,
            prove=self._prove,
            commit=self._commit,
            width=self.in_flight,
            depth=depth,
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
        self._proved.update(lead.id for lead in found.equal_leads)
        return found
