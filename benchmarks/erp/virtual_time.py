"""Time that passes while somebody sleeps: of the budgets, so that no benchmark waits for a vendor's patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock


@dataclass
class VirtualTime:
    """A clock that begins now and that sleeping moves; threads may share it."""

    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def clock(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def timestamp(self) -> float:
        """In seconds since 1970, as the fakes count."""
        return self.clock().timestamp()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds
