"""The `last_sync_at` of what a push writes: by it the destination's trigger and the reverse sync tell writes apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

_STEP = timedelta(microseconds=1)


@dataclass
class Marks:
    """Marks of one push, from `first` on; threads share it.

    `are_apart`: each page gets its own, a microsecond later, so that no two writes of a lead have the same.
    """

    first: datetime
    are_apart: bool
    _last: datetime | None = None
    _lock: Lock = field(default_factory=Lock)

    def next(self) -> str:
        """The mark of another page."""
        with self._lock:
            step = _STEP if self.are_apart else timedelta()
            self._last = self.first if self._last is None else self._last + step
            return self._last.isoformat()

    def span(self) -> tuple[str, str]:
        """The first mark and the last one."""
        return self.first.isoformat(), (self._last or self.first).isoformat()
