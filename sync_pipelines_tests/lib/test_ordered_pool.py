"""Work of several threads, taken in the order in which it was given out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier, Event

import pytest

from sync_pipelines.lib.ordered_pool import OrderedPool


def calling(width: int, depth: int) -> OrderedPool[Callable[[], int], int]:
    """A pool whose items are calls, so that each test item brings its own work."""
    return OrderedPool(lambda call: call(), width, depth)


def test_results_come_in_the_order_of_the_work_however_late_the_first_is() -> None:
    first = Event()
    taken: list[int] = []
    with calling(3, 10) as pool:
        pool.give(lambda: [first.wait(), 1][1])
        pool.give(lambda: [first.set(), 2][1])
        pool.give(lambda: 3)
        while not pool.is_empty:
            taken += pool.take()
    assert taken == [1, 2, 3]


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
            pool.take()
    assert set(most) == {3}


def test_the_least_that_is_wanted_is_waited_for_and_an_error_ends_the_wait() -> None:
    second = Event()

    def fail() -> int:
        raise ValueError("third")

    with calling(3, 10) as pool:
        pool.give(lambda: 1)
        pool.give(lambda: [second.wait(0.05), 2][1])
        pool.give(fail)
        pool.give(lambda: 4)
        assert pool.take(4) == [1, 2]
        with pytest.raises(ValueError, match="third"):
            pool.take(4)
        assert pool.take(4) == [4]


def test_only_items_that_are_alike_are_taken_together() -> None:
    with OrderedPool[int, int](lambda number: number, 2, 10) as pool:
        for number in (1, 3, 4, 6, 5):
            pool.give(number)
        taken = []
        while not pool.is_empty:
            oldest = pool.oldest
            taken.append(pool.take(5, same=lambda number: number % 2))
            assert taken[-1][0] == oldest
    assert taken == [[1, 3], [4, 6], [5]]


def test_it_is_full_at_its_depth() -> None:
    with calling(1, 2) as pool:
        assert pool.is_empty
        pool.give(lambda: 1)
        assert not pool.is_full
        pool.give(lambda: 2)
        assert pool.is_full
        pool.take()
        assert not pool.is_full


def test_an_error_comes_in_its_place_and_what_was_before_it_is_taken() -> None:
    def fail() -> int:
        raise ValueError("second")

    with calling(2, 10) as pool:
        pool.give(lambda: 1)
        pool.give(fail)
        pool.give(lambda: 3)
        assert pool.take() == [1]
        with pytest.raises(ValueError, match="second"):
            pool.take()


def test_what_nobody_has_begun_can_be_withdrawn() -> None:
    begun, go = Event(), Event()
    done: list[int] = []

    def slow() -> int:
        begun.set()
        go.wait(timeout=10)
        return 1

    with calling(1, 10) as pool:
        pool.give(slow)
        pool.give(lambda: done.append(2) or 2)
        begun.wait(timeout=10)
        pool.withdraw()
        go.set()
        assert pool.take() == [1]
        assert pool.is_empty
    assert done == []


def test_leaving_early_begins_nothing_more() -> None:
    begun, go = Event(), Event()
    done: list[int] = []

    def slow() -> int:
        begun.set()
        go.wait(timeout=10)
        return 1

    with pytest.raises(RuntimeError, match="stop"), calling(1, 10) as pool:
        pool.give(slow)
        pool.give(lambda: done.append(2) or 2)
        begun.wait(timeout=10)
        go.set()
        pool.withdraw()
        raise RuntimeError("stop")
    assert done == []


def test_what_stays_after_a_withdrawal_has_no_gap() -> None:
    begun, go, another = Event(), Event(), Event()

    def slow() -> int:
        begun.set()
        go.wait(timeout=10)
        return 0

    def quick(number: int) -> int:
        another.set()
        return number

    def in_the_middle_of_it(_: object) -> None:
        go.set()
        another.wait(timeout=10)

    with calling(1, 10) as pool:
        pool.give(slow)
        begun.wait(timeout=10)
        for number in range(1, 10):
            pool.give(partial(quick, number))
            pool._given[-1].future.add_done_callback(in_the_middle_of_it)
        pool.withdraw()
        taken: list[int] = []
        while not pool.is_empty:
            taken += pool.take()
    assert taken == [*range(len(taken))]
    assert 1 < len(taken) < 10
