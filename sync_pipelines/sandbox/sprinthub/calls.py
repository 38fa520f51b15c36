"""The calls that the CRM received: of which kind, when, and with what status. No header, query or body is kept."""

from __future__ import annotations

from typing import NamedTuple

from sync_pipelines.sandbox.calls import CallLog, most_within


class Call(NamedTuple):
    """A call: `kind` is list, detail, segments, leads or another; `subject` the lead's, or the segment's number.

    `at` is when it came; `status` is 0 where no answer was given.
    """

    kind: str
    subject: int
    page: int
    at: float
    status: int


class Calls(CallLog[Call]):
    """A record in the order of the answers, by kind."""

    def count(self, kind: str | None = None, *, status: int | None = None) -> int:
        """How many calls of a kind (or of all) there were, with one status or any."""
        if status is None:
            return self._arrived[kind] if kind else self._arrived.total()
        return sum(1 for call in self.all if kind in (None, call.kind) and call.status == status)

    def subjects(self, kind: str) -> list[int]:
        """The leads whose details were asked for, or the segments whose lists were; in order."""
        return [call.subject for call in self.all if call.kind == kind]

    def busiest(self, seconds: float = 60.0, *, accepted: bool = False) -> int:
        """The most calls in any window of so many seconds; with `accepted` only those that were not throttled."""
        times = (call.at for call in self.all if not (accepted and call.status in (401, 429)))
        return most_within(times, seconds)
