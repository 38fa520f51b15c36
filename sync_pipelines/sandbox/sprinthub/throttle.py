"""How often one token may call: so many calls in any minute (contract of SprintHub, section 4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

WINDOW_SECONDS = 60.0


@dataclass
class Throttle:
    """A sliding window. `limit` None lets everything pass; with `strict` refused calls count as well."""

    limit: int | None = None
    clock: Callable[[], float] = monotonic
    strict: bool = False
    _taken: deque[float] = field(default_factory=deque, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def wait(self) -> float:
        """Take a call and return 0, or refuse it and return the seconds until one is free."""
        if self.limit is None:
            return 0.0
        now = self.clock()
        with self._lock:
            while self._taken and self._taken[0] <= now - WINDOW_SECONDS:
                self._taken.popleft()
            refused = len(self._taken) >= self.limit
            if not refused or self.strict:
                self._taken.append(now)
            return self._taken[-self.limit] + WINDOW_SECONDS - now if refused else 0.0

    @property
    def usage(self) -> int:
        """The calls in the window that ends with the last one."""
        return len(self._taken)
