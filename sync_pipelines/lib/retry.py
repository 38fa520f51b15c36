"""The one way to try again: after a TransientError, with growing waits, as often as a backoff says.

`failures` decides which error is worth another attempt; this module decides when the attempt comes.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import TransientError

if TYPE_CHECKING:  # slow to import, and not needed to list assets
    from tenacity import RetryCallState, Retrying

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backoff:
    """How many attempts, and the seconds between them: from `first` times `factor` up to `longest`, plus the jitter.

    `jitter` is the largest share of a wait that is added at random, so that clients do not return in step. A
    Retry-After is honoured up to `patience` seconds; an error that asks for more goes to the caller at once.
    """

    attempts: int = 3
    first: float = 1.0
    factor: float = 2.0
    longest: float = 30.0
    patience: float = 120.0
    jitter: float = 0.25

    def wait(self, attempt: int, asked: float | None = None, *, chance: float = 0.0) -> float:
        """Seconds after the attempt of this number (from 1); never less than the other side asked for."""
        grown = self.first * self.factor ** (attempt - 1) * (1 + chance * self.jitter)
        return max(min(grown, self.longest), asked or 0.0)

    def is_worth_waiting(self, error: BaseException) -> bool:
        """Whether another attempt can help, and comes soon enough."""
        return isinstance(error, TransientError) and (error.retry_after or 0.0) <= self.patience


def retrying(
    backoff: Backoff,
    *,
    on: type[TransientError] = TransientError,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Retrying:
    """Call the result with a function: it runs again after an error of the class `on`; the last error is raised.

    `sleep` and `jitter` (0 to 1) are parameters: tests do not wait.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    def wait(state: RetryCallState) -> float:
        error = _error_of(state)
        asked = error.retry_after if isinstance(error, TransientError) else None
        return backoff.wait(state.attempt_number, asked, chance=jitter())

    def announce(state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        attempt = f"attempt {state.attempt_number + 1} of {backoff.attempts}"
        _log.warning("%s Trying again in %.0f s (%s).", _error_of(state), pause, attempt)

    return Retrying(
        sleep=sleep,
        stop=stop_after_attempt(backoff.attempts),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, on) and backoff.is_worth_waiting(error)),
        before_sleep=announce,
        reraise=True,
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
