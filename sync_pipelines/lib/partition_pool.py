"""Several partitions at once: each is worked on in a thread, its result and its progress come to the thread that waits.

Dagster's events and the command line's bar belong to the main thread; the work of one partition must not wait for the
end of another's, which may take hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from sync_pipelines.lib.cancellation import Cancellation

#: Seconds between two reports of one partition: a bar need not move more often.
_REPORT_SECONDS = 0.25


class StageProgress(Protocol):
    """How far a stage of the work is."""

    @property
    def stage(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int | None: ...


Options = TypeVar("Options")
Outcome = TypeVar("Outcome")
Progress = TypeVar("Progress", bound=StageProgress)


@dataclass
class _Run(Generic[Options, Outcome]):
    """A partition that was started."""

    options: Options
    future: Future[Outcome] | None = None
    #: How long it ran, once it has ended.
    seconds: float = 0.0


class PartitionPool(Generic[Options, Outcome, Progress]):
    """Runs of partitions in a few threads, by key. Use as a context: leaving it stops what is under way.

    A subclass says what a run is (`run`).
    """

    def __init__(self, *, width: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._width, self._clock = width, clock
        self._watching: list[Callable[[Progress], None]] = []
        self._runs: dict[str, _Run[Options, Outcome]] = {}
        #: Progress, and None whenever a run ended.
        self._news: SimpleQueue[Progress | None] = SimpleQueue()
        self._cancellation = Cancellation()

    def run(
        self,
        key: str,
        run_id: str,
        options: Options,
        *,
        report: Callable[[Progress], None],
        cancellation: Cancellation,
    ) -> Outcome:
        """Do the work of one partition, in a thread; `report` and `cancellation` end it when the pool is left."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self._width, thread_name_prefix="partition")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancellation.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, key: str, run_id: str, options: Options) -> None:
        """Begin a partition as soon as a thread is free; once, however often it is asked for."""
        if key not in self._runs:
            run = self._runs[key] = _Run[Options, Outcome](options)
            run.future = self._pool.submit(self._timed, key, run_id, run=run)
            run.future.add_done_callback(lambda _: self._news.put(None))

    def take(self, key: str) -> Outcome:
        """Wait for a partition that was started; meanwhile whoever watches gets all progress, in this thread.

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
    def watched_by(self, watch: Callable[[Progress], None]) -> Iterator[Self]:
        """Show the progress over the block to one more."""
        self._watching.append(watch)
        try:
            yield self
        finally:
            self._watching.remove(watch)

    def options(self, key: str) -> Options:
        return self._runs[key].options

    def outcome(self, key: str) -> Outcome | None:
        """What a run reports that went to its end; None for any other."""
        future = self._runs[key].future if key in self._runs else None
        is_good = (
            future is not None and future.done() and not future.cancelled() and future.exception() is None
        )
        return future.result() if future is not None and is_good else None

    def outcomes(self) -> list[Outcome]:
        """What the runs that went to their end report, in the order in which they were started."""
        return [future.result() for future in self._ended() if future.exception() is None]

    def errors(self, kind: type[Exception]) -> list[str]:
        """Sentences of the runs that such an error ended."""
        errors = (future.exception() for future in self._ended())
        return [str(error) for error in errors if isinstance(error, kind)]

    def seconds(self, key: str) -> float:
        """How long a run took."""
        return self._runs[key].seconds

    def _ended(self) -> list[Future[Outcome]]:
        futures = [run.future for run in self._runs.values() if run.future is not None]
        return [future for future in futures if future.done() and not future.cancelled()]

    def _timed(self, key: str, run_id: str, run: _Run[Options, Outcome]) -> Outcome:
        last: Progress | None = None
        started = reported = self._clock()

        def report(progress: Progress) -> None:
            nonlocal last, reported
            self._cancellation.check()
            now = self._clock()
            is_new = last is None or last.stage != progress.stage or progress.done == progress.total
            if is_new or now - reported >= _REPORT_SECONDS:
                last, reported = progress, now
                self._news.put(progress)

        try:
            return self.run(key, run_id, run.options, report=report, cancellation=self._cancellation)
        finally:
            run.seconds = self._clock() - started
