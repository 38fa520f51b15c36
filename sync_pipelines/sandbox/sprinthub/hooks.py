"""What is to be done between two answers, so that a test can change the tenant while somebody reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

Action = Callable[[], object]


@dataclass
class Hooks:
    """Actions, each done once."""

    _pages: dict[tuple[int, int | None], list[Action]] = field(default_factory=dict)
    _details: dict[int, list[Action]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def before_page(self, page: int, action: Action, *, segment: int | None = None) -> None:
        """Keep an action for the next request of this page, of one segment or of any."""
        with self._lock:
            self._pages.setdefault((page, segment), []).append(action)

    def before_detail(self, number: int, action: Action) -> None:
        """Keep an action for the detail of this number since the start."""
        with self._lock:
            self._details.setdefault(number, []).append(action)

    def page(self, segment: int, page: int) -> None:
        """A page is about to be answered."""
        with self._lock:
            actions = [*self._pages.pop((page, segment), ()), *self._pages.pop((page, None), ())]
        for action in actions:
            action()

    def detail(self, number: int) -> None:
        """A detail is about to be answered."""
        if number in self._details:
            with self._lock:
                actions = self._details.pop(number)
            for action in actions:
                action()

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._pages.clear()
            self._details.clear()
