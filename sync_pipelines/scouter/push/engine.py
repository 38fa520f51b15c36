"""The way of a lead through a push, from top to bottom.

`days`, `undated`, `again` and `catch_up` list pages of positions, each of a stage. `_push` takes the pages through
four steps that go on at the same time:

1. cut: threads look the next pages up and cut them into batches (`Prefetch`, `Batcher`);
2. send: threads post `in_flight` batches at once (`Sender`);
3. commit: the caller's thread writes the outcomes in the order of the pages (`Progress`);
4. prove: threads read accepted leads back and record them as synced (`ProofQueue`, `Prover`).

Only what is committed counts, and that is always a prefix of the pages: after a pause, an error or a kill the next run
goes on behind it. A day is committed, proved and reported before anything of the next day counts, although batches of
the next day are under way already.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, takewhile
from zoneinfo import ZoneInfo

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.ordered_pool import OrderedPool
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.days import Span, day_span
from sync_pipelines.scouter.lead import Position
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.push.batch import Batch, Outcome, Page, Stage, StageKind
from sync_pipelines.scouter.push.batcher import Batcher
from sync_pipelines.scouter.push.day_outcome import DayOutcome
from sync_pipelines.scouter.push.extract import PAGE, LeadReader
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.prefetch import Prefetch
from sync_pipelines.scouter.push.proof_queue import ProofQueue
from sync_pipelines.scouter.push.prove import Prover
from sync_pipelines.scouter.push.report import Progress
from sync_pipelines.scouter.push.stop_errors import StoppedError, SwitchedOffError, TooManyRejectedError

#: Rounds of the catch-up: on a table that never stops changing the next push goes on.
CATCH_UP_ROUNDS = 3
#: So many rejected leads, and more than half of all, stop a push: then the cause is not in single rows.
REJECTIONS = 100


@dataclass
class PushEngine:
    """Pushes the leads of one job, stage after stage.

    Every stage raises StoppedError, SwitchedOffError, TooManyRejectedError or a SyncError; what was committed before
    stays.
    """

    #: Reads positions, by the connection that `progress` writes to: only the caller's thread uses it.
    reader: LeadReader
    batchers: Sequence[Batcher]
    sender: Sender
    progress: Progress
    prover: Prover
    zone: ZoneInfo
    watermark: datetime
    in_flight: int
    probe: Probe = no_probe
    _sent: int = 0
    _rejected: int = 0

    def days(self, days: Sequence[date], after: Position | None = None) -> Generator[DayOutcome]:
        """Push each day as far as it lies under the watermark; yields what became of it, in order.

        An earlier run pushed the first day as far as `after`. Batches of later days are under way when a day is
        yielded, and count for nothing until the next day is asked for.
        """
        newest = day_span(days[0], self.zone)
        whole = Span(day_span(days[-1], self.zone).begin, newest.end)
        forward = self.reader.pages(self._under_watermark(whole), after)
        return self._push(
            days,
            chain(
                self._earlier(self.reader.pages(self._under_watermark(newest)), after, day=days[0]),
                # A page is looked up as a whole, also when it reaches over several days.
                (Page(positions, self._stage_of_day) for positions in forward),
            ),
        )

    def undated(self, after: Position | None = None) -> DayOutcome:
        """Push the leads of no day: without `updated_at`, or with one before all days or in the future."""
        future = self.reader.now()
        return self._push_whole(
            chain(
                self._earlier(self.reader.undated_pages(future), after),
                _pages("forward", self.reader.undated_pages(future, after)),
            )
        )

    def again(self, newest: date, oldest: date, *, undated: bool) -> DayOutcome:
        """Read days again that are counted already: only a change of a lead's outcome moves the counters."""
        now = self.reader.now()
        begin, end = day_span(oldest, self.zone).begin, day_span(newest, self.zone).end
        dated = self.reader.pages(Span(begin, min(end or now, now)))
        return self._push_whole(
            _pages("again", chain(dated, self.reader.undated_pages(now) if undated else ()))
        )

    def catch_up(self) -> DayOutcome:
        """Push what was written since the watermark, until nothing is new."""
        total, begin = DayOutcome(), self.watermark
        for _ in range(CATCH_UP_ROUNDS):
            end = self.reader.now()
            found = self._push_whole(_pages("catch_up", self.reader.pages(Span(begin, end))))
            total.merge(found)
            if not found.read:
                break
            begin = end
        return total

    def still_there(self) -> DayOutcome:
        """Whether the destination still holds what this job sent and proved."""
        return DayOutcome(proof=self.prover.prove_lasting())

    def _under_watermark(self, span: Span) -> Span:
        return Span(span.begin, min(span.end or self.watermark, self.watermark))

    def _stage_of_day(self, position: Position) -> Stage:
        assert position.updated_at is not None
        return Stage("forward", position.updated_at.astimezone(self.zone).date())

    def _earlier(
        self, pages: Iterator[list[Position]], after: Position | None, day: date | None = None
    ) -> Iterator[Page]:
        """What an earlier run committed up to `after`: it may have ended before the proof of the last batches."""
        if after is None:
            return iter(())
        # Undated leads are in the order of their numbers alone.
        upto = (
            [one for one in page if (one >= after if after.updated_at else one.id >= after.id)]
            for page in pages
        )
        return _pages("again", takewhile(bool, upto), day=day)

    def _push_whole(self, pages: Iterator[Page]) -> DayOutcome:
        (outcome,) = self._push([None], pages)
        return outcome

    def _push(self, days: Sequence[date | None], pages: Iterator[Page]) -> Generator[DayOutcome]:
        """Push pages; yields what became of each day, once all of it is committed and proved.

        Raises what stopped the push, or what a step raised; everything before that is committed.
        """
        left, outcome, started = deque(days), DayOutcome(), time.monotonic()
        stop: Exception | None = None
        # Two pages of batches may wait, so that the threads have work while the next page is looked up.
        depth = 2 * PAGE // self.batchers[0].size + self.in_flight
        with (
            Prefetch(pages, self.batchers) as prefetch,
            OrderedPool(self.sender.send, self.in_flight, depth) as sending,
            ProofQueue(self.prover) as proofs,
        ):
            while left:
                if stop is None:
                    _fill(sending, prefetch)
                elif sending.is_empty:
                    break
                if sending.is_empty or sending.oldest.stage.day != left[0]:
                    left.popleft()  # all of the day is committed
                    done, outcome = outcome, DayOutcome()
                    done.proof = proofs.finish()
                    done.seconds, started = time.monotonic() - started, time.monotonic()
                    yield done
                    continue
                try:
                    sent = sending.take(self.in_flight, same=_stage)
                except SyncError:
                    if stop is None:
                        raise
                    break  # the next run sends this batch and those behind it again
                reason = self._commit(sent)
                outcome.add(sent)
                self.prover.drop([lead for one in sent for lead in one.rejected])
                proofs.add(lead for one in sent for lead in one.accepted)
                if stop is None and reason is not None:
                    stop = reason
                    sending.withdraw()
                if stop is None:
                    proofs.advance()
            if stop is not None:
                with contextlib.suppress(SyncError):  # the next run proves what is not proved now
                    proofs.finish()
                raise stop

    def _commit(self, outcomes: Sequence[Outcome]) -> Exception | None:
        """Commit consecutive outcomes of a stage; why the push stops after them, if it does."""
        self.probe("before_commit")
        status = self.progress.commit(outcomes)
        too_many = self._has_too_many_rejected(outcomes)
        if status != "running":
            return StoppedError(status)
        if refusal := read_configuration(self.progress.connection).refusal():
            return SwitchedOffError(refusal)
        return TooManyRejectedError() if too_many else None

    def _has_too_many_rejected(self, outcomes: Sequence[Outcome]) -> bool:
        rejected = sum(len(outcome.rejected) for outcome in outcomes)
        self._sent += rejected + sum(len(outcome.accepted) for outcome in outcomes)
        self._rejected += rejected
        return self._rejected >= REJECTIONS and self._rejected * 2 > self._sent


def _pages(kind: StageKind, pages: Iterable[Sequence[Position]], day: date | None = None) -> Iterator[Page]:
    stage = Stage(kind, day)
    return (Page(positions, lambda _: stage) for positions in pages)


def _fill(sending: OrderedPool[Batch, Outcome], prefetch: Prefetch) -> None:
    """Give batches to the sending threads while there is room; waits for one only if nothing is under way."""
    while not sending.is_full and (batch := prefetch.next(wait=sending.is_empty)) is not None:
        sending.give(batch)


def _stage(batch: Batch) -> Stage:
    return batch.stage
