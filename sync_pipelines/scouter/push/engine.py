"""The pipeline of a push: pages are prepared ahead, slices are sent side by side, outcomes are committed in order.

Three things go on at once and never overtake each other: the next pages are read and compared with what is known, a
bounded number of slices is sent, what was accepted is read back. Only the caller's thread writes: a day is committed,
proved and told of before anything of the next one counts, though that is under way already.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby
from typing import NamedTuple

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.ordered_pool import OrderedPool
from sync_pipelines.scouter.lead import Lead, Looked, Outcome, Slice
from sync_pipelines.scouter.push.prove import ReadBack
from sync_pipelines.scouter.push.report import Stretch

#: Accepted leads are compared by this many: their bodies are what the push holds in memory.
PROVED_AT_ONCE = 400
#: Pages that wait prepared, and comparisons that wait to be made.
PAGES_AT_ONCE, PAGES_AHEAD, PROOFS_AHEAD, PROOFS_AT_ONCE = 2, 3, 4, 2

NOTHING_TO_DO = "Nothing to do: no lead in this range."


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
    #: How it is known of the unchanged ones that they are there.
    looked: Looked = field(default_factory=Looked)

    @property
    def read(self) -> int:
        return self.accepted + self.unchanged + self.rejected + self.gone

    def sentence(self) -> str:
        """What is proved, and since when, without any value."""
        if not (self.read or self.proof.compared):
            return NOTHING_TO_DO
        sent = self.proof.sentence() if self.proof.compared else "Nothing was sent."
        return " ".join([sent, *self.looked.sentences()])

    def merge(self, other: DayOutcome) -> None:
        self.accepted += other.accepted
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.gone += other.gone
        self.requests += other.requests
        self.seconds += other.seconds
        self.proof.add(other.proof)
        self.looked.add(other.looked)

    def add(self, outcome: Outcome) -> None:
        self.accepted += len(outcome.accepted)
        self.unchanged += outcome.slice.unchanged
        self.rejected += len(outcome.rejected)
        self.gone += outcome.slice.gone
        self.requests += outcome.requests + outcome.slice.looked.requests
        self.looked.add(outcome.slice.looked)


class Leg(NamedTuple):
    """A part of the walk whose slices count alike."""

    day: date | None
    stretch: Stretch


class Piece(NamedTuple):
    """A slice of a leg, or what preparing it raised; without both the end of a stage, which is proved as a whole."""

    leg: Leg | None = None
    slice: Slice | None = None
    error: Exception | None = None


#: Makes the pieces of a page; a thread of its own calls it.
Preparation = Callable[[], list[Piece]]


class Sent(NamedTuple):
    """What became of a piece."""

    leg: Leg | None
    outcome: Outcome | None


@dataclass
class Walk:
    """One way through the leads; the calls are the push's own parts. `depth` slices at most wait or are under way."""

    send: Callable[[Slice], Outcome]
    prove: Callable[[Sequence[Lead]], ReadBack]
    #: Commits consecutive outcomes of a leg; what it returns ends the walk, once what is under way is committed too.
    commit: Callable[[Leg, Sequence[Outcome]], Exception | None]
    width: int
    depth: int
    _total: DayOutcome = field(default_factory=DayOutcome)
    _unproved: list[Lead] = field(default_factory=list)
    _stop: Exception | None = None

    def run(self, pages: Iterator[Preparation]) -> Generator[DayOutcome]:
        """Yield what became of each stage when it is committed and proved; the next ones are under way meanwhile.

        Raises what `commit` returned or a call raised, with everything before it committed.
        """
        started = time.monotonic()
        with (
            OrderedPool[list[Piece]](PAGES_AT_ONCE, PAGES_AHEAD) as prepared,
            OrderedPool[ReadBack](PROOFS_AT_ONCE, PROOFS_AHEAD) as proofs,
            OrderedPool[Sent](self.width, self.depth) as line,
        ):
            ahead = _Ahead(pages, prepared)
            while self._fill(line, ahead):
                for leg, sent in groupby(self._take(line), key=lambda one: one.leg):
                    if leg is not None:
                        self._count(leg, [one.outcome for one in sent if one.outcome], line, proofs=proofs)
                        continue
                    for _ in sent:
                        self._prove_rest(proofs)
                        outcome, self._total = self._total, DayOutcome()
                        outcome.seconds, started = time.monotonic() - started, time.monotonic()
                        yield outcome
            if self._stop is not None:
                with contextlib.suppress(SyncError):  # what is not proved now is proved by the next run
                    self._prove_rest(proofs)
                raise self._stop

    def _fill(self, line: OrderedPool[Sent], ahead: _Ahead) -> bool:
        """Give out what is prepared and fits; whether anything is to be taken."""
        while self._stop is None and not line.is_full and (piece := ahead.next(wait=line.is_empty)):
            line.give(partial(self._work, piece))
        return not line.is_empty

    def _work(self, piece: Piece) -> Sent:
        if piece.error is not None:
            raise piece.error  # in its turn: what was prepared before it is committed first
        return Sent(piece.leg, self.send(piece.slice) if piece.slice else None)

    def _take(self, line: OrderedPool[Sent]) -> list[Sent]:
        try:
            return line.take(self.width)  # one commit for as many as go at once
        except SyncError:
            if self._stop is None:
                raise
            return []  # what did not come through is sent again by the next run

    def _count(
        self, leg: Leg, outcomes: Sequence[Outcome], line: OrderedPool[Sent], proofs: OrderedPool[ReadBack]
    ) -> None:
        stop = self.commit(leg, outcomes)
        for outcome in outcomes:
            self._total.add(outcome)
            self._unproved += outcome.accepted
        if stop is not None and self._stop is None:
            self._stop = stop
            line.withdraw()
        while self._stop is None and (len(self._unproved) >= PROVED_AT_ONCE or proofs.is_ready):
            self._prove(proofs)

    def _prove_rest(self, proofs: OrderedPool[ReadBack]) -> None:
        while self._unproved or not proofs.is_empty:
            self._prove(proofs)

    def _prove(self, proofs: OrderedPool[ReadBack]) -> None:
        """One step: have the next leads read back, or take what was found where there is something to be had."""
        if proofs.is_ready or proofs.is_full or not self._unproved:
            for found in proofs.take():
                self._total.proof.add(found)
        else:
            proofs.give(partial(self.prove, self._unproved[:PROVED_AT_ONCE]))
            del self._unproved[:PROVED_AT_ONCE]


class _Ahead:
    """Pieces that are prepared while others are sent."""

    def __init__(self, pages: Iterator[Preparation], prepared: OrderedPool[list[Piece]]) -> None:
        self._pages, self._prepared = pages, prepared
        self._ready: deque[Piece] = deque()
        self._is_over = False

    def next(self, *, wait: bool) -> Piece | None:
        """The next piece; None where none is ready, or none is left. The last one may be an error."""
        while not self._ready:
            self._look_ahead()
            if self._is_over or self._prepared.is_empty or not (wait or self._prepared.is_ready):
                return None
            try:
                self._ready += self._prepared.take_one()
            except Exception as error:
                self._ready.append(Piece(error=error))
            self._is_over = any(piece.error for piece in self._ready)
        return self._ready.popleft()

    def _look_ahead(self) -> None:
        while not self._is_over and not self._prepared.is_full:
            try:
                preparation = next(self._pages, None)
            except Exception as error:
                preparation = partial(_raised, error)
            if preparation is None:
                return
            self._prepared.give(preparation)


def _raised(error: Exception) -> list[Piece]:
    return [Piece(error=error)]
