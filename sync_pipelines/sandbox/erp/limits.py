"""How often one may call: windows of time and blocks, by a clock that the caller reads."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

#: Seconds since 1970 as a float are exact to a quarter of a microsecond: two moments may be closer than they are.
PRECISION: Final = 0.0001


@dataclass
class Window:
    """So many calls in any `seconds`; `calls` None: as many as one likes."""

    calls: int | None
    seconds: float
    _taken: deque[float] = field(default_factory=deque, init=False)

    def wait(self, now: float) -> float:
        """The seconds until a call is free; 0: now."""
        if self.calls is None:
            return 0.0
        while self._taken and self._taken[0] <= now - self.seconds + PRECISION:
            self._taken.popleft()
        return self._taken[-self.calls] + self.seconds - now if len(self._taken) >= self.calls else 0.0

    def take(self, now: float) -> None:
        """Count a call."""
        if self.calls is not None:
            self._taken.append(now)

    def clear(self) -> None:
        """Forget the calls."""
        self._taken.clear()


@dataclass
class Block:
    """A ban that begins when so many things happened in a window, and lasts `lasts` seconds."""

    window: Window
    lasts: float
    until: float | None = None

    def count(self, now: float) -> None:
        """One more of what leads to the ban."""
        self.window.take(now)
        if self.window.wait(now) > 0:
            self.until = now + self.lasts
            self.window.clear()

    def left(self, now: float, *, restarts: bool = False) -> float:
        """The seconds until the ban ends; 0: there is none. With `restarts` this call makes it begin anew."""
        if self.until is None or self.until <= now:
            self.until = None
            return 0.0
        if restarts:
            self.until = now + self.lasts
        return self.until - now
