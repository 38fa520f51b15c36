"""A budget over a real ops database, most of it in a virtual time."""

from __future__ import annotations

import heapq
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

import psycopg
import pytest

from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError
from sync_pipelines.lib.http.budget import Budget, NoBudget, Window
from sync_pipelines.lib.http.budget_ledger import BudgetLedger

MINUTE = Window("key", calls=85, seconds=60)
START = datetime(2025, 9, 21, 12, tzinfo=UTC)
NewDatabase = Callable[[str | None], str]


class VirtualTime:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def ops(new_database: NewDatabase) -> str:
    return new_database("ops")


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def budget(ops: str, time: VirtualTime, *windows: Window, party: str = "a", **options: Any) -> Budget:
    """In a virtual time; over a minute of 85 calls, if nothing else is said."""
    return Budget(
        ops, windows or (MINUTE,), party=party, **{"clock": time.clock, "sleep": time.sleep, **options}
    )


@contextmanager
def database(ops: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(ops, autocommit=True) as connection:
        yield connection


def most_within(moments: Sequence[float], seconds: float) -> int:
    """The most calls in any `seconds`, both ends counted."""
    times = sorted(moments)
    return max(bisect_left(times, begin + seconds) - number for number, begin in enumerate(times))


@pytest.mark.slow
def test_an_hour_uses_the_allowed_rate_and_no_minute_has_a_call_too_many(ops: str, time: VirtualTime) -> None:
    granted: list[float] = []
    with budget(ops, time) as one:
        while time.seconds < 3600:
            one.wait()
            granted.append(time.seconds)
        assert one.calls == len(granted)
        assert one.waited == pytest.approx(time.seconds)
    within = [moment for moment in granted if moment < 3600]
    assert len(within) >= 0.97 * 85 * 60
    assert most_within(granted, 60.0) == 85
    # Late by up to 1.5 s, each by another time, as calls reach a server.
    assert most_within([moment + 1.5 * (number % 2) for number, moment in enumerate(granted)], 60.0) <= 85


class Caller(NamedTuple):
    """A party whose threads call again as soon as they may: how many they are, and how long a call takes."""

    budget: Budget
    threads: int
    latency: float


def simulate(callers: dict[str, Caller], until: float, time: VirtualTime) -> Counter[str]:
    """The calls that each makes from now on: what happens in virtual time, one event after the other."""
    free = {name: caller.threads for name, caller in callers.items()}
    calls: Counter[str] = Counter()
    events = [(time.seconds, name, "ask") for name in callers]
    asking = set(callers)
    while events[0][0] < until:
        time.seconds, name, event = heapq.heappop(events)
        if event == "answer":
            free[name] += 1
            if name not in asking:
                asking.add(name)
                heapq.heappush(events, (time.seconds, name, "ask"))
            continue
        wait = callers[name].budget.ask()
        if wait == 0:
            calls[name] += 1
            free[name] -= 1
            heapq.heappush(events, (time.seconds + callers[name].latency, name, "answer"))
        if free[name]:
            heapq.heappush(events, (time.seconds + wait, name, "ask"))
        else:
            asking.discard(name)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.0, 0.2])
def test_a_party_with_ten_threads_and_one_with_a_single_one_get_half_each(
    ops: str, time: VirtualTime, latency: float
) -> None:
    with budget(ops, time, party="ten") as ten, budget(ops, time, party="one") as one:
        callers = {"ten": Caller(ten, 10, latency), "one": Caller(one, 1, latency)}
        calls = simulate(callers, until=600, time=time)
    assert abs(calls["ten"] - calls["one"]) <= 2
    assert calls.total() >= 0.97 * 85 * 10


@pytest.mark.slow
def test_who_comes_when_a_burst_has_used_the_window_up_soon_gets_half(ops: str, time: VirtualTime) -> None:
    with budget(ops, time, party="ten") as ten, budget(ops, time, party="one") as one:
        assert simulate({"ten": Caller(ten, 10, 0.2)}, until=30, time=time).total() == 85
        callers = {"ten": Caller(ten, 10, 0.2), "one": Caller(one, 1, 0.2)}
        calls = simulate(callers, until=630, time=time)
    assert abs(calls["ten"] - calls["one"]) <= 2


def test_a_party_that_is_slow_by_itself_leaves_the_rest_to_the_other(ops: str, time: VirtualTime) -> None:
    with budget(ops, time, party="quick") as quick, budget(ops, time, party="slow") as slow:
        callers = {"quick": Caller(quick, 10, 0.2), "slow": Caller(slow, 1, 10.0)}
        calls = simulate(callers, until=600, time=time)
    assert 50 <= calls["slow"] <= 60
    assert calls.total() >= 0.97 * 85 * 10


