"""What is to be done between a call and its answer, so that a test can change a company while somebody reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

Action = Callable[[], object]


@dataclass
class Hooks:
    """Actions, each done once. They are done in a thread: one may wait for something without holding up others."""

    _waiting: dict[tuple[str, int], list[Action]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, method: str, number: int, action: Action) -> None:
        """Keep an action for the call of a method that has this number since the start."""
        with self._lock:
            self._waiting.setdefault((method, number), []).append(action)

    def take(self, method: str, number: int) -> list[Action]:
        """The actions for a call; they are forgotten."""
        with self._lock:
            return self._waiting.pop((method, number), [])

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._waiting.clear()
