"""Work of several threads, taken in the order in which it was given out."""

from __future__ import annotations

from functools import partial
from threading import Barrier, Event

import pytest

from sync_pipelines.lib.ordered_pool import OrderedPool


def test_results_come_in_the_order_of_the_work_however_late_the_first_is() -> None:
    first = Event()
    taken: list[int] = []
    with OrderedPool[int](3, 10) as line:
        line.give(lambda: [first.wait(), 1][1])
        line.give(lambda: [first.set(), 2][1])
        line.give(lambda: 3)
        while not line.is_empty:
            taken += line.take()
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

    with OrderedPool[int](3, 10) as line:
        for _ in range(6):
            line.give(call)
        while not line.is_empty:
            line.take()
    assert set(most) == {3}


def test_the_least_that_is_wanted_is_waited_for_and_an_error_ends_the_wait() -> None:
    second = Event()

    def fail() -> int:
        raise ValueError("third")

    with OrderedPool[int](3, 10) as line:
        line.give(lambda: 1)
        line.give(lambda: [second.wait(0.05), 2][1])
        line.give(fail)
        line.give(lambda: 4)
        assert line.take(4) == [1, 2]
        with pytest.raises(ValueError, match="third"):
            line.take(4)
        assert line.take(4) == [4]


def test_it_is_full_at_its_depth() -> None:
    with OrderedPool[int](1, 2) as line:
        assert line.is_empty
        line.give(lambda: 1)
        assert not line.is_full
        line.give(lambda: 2)
        assert line.is_full
        line.take()
        assert not line.is_full


def test_an_error_comes_in_its_place_and_what_was_before_it_is_taken() -> None:
    def fail() -> int:
        raise ValueError("second")

    with OrderedPool[int](2, 10) as line:
        line.give(lambda: 1)
        line.give(fail)
        line.give(lambda: 3)
        assert line.take() == [1]
        with pytest.raises(ValueError, match="second"):
            line.take()


def test_what_nobody_has_begun_can_be_withdrawn() -> None:
    begun, go = Event(), Event()
    done: list[int] = []

    def slow() -> int:
        begun.set()
        go.wait(timeout=10)
        return 1

    with OrderedPool[int](1, 10) as line:
        line.give(slow)
        line.give(lambda: done.append(2) or 2)
        begun.wait(timeout=10)
        line.withdraw()
        go.set()
        assert line.take() == [1]
        assert line.is_empty
    assert done == []


def test_leaving_early_begins_nothing_more() -> None:
    begun, go = Event(), Event()
    done: list[int] = []

    def slow() -> int:
        begun.set()
        go.wait(timeout=10)
        return 1

    with pytest.raises(RuntimeError, match="stop"), OrderedPool[int](1, 10) as line:
        line.give(slow)
        line.give(lambda: done.append(2) or 2)
        begun.wait(timeout=10)
        go.set()
        line.withdraw()
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

    with OrderedPool[int](1, 10) as line:
        line.give(slow)
        begun.wait(timeout=10)
        for number in range(1, 10):
            line.give(partial(quick, number))
            line._given[-1].add_done_callback(in_the_middle_of_it)
        line.withdraw()
        taken: list[int] = []
        while not line.is_empty:
            taken += line.take()
    assert taken == [*range(len(taken))]
    assert 1 < len(taken) < 10
