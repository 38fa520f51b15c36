"""Several partitions at once: in threads, with their progress in the thread that waits, and stopped with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.partition_pool import PartitionPool


@dataclass(frozen=True)
class Step:
    """How far the work on a key is."""

    key: str
    stage: str
    done: int
    total: int | None = None


Report = Callable[[Step], None]
Script = Callable[[Report], None]


class ScriptedPool(PartitionPool[str, str, Step]):
    """Does to each key what its script says; an outcome is the key with its options."""

    def __init__(
        self, scripts: Mapping[str, Script], width: int = 3, clock: Callable[[], float] = lambda: 0.0
    ) -> None:
        super().__init__(width=width, clock=clock)
        self.scripts = scripts
        self.called: list[tuple[str, str, str]] = []
        self.ended: dict[str, BaseException] = {}

    def run(self, key: str, run_id: str, options: str, *, report: Report, cancellation: Cancellation) -> str:
        self.called.append((key, run_id, options))
        try:
            self.scripts[key](report)
            cancellation.check()
        except BaseException as error:
            self.ended[key] = error
            raise
        return f"{key}: {options}"


def nothing(_report: Report) -> None:
    return


def raises(error: Exception) -> Script:
    def fail(_report: Report) -> None:
        raise error

    return fail


def test_all_partitions_are_at_work_at_the_same_time() -> None:
    met = threading.Barrier(3, timeout=30)

    def meet(_report: Report) -> None:
        met.wait()

    with ScriptedPool(dict.fromkeys("abc", meet)) as pool:
        for key in "abc":
            pool.start(key, "run", "usual")
        assert [pool.take(key) for key in "cba"] == ["c: usual", "b: usual", "a: usual"]
    assert pool.outcomes() == ["a: usual", "b: usual", "c: usual"]


def test_no_more_are_at_work_than_the_pool_is_wide() -> None:
    lock, most = threading.Lock(), [0, 0]

    def work(_report: Report) -> None:
        with lock:
            most[0] += 1
            most[1] = max(most)
        threading.Event().wait(0)
        with lock:
            most[0] -= 1

    with ScriptedPool(dict.fromkeys("abcdefgh", work), width=2) as pool:
        for key in "abcdefgh":
            pool.start(key, "run", "usual")
        for key in "abcdefgh":
            pool.take(key)
    assert most[1] <= 2


def test_a_partition_runs_once_however_often_it_is_asked_for() -> None:
    with ScriptedPool({"a": nothing}) as pool:
        pool.start("a", "first", "full")
        pool.start("a", "second", "usual")
        assert (pool.take("a"), pool.take("a")) == ("a: full", "a: full")
        assert pool.options("a") == "full"
    assert pool.called == [("a", "first", "full")]


def test_progress_of_every_partition_comes_to_the_thread_that_waits() -> None:
    seen: list[tuple[str, str, int, threading.Thread]] = []

    def watch(step: Step) -> None:
        seen.append((step.key, step.stage, step.done, threading.current_thread()))

    def work(key: str) -> Script:
        def steps(report: Report) -> None:
            for done in (1, 2, 3):
                report(Step(key, "pages", done, total=3))
            report(Step(key, "rows", 1))

        return steps

    with ScriptedPool({key: work(key) for key in "ab"}) as pool, pool.watched_by(watch):
        for key in "ab":
            pool.start(key, "run", "usual")
        for key in "ab":
            pool.take(key)
    assert {thread for *_, thread in seen} == {threading.current_thread()}
    # Of the second page hardly any time passed since the first; a new stage and the end are always told.
    assert [(stage, done) for key, stage, done, _ in seen if key == "a"] == [
        ("pages", 1),
        ("pages", 3),
        ("rows", 1),
    ]


def test_an_error_is_raised_where_its_partition_is_taken_and_kept_by_its_kind() -> None:
    scripts = {"a": raises(PermanentError("gone.")), "b": nothing, "c": raises(TransientError("busy."))}
    with ScriptedPool(scripts) as pool:
        for key in "abc":
            pool.start(key, "run", "usual")
        with pytest.raises(PermanentError, match="gone"):
            pool.take("a")
        assert pool.take("b") == "b: usual"
        with pytest.raises(TransientError, match="busy"):
            pool.take("c")
    assert pool.outcomes() == ["b: usual"]
    assert (pool.errors(TransientError), pool.errors(PermanentError)) == (["busy."], ["gone."])


def test_how_long_a_run_took_is_known_once_it_has_ended() -> None:
    moments = iter([10.0, 17.5])
    with ScriptedPool({"a": nothing}, clock=lambda: next(moments)) as pool:
        pool.start("a", "run", "usual")
        pool.take("a")
    assert pool.seconds("a") == 7.5


def test_an_interruption_stops_what_is_under_way_and_what_waits() -> None:
    began = threading.Event()

    def work(report: Report) -> None:
        while True:
            began.set()
            report(Step("a", "pages", 1, total=9))

    pool = ScriptedPool(dict.fromkeys("ab", work), width=1)
    with pytest.raises(InterruptedRunError), pool:
        pool.start("a", "run", "usual")
        pool.start("b", "run", "usual")
        began.wait(30)
        raise InterruptedRunError
    assert isinstance(pool.ended["a"], InterruptedRunError)
    assert [key for key, *_ in pool.called] == ["a"]
