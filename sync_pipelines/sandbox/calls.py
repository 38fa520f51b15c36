"""The calls that a fake received: how many began, and each that was answered. What a call is, its fake says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Call = TypeVar("Call")


class CallLog(Generic[Call]):
    """A record in the order of the answers. `clock` gives the time of each in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.all: list[Call] = []
        self._arrived: Counter[str] = Counter()

    def arrive(self, kind: str) -> int:
        """Count a call that begins; returns how many of its kind there were."""
        self._arrived[kind] += 1
        return self._arrived[kind]

    def record(self, call: Call) -> None:
        """Keep a call that was answered."""
        self.all.append(call)

    def clear(self) -> None:
        """Forget them."""
        self.all.clear()
        self._arrived.clear()


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The most of them in any window of so many seconds."""
    times = sorted(moments)
    most = start = 0
    for end, time in enumerate(times):
        while times[start] <= time - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most
