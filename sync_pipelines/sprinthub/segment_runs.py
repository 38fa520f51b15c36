"""Several segments at once: each runs in a thread, its result and its progress come to the thread that waits.

Dagster's events and the command line's bar belong to the main thread; the work of one segment must not wait for the end
of another's, which may take hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event
from types import TracebackType
from typing import Self

from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.progress import Progress, Watcher

#: More would not be quicker: all share the CRM's patience, and each has several calls under way.
WIDTH = 4
#: Seconds between two reports of one segment: a bar need not move more often.
_REPORT_SECONDS = 0.25


@dataclass(frozen=True)
class RunOptions:
    """What a run does beyond the usual; `accept` are words of `leads.guards`."""

    full: bool = False
    accept: frozenset[str] = frozenset()
    #: Leave a segment alone that is not due (any more): for runs that nobody asked for by name.
    only_if_due: bool = False


@dataclass
class SegmentRuns:
    """Runs of segments in a few threads. Use as a context: leaving it by an error stops what is under way."""

    sync: SegmentSync
    watch: Watcher
    width: int = WIDTH
    clock: Callable[[], float] = time.monotonic
    _runs: dict[int, Future[SegmentOutcome]] = field(default_factory=dict)
    #: Progress, and None whenever a run ended.
    _news: SimpleQueue[Progress | None] = field(default_factory=SimpleQueue)
    _stop: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="segment")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, segment_id: int, run_id: str, options: RunOptions) -> None:
        """Begin a segment as soon as a thread is free."""
        future = self._pool.submit(self._sync, segment_id, run_id, options)
        future.add_done_callback(lambda _: self._news.put(None))
        self._runs[segment_id] = future

    def take(self, segment_id: int) -> SegmentOutcome:
        """Wait for a segment that was started; meanwhile `watch` gets every segment's progress, in this thread.

        Raises what its run raised.
        """
        future = self._runs.pop(segment_id)
        while not future.done():
            if (news := self._news.get()) is not None:
                self.watch(news)
        return future.result()

    def _sync(self, segment_id: int, run_id: str, options: RunOptions) -> SegmentOutcome:
        last: Progress | None = None
        reported = 0.0

        def report(progress: Progress) -> None:
            nonlocal last, reported
            if self._stop.is_set():
                raise InterruptedRunError
            now = self.clock()
            is_new = last is None or last.stage != progress.stage or progress.done == progress.total
            if is_new or now - reported >= _REPORT_SECONDS:
                last, reported = progress, now
                self._news.put(progress)

        return self.sync.sync(
            segment_id,
            run_id=run_id,
            full=options.full,
            accept=options.accept,
            only_if_due=options.only_if_due,
            progress=report,
        )
