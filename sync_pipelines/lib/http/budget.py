"""What may be called how often: windows that runs, systems and machines share, with their state in the ops database.

A window slides: at most so many calls within *any* of its seconds. A bucket would allow twice as many where a burst
meets its refill. Nobody reserves a call in the future: a caller asks, and is granted one now or learns how long to
wait. So a process that dies leaves nothing that blocks.

Callers are fair to each other by party, such as a segment: of those that wait, the one whose turn is longest ago goes
first. The threads of a party queue behind each other, so that it asks for one call at a time however many they are.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError
from sync_pipelines.lib.http.budget_ledger import BudgetLedger
from sync_pipelines.lib.http.budget_turns import Window, granted_at

__all__ = ["Budget", "NoBudget", "Window"]

#: Who waits longer asks again after so many seconds: its budget may have been closed.
LONGEST_NAP = 1.0


class Budget:
    """The calls of one party within `windows`; a call needs all of them. Threads may share it; use it as a context.

    `name` is the API in errors. A block that lasts longer than `patience` seconds is an error. `clock` (aware) and
    `sleep` are for a virtual time; by default the clock is the database's, one for all machines. `ledger` is a
    connection that several budgets share and that stays open. Every method raises SyncError if the ops database cannot
    be reached: without it nobody knows what others called.
    """

    def __init__(
        self,
        ops_url: str,
        windows: Sequence[Window],
        *,
        party: str,
        name: str = "The API",
        patience: float = 120.0,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        ledger: BudgetLedger | None = None,
    ) -> None:
        if not windows:
            raise ValueError("A budget needs a window; where nothing is limited, NoBudget is the one to use.")
        self._ledger, self._owns_ledger = ledger or BudgetLedger(ops_url), ledger is None
        self._windows, self._party, self._name = tuple(windows), party, name
        self._patience, self._clock, self._sleep = patience, clock, sleep
        self._turn, self._is_closed = threading.Lock(), False
        #: Calls that were granted, and the seconds in which the party waited for one, however many threads did.
        self.calls = 0
        self.waited = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the others alone; threads that wait get an error within a second."""
        self._is_closed = True
        with contextlib.suppress(SyncError):  # the others find out by themselves, only later
            self._ledger.leave(self._party)
        if self._owns_ledger:
            self._ledger.close()

    def ask(self) -> float:
        """0 if a call is granted, which is to be made at once; else in how many seconds to ask again."""
        return self._ask()[0]

    def wait(self) -> float:
        """Wait until a call is granted, which is to be made at once; returns the seconds that this took.

        Not counted is the time that a thread waits behind the others of its party. Raises ThrottledError if the calls
        are blocked for longer than the patience lasts.
        """
        waited = 0.0
        with self._turn:
            while True:
                seconds, is_blocked = self._ask()
                if seconds <= 0:
                    return waited
                if is_blocked and waited + seconds > self._patience:
                    raise ThrottledError(
                        f"{self._name} asked for fewer calls; the next one is allowed in {seconds:.0f} s.",
                        retry_after=seconds,
                    )
                nap = min(seconds, LONGEST_NAP)
                self._sleep(nap)
                waited += nap
                self.waited += nap

    def block(self, seconds: float) -> None:
        """Let nobody call for so long, in whatever process; a longer block that stands already stays."""
        self._ledger.block(self._windows, seconds, self._clock and self._clock())

    def estimate(self, calls: int) -> float:
        """Seconds until so many further calls are granted, if those who call now go on and get equal shares."""
        if calls < 1:
            return 0.0
        situation, known = self._ledger.calls(self._party, self._windows, self._clock and self._clock())
        now = situation.now
        start = max([now, *(state.blocked_until for state in situation.windows if state.blocked_until)])
        moments = [start]
        for window, made in zip(self._windows, known, strict=True):
            sharing = sum(
                window.scope in other.scopes and other.seen_at > now - window.span
                for other in situation.others
            )
            moments.append(granted_at(window, made, start, number=calls * (1 + sharing)))
        return (max(moments) - now).total_seconds()

    def _ask(self) -> tuple[float, bool]:
        if self._is_closed:
            raise TransientError(f"{self._name} is not called any more: the run is ending.")
        now, answer = self._ledger.ask(self._party, self._windows, self._clock and self._clock())
        if answer.ready_at is None:
            self.calls += 1
            return 0.0, False
        return (answer.ready_at - now).total_seconds(), answer.is_blocked


class NoBudget:
    """A budget that limits nothing. It counts calls; a block has nothing to hold up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.waited = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    def wait(self) -> float:
        """0: every call may be made."""
        with self._lock:
            self.calls += 1
        return 0.0

    def block(self, seconds: float) -> None:
        """Whoever was throttled waits by its own backoff."""

    def estimate(self, calls: int) -> float:
        """0: nobody waits."""
        return 0.0
