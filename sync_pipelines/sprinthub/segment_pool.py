"""Several segments at once: each runs in a thread, its result and its progress come to the thread that waits.

Dagster's events and the command line's bar belong to the main thread; the work of one segment must not wait for the end
of another's, which may take hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.progress import Progress, Report
from sync_pipelines.sprinthub.segments.segment_id import segment_id
from sync_pipelines.sprinthub.segments.steward import SegmentBusyError

#: More would not be quicker: all share the CRM's patience, and each has several calls under way.
WIDTH = 4
#: Seconds between two reports of one segment: a bar need not move more often.
_REPORT_SECONDS = 0.25


@dataclass(frozen=True)
class RunOptions:
    """What a run does beyond the usual; `accept` are words that the pipeline knows."""

    full: bool = False
    accept: frozenset[str] = frozenset()
    #: Leave a segment alone that is not due (any more): for runs that nobody asked for by name.
    only_if_due: bool = False


@dataclass
class _Run:
    """A segment that was started."""

    options: RunOptions
    future: Future[SegmentOutcome] | None = None
    #: How long it ran, once it has ended.
    seconds: float = 0.0


@dataclass
class SegmentPool:
    """Runs of segments in a few threads, by partition key. Use as a context: leaving it stops what is under way."""

    sync: SegmentSync
    width: int = WIDTH
    clock: Callable[[], float] = time.monotonic
    _watching: list[Report] = field(default_factory=list)
    _runs: dict[str, _Run] = field(default_factory=dict)
    #: Progress, and None whenever a run ended.
    _news: SimpleQueue[Progress | None] = field(default_factory=SimpleQueue)
    _cancellation: Cancellation = field(default_factory=Cancellation)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="segment")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancellation.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, key: str, run_id: str, options: RunOptions) -> None:
        """Begin a segment as soon as a thread is free; once, however often it is asked for."""
        if key not in self._runs:
            run = self._runs[key] = _Run(options)
            run.future = self._pool.submit(self._sync, key, run_id, run=run)
            run.future.add_done_callback(lambda _: self._news.put(None))

    def take(self, key: str) -> SegmentOutcome:
        """Wait for a segment that was started; meanwhile whoever watches gets every segment's progress, in this thread.

        Raises what its run raised.
        """
        future = self._runs[key].future
        assert future is not None
        while not future.done():
            if (news := self._news.get()) is not None:
                for watch in self._watching:
                    watch(news)
        return future.result()

    @contextmanager
    def watched_by(self, watch: Report) -> Iterator[Self]:
        """Show the progress over the block to one more."""
        self._watching.append(watch)
        try:
            yield self
        finally:
            self._watching.remove(watch)

    def options(self, key: str) -> RunOptions:
        return self._runs[key].options

    def outcomes(self) -> list[SegmentOutcome]:
        """What the segments that went to their end report, in the order in which they were started."""
        ended = [run.future for run in self._runs.values() if run.future is not None and run.future.done()]
        return [future.result() for future in ended if not future.cancelled() and future.exception() is None]

    def busy(self) -> list[str]:
        """Sentences on the segments that another run had."""
        ended = [run.future for run in self._runs.values() if run.future is not None and run.future.done()]
        errors = [future.exception() for future in ended if not future.cancelled()]
        return [str(error) for error in errors if isinstance(error, SegmentBusyError)]

    def seconds(self, key: str) -> float:
        """How long a segment's run took."""
        return self._runs[key].seconds

    def _sync(self, key: str, run_id: str, run: _Run) -> SegmentOutcome:
        last: Progress | None = None
        started = reported = self.clock()

        def report(progress: Progress) -> None:
            nonlocal last, reported
            self._cancellation.check()
            now = self.clock()
            is_new = last is None or last.stage != progress.stage or progress.done == progress.total
            if is_new or now - reported >= _REPORT_SECONDS:
                last, reported = progress, now
                self._news.put(progress)

        try:
            return self.sync.sync(
                segment_id(key),
                run_id=run_id,
                full=run.options.full,
                accept=run.options.accept,
                only_if_due=run.options.only_if_due,
                progress=report,
                cancellation=self._cancellation,
            )
        finally:
            run.seconds = self.clock() - started
