"""The calls that a fake ERP received, without a secret: what was asked for, by which account, when, and the status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sync_pipelines.sandbox.calls import CallLog, most_within
from sync_pipelines.sandbox.erp.limits import PRECISION


class Call(NamedTuple):
    """A call: `method` is the vendor's own word (`ListarNF`, `nfe`, `token`), `account` the name of its company.

    `parameters` are what was asked for, without keys and tokens; `account` is None where nobody is known by the
    credentials. `at` is when the call came, in seconds of the fake's clock; `status` is 0 where no answer was given.
    `fault` is the vendor's code of an error, also of one that came with status 200.
    """

    method: str
    account: str | None
    parameters: Mapping[str, object]
    at: float
    status: int
    fault: str | None = None


class Calls(CallLog[Call]):
    """A record in the order of the answers, by method."""

    def of(
        self, method: str | None = None, *, account: str | None = None, status: int | None = None
    ) -> list[Call]:
        """The calls of a method, account and status, or of any."""
        return [
            call
            for call in self.all
            if method in (None, call.method)
            and account in (None, call.account)
            and status in (None, call.status)
        ]

    def count(
        self, method: str | None = None, *, account: str | None = None, status: int | None = None
    ) -> int:
        """How many calls were answered."""
        return len(self.of(method, account=account, status=status))

    def arrived(self, method: str) -> int:
        """How many calls of a method came, answered or not."""
        return self._arrived[method]

    def busiest(self, seconds: float, method: str | None = None, *, account: str | None = None) -> int:
        """The most calls in any window of so many seconds, refused ones included."""
        times = (call.at for call in self.of(method, account=account))
        return most_within(times, seconds - PRECISION)