def test_a_party_that_died_while_it_waited_costs_a_moment(ops: str, time: VirtualTime) -> None:
    window = Window("key", calls=1, seconds=10, margin=0)
    with budget(ops, time, window, party="dead") as dead, budget(ops, time, window, party="b") as alive:
        assert alive.ask() == 0
        assert dead.ask() == 10.0
        assert alive.wait() == pytest.approx(10.5, abs=0.06)
        assert alive.wait() == pytest.approx(10.0, abs=0.06)


def test_a_party_that_its_own_window_holds_up_costs_nothing(ops: str, time: VirtualTime) -> None:
    key, method = (
        Window("key", calls=2, seconds=10, margin=0),
        Window("method", calls=1, seconds=60, margin=0),
    )
    with budget(ops, time, key, method, party="a") as narrow, budget(ops, time, key, party="b") as wide:
        assert narrow.ask() == 0
        assert narrow.ask() == 60.0
        time.sleep(5)
        assert wide.ask() == 0
        time.sleep(5)
        assert wide.ask() == 0


def test_a_block_is_obeyed_by_everybody_and_the_longer_one_stays(ops: str, time: VirtualTime) -> None:
    with budget(ops, time, party="a") as one, budget(ops, time, party="b") as other:
        one.block(60)
        other.block(5)
        assert other.ask() == 60.0
        assert other.estimate(1) == 60.0
        assert other.wait() == 60.0
        assert one.ask() < 1


def test_a_block_beyond_patience_is_an_error_and_not_a_wait(ops: str, time: VirtualTime) -> None:
    with budget(ops, time, name="The CRM", patience=30) as one:
        one.block(45)
        with pytest.raises(
            ThrottledError, match=r"The CRM asked for fewer calls; the next .* in 45 s"
        ) as caught:
            one.wait()
        assert (caught.value.retry_after, time.seconds, one.calls) == (45.0, 0.0, 0)
        time.sleep(20)
        assert one.wait() == 25.0


def test_blocks_that_never_end_do_not_hold_a_call_for_ever(ops: str, time: VirtualTime) -> None:
    """Others are throttled again and again: each of their calls blocks anew."""
    with budget(ops, time, party="other") as other:

        def sleep(seconds: float) -> None:
            time.sleep(seconds)
            other.block(20)

        other.block(20)
        with budget(ops, time, patience=60, sleep=sleep) as one, pytest.raises(ThrottledError):
            one.wait()
    assert time.seconds <= 60


def test_other_scopes_are_not_concerned(ops: str, time: VirtualTime) -> None:
    with (
        budget(ops, time, Window("key", calls=1, seconds=60)) as one,
        budget(ops, time, Window("other key", calls=1, seconds=60), party="b") as other,
    ):
        assert one.ask() == 0
        one.block(60)
        assert other.ask() == 0


def test_several_windows_of_one_scope_count_each_call_once(ops: str, time: VirtualTime) -> None:
    windows = (Window("key", calls=2, seconds=1, margin=0), Window("key", calls=3, seconds=60, margin=0))
    with budget(ops, time, *windows) as one:
        waits = [one.wait() for _ in range(4)]
    assert waits == pytest.approx([0.0, 0.0, 1.0, 59.0])


def test_an_estimate_comes_true_alone_and_in_company(ops: str, time: VirtualTime) -> None:
    with budget(ops, time) as one:
        assert one.estimate(0) == 0.0
        assert one.estimate(85) == 0.0
        for _ in range(50):
            one.wait()
        time.sleep(7)
        expected = time.seconds + one.estimate(300)
        for _ in range(300):
            one.wait()
        assert time.seconds == pytest.approx(expected, abs=0.1)
        with budget(ops, time, party="b") as other:
            other.ask()
            alone, shared = one.estimate(850), other.estimate(850)
            assert shared == pytest.approx(2 * 850 * 61.5 / 85, rel=0.1)
            assert alone == shared
        assert one.estimate(850) == pytest.approx(850 * 61.5 / 85, rel=0.1)


