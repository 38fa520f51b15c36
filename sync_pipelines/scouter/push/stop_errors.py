"""Why a push stops between two commits."""

from __future__ import annotations


class StoppedError(Exception):
    """A person paused, reset or deleted (None) the job: what was under way is committed, nothing more is sent."""

    def __init__(self, status: str | None) -> None:
        super().__init__(status)
        self.status = status


class SwitchedOffError(Exception):
    """A person switched the integration off; `refusal` says so."""

    def __init__(self, refusal: str) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class TooManyRejectedError(Exception):
    """The destination rejects most of what it gets, so the cause is not in single rows."""
