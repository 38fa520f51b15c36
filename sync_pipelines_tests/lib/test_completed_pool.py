"""Work of several threads, taken in the order in which it is done."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Event

import pytest

from sync_pipelines.lib.completed_pool import Completed, CompletedPool


def calling(width: int, depth: int) -> CompletedPool[Callable[[], int], int]:
    """A pool whose items are calls, so that each test item brings its own work."""
    return CompletedPool(lambda call: call(), width, depth)


def outcomes(pool: CompletedPool[Callable[[], int], int]) -> list[object]:
    return [done.outcome for done in pool.take()]


def test_a_call_that_hangs_holds_up_nobody() -> None:
    hangs = Event()
    taken: list[object] = []
    with calling(2, 10) as pool:
        pool.give(lambda: [hangs.wait(10), 0][1])
        for number in range(1, 6):
            pool.give(lambda number=number: number)  # type: ignore[misc]
        while len(taken) < 5:
            taken += outcomes(pool)
        assert not pool.is_empty
        hangs.set()
        taken += outcomes(pool)
        assert pool.is_empty
    assert taken == [1, 2, 3, 4, 5, 0]


def test_everything_that_is_done_is_taken_at_once_with_its_item() -> None:
    last = Event()

    def square(number: int) -> int:
        if number == 3:
            last.set()
        return number * number

    with CompletedPool[int, int](square, 1, 10) as pool:
        for number in (1, 2, 3):
            pool.give(number)
        last.wait(10)
        taken = pool.take()
        while not pool.is_empty:
            taken += pool.take()
    assert taken[:2] == [Completed(1, 1), Completed(2, 4)]
    assert taken[2] == (3, 9)


def test_an_error_is_a_result_and_ends_nothing() -> None:
    def fail() -> int:
        raise ValueError("first")

    def leave() -> int:
        raise SystemExit(3)

    with calling(1, 10) as pool:
        for call in (fail, leave, lambda: 3):
            pool.give(call)
        taken: list[object] = []
        while not pool.is_empty:
            taken += outcomes(pool)
    assert [type(outcome) for outcome in taken] == [ValueError, SystemExit, int]


def test_so_many_calls_run_at_once_and_no_more() -> None:
    together = Barrier(3)
    running: list[int] = []
    most: list[int] = []

    def call() -> int:
        running.append(1)
        together.wait(timeout=10)
        most.append(len(running))
        together.wait(timeout=10)
        running.pop()
        return 0

    with calling(3, 10) as pool:
        for _ in range(6):
            pool.give(call)
        while not pool.is_empty:
            assert outcomes(pool)
    assert set(most) == {3}


def test_it_is_full_at_its_depth_and_empty_once_all_is_taken() -> None:
    with calling(1, 2) as pool:
        assert pool.is_empty
        assert pool.take() == []
        pool.give(lambda: 1)
        assert not pool.is_full
        pool.give(lambda: 2)
        assert pool.is_full
        while not pool.is_empty:
            pool.take()
        assert not pool.is_full


def test_leaving_early_begins_nothing_more() -> None:
    begun, never = Event(), Event()
    done: list[int] = []

    def slow() -> int:
        begun.set()
        never.wait(timeout=0.2)  # the exit cancels the rest meanwhile, then waits for this call
        done.append(1)
        return 1

    with pytest.raises(RuntimeError, match="stop"), calling(1, 10) as pool:
        pool.give(slow)
        for _ in range(3):
            pool.give(lambda: done.append(2) or 2)
        begun.wait(timeout=10)
        raise RuntimeError("stop")
    assert done == [1]


def test_a_caller_that_lingers_takes_what_is_done_soon_after() -> None:
    never = Event()
    with calling(2, 10) as pool:
        pool.give(lambda: 1)
        pool.give(lambda: [never.wait(0.1), 2][1])
        assert [done.outcome for done in pool.take(linger=10)] == [1, 2]
        assert pool.is_empty


def test_nobody_lingers_after_an_error() -> None:
    goes_on = Event()

    def fail() -> int:
        raise ValueError("first")

    with calling(2, 10) as pool:
        pool.give(fail)
        pool.give(lambda: [goes_on.wait(2), 2][1])
        (done,) = pool.take(linger=10)
        goes_on.set()
    assert isinstance(done.outcome, ValueError)


def test_nobody_lingers_until_the_threads_have_no_work() -> None:
    goes_on = Event()
    with calling(1, 4) as pool:
        for number in (1, 2):
            pool.give(lambda number=number: number)  # type: ignore[misc]
        for number in (3, 4):
            pool.give(lambda number=number: [goes_on.wait(2), number][1])  # type: ignore[misc]
        assert [done.outcome for done in pool.take(linger=10)] == [1, 2]
        goes_on.set()