def test_threads_of_one_party_wait_for_one_call_each(ops: str) -> None:
    """In real time, by the clock of the database."""
    window = Window("key", calls=4, seconds=0.2, margin=0.05)
    calls: Counter[str] = Counter()
    with Budget(ops, [window], party="ten") as ten, Budget(ops, [window], party="one") as one:

        def call(party: Budget, name: str) -> None:
            while calls.total() < 40:
                party.wait()
                calls[name] += 1

        threads = [threading.Thread(target=call, args=(ten, "ten")) for _ in range(10)]
        threads.append(threading.Thread(target=call, args=(one, "one")))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ten.calls + one.calls == calls.total()
    with database(ops) as connection:
        moments = [row[0] for row in connection.execute("select called_at from ops.budget_calls")]
    assert most_within([moment.timestamp() for moment in moments], 0.2) <= 4
    assert 13 <= calls["one"] <= 30


def test_closing_ends_the_wait_of_a_thread_and_frees_the_others(ops: str, time: VirtualTime) -> None:
    one = budget(ops, time)
    one.block(90)

    def close(_: float) -> None:
        one.close()

    with budget(ops, time, party="b", sleep=close) as other, pytest.raises(ThrottledError):
        other.block(900)
        other.wait()
    waiting = budget(ops, time, Window("k", calls=1, seconds=9), sleep=lambda _: waiting.close())
    assert waiting.wait() == 0.0
    with pytest.raises(TransientError, match="not called any more"):
        waiting.wait()
    with database(ops) as connection:
        assert connection.execute("select party from ops.budget_parties").fetchall() == []


def test_a_budget_that_is_closed_twice_or_after_its_connection_opens_none(
    ops: str, time: VirtualTime
) -> None:
    one, ledger = budget(ops, time), BudgetLedger(ops)
    other = budget(ops, time, party="b", ledger=ledger)
    one.close()
    ledger.close()
    for closed in (one, other):
        closed.close()
    others = (
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    with database(ops) as connection:
        until = monotonic() + 10
        while connection.execute(others).fetchall() != [(0,)]:  # the server notices the end in a moment
            assert monotonic() < until


def test_what_expired_is_deleted(ops: str, time: VirtualTime) -> None:
    long_ago = START - timedelta(hours=25)
    with database(ops) as connection, budget(ops, time, Window("key", calls=3, seconds=1)) as one:
        connection.execute("insert into ops.budget_calls values ('gone', %(at)s, %(at)s)", {"at": long_ago})
        connection.execute("insert into ops.budget_blocks values ('gone', %s)", (long_ago,))
        connection.execute("insert into ops.budget_parties values ('gone', '{}', %s)", (long_ago,))
        for _ in range(200):
            one.wait()
        left = connection.execute("select scope, count(*) from ops.budget_calls group by scope").fetchall()
        assert left == [("key", 2)]
        assert connection.execute("select count(*) from ops.budget_blocks").fetchall() == [(0,)]
        assert connection.execute("select party from ops.budget_parties").fetchall() == [("a",)]


def test_without_the_ops_database_nothing_is_allowed(time: VirtualTime) -> None:
    with pytest.raises(SyncError, match=r"^the budget of calls in the ops database: "):
        budget("postgresql://nobody:nothing@127.0.0.1:1/ops", time)


def test_a_connection_that_the_server_ends_is_opened_again(ops: str, time: VirtualTime) -> None:
    with budget(ops, time, Window("key", calls=2, seconds=60)) as one, database(ops) as connection:
        assert one.ask() == 0
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert one.ask() == 0
        assert one.ask() > 0


def test_a_budget_without_windows_is_a_mistake(ops: str) -> None:
    with pytest.raises(ValueError, match="NoBudget"):
        Budget(ops, [], party="a")


def test_no_budget_counts_and_limits_nothing() -> None:
    with NoBudget() as one:
        one.block(60)
        assert [one.wait(), one.wait(), one.waited, one.estimate(1000)] == [0, 0, 0, 0]
        assert one.calls == 2


def test_a_clock_that_is_set_back_costs_one_window_at_most(ops: str, time: VirtualTime) -> None:
    window = Window("key", calls=3, seconds=60, margin=0)
    with budget(ops, time, window) as one, budget(ops, time, window, party="b") as other:
        time.seconds = 3600.0
        one.wait()
        time.seconds += 20
        one.wait()
        other.wait()
        one.block(90)
        time.seconds -= 3600
        assert one.ask() == pytest.approx(90)
        time.seconds += 90
        assert one.ask() == 0.0
        assert other.ask() == pytest.approx(window.pace.total_seconds())


def test_a_clock_that_is_set_back_lets_nobody_call_more_than_the_window_allows(
    ops: str, time: VirtualTime
) -> None:
    with budget(ops, time, Window("key", calls=3, seconds=60, margin=0)) as one:
        for _ in range(3):
            one.wait()
            time.seconds += 10
        time.seconds -= 3600
        assert one.ask() == pytest.approx(40)
