"""The end of work that several threads do, wherever they are: asleep, in a call, in a statement.

A signal reaches the main thread only. Without this the others notice it at their next step, and who waits for the
patience of an API or for somebody's lock takes that step minutes later, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.interruptions import InterruptedRunError


class Cancellation:
    """Asked for once, from any thread. `within` cancels this one as well, and is not cancelled by it."""

    def __init__(self, within: Cancellation | None = None) -> None:
        self._event, self._lock = Event(), Lock()
        self._actions: list[Callable[[], object]] = []
        if within is not None:
            within.on_cancel(self.cancel)

    def cancel(self) -> None:
        """End every sleep, then do what `on_cancel` was given, in this thread."""
        self._event.set()
        with self._lock:
            actions, self._actions = self._actions, []
        for action in actions:
            action()

    def on_cancel(self, action: Callable[[], object]) -> None:
        """Do this when it is cancelled, at once if it is already: end what a thread waits for. It must not raise."""
        with self._lock:
            if not self._event.is_set():
                self._actions.append(action)
                return
        action()

    def check(self) -> None:
        """Raise InterruptedRunError if it is cancelled."""
        if self._event.is_set():
            raise InterruptedRunError

    def sleep(self, seconds: float) -> None:
        """Sleep for so long. Raises InterruptedRunError as soon as it is cancelled."""
        self._event.wait(seconds)
        self.check()


@contextmanager
def interrupted_by(cancellation: Cancellation) -> Iterator[None]:
    """Around work that it ends: what a cancelled call or statement raises is no failure of the work."""
    try:
        yield
    except SyncError:
        cancellation.check()
        raise
