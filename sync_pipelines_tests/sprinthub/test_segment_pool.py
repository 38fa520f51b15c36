"""Several segments at once: in threads, with their progress in the thread that waits, and stopped with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.progress import Progress, Report
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segment_pool import RunOptions, SegmentPool

Script = Callable[[Report], None]
AS_USUAL = RunOptions()


@dataclass
class ScriptedSync:
    """A pipeline that does to each segment what its script says."""

    scripts: Mapping[int, Script]
    called: list[tuple[int, str, bool]] = field(default_factory=list)
    ended: dict[int, BaseException | None] = field(default_factory=dict)

    def sync(
        self, segment_id: int, *, run_id: str, full: bool, progress: Report, **_: object
    ) -> SegmentOutcome:
        self.called.append((segment_id, run_id, full))
        try:
            self.scripts[segment_id](progress)
        except BaseException as error:
            self.ended[segment_id] = error
            raise
        return SegmentOutcome(segment_id)


def test_all_segments_are_at_work_at_the_same_time() -> None:
    met = threading.Barrier(3, timeout=30)
    sync = ScriptedSync(dict.fromkeys((1, 2, 3), lambda _report: met.wait()))
    with SegmentPool(sync) as pool:
        for key in "123":
            pool.start(key, f"run-{key}", AS_USUAL)
        assert [pool.take(key).segment_id for key in "321"] == [3, 2, 1]
    assert {outcome.segment_id for outcome in pool.outcomes()} == {1, 2, 3}


def test_a_segment_runs_once_however_often_it_is_asked_for() -> None:
    sync = ScriptedSync({1: lambda _report: None})
    with SegmentPool(sync) as pool:
        pool.start("1", "first", RunOptions(full=True))
        pool.start("1", "second", AS_USUAL)
        pool.take("1")
        pool.take("1")
    assert sync.called == [(1, "first", True)]


def test_progress_of_every_segment_comes_to_the_thread_that_waits() -> None:
    seen: list[tuple[str, int, threading.Thread]] = []

    def watch(progress: Progress) -> None:
        seen.append((progress.key, progress.done, threading.current_thread()))

    def work(segment_id: int) -> Script:
        return lambda report: [
            report(Progress(str(segment_id), "details", done, total=3)) for done in (1, 2, 3)
        ]

    sync = ScriptedSync({1: work(1), 2: work(2)})
    with SegmentPool(sync, clock=lambda: 0.0) as pool, pool.watched_by(watch):
        pool.start("1", "run", AS_USUAL)
        pool.start("2", "run", AS_USUAL)
        pool.take("1")
        pool.take("2")
    assert {thread for _, _, thread in seen} == {threading.current_thread()}
    # Of the second one hardly any time passed since the first.
    assert [done for segment, done, _ in seen if segment == "1"] == [1, 3]


def test_an_error_is_raised_where_its_segment_is_taken() -> None:
    def fail(_report: Report) -> None:
        raise PermanentError("no such segment.")

    sync = ScriptedSync({1: fail, 2: lambda _report: None})
    with SegmentPool(sync) as pool:
        for key in ("1", "2", "zwei"):
            pool.start(key, "run", AS_USUAL)
        with pytest.raises(PermanentError, match="no such segment"):
            pool.take("1")
        assert pool.take("2").segment_id == 2
        with pytest.raises(PermanentError, match="a whole number"):
            pool.take("zwei")
    assert [outcome.segment_id for outcome in pool.outcomes()] == [2]


def test_an_interruption_stops_what_is_under_way_and_what_waits() -> None:
    began = threading.Event()

    def work(report: Report) -> None:
        while True:
            began.set()
            report(Progress("1", "details", 1, total=9))

    sync = ScriptedSync({1: work, 2: work})
    with pytest.raises(InterruptedRunError), SegmentPool(sync, width=1) as pool:
        pool.start("1", "run", AS_USUAL)
        pool.start("2", "run", AS_USUAL)
        began.wait(30)
        raise InterruptedRunError
    assert isinstance(sync.ended[1], InterruptedRunError)
    assert [segment for segment, _, _ in sync.called] == [1]
