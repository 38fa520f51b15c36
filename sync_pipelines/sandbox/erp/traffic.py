"""What stands around every answer of a fake ERP: a call is counted, delayed, made to fail by a fault, and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.erp.calls import Call, Calls
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.faults import Switches


class Named(Protocol):
    """An account, by whose name calls and faults know it."""

    @property
    def name(self) -> str:
        """Such as `omie-1`."""


@dataclass(frozen=True)
class Arrival:
    """A call as it came: the `number`-th of its method, at `at` (seconds of the fake's clock)."""

    method: str
    number: int
    at: float


@dataclass(frozen=True)
class CallFaults:
    """The faults that can hit one call: those of its method, of its account or all, of its page (or id) or all."""

    switches: Switches
    method: str
    account: str | None
    subject: int

    def answer(self) -> Response | None:
        """The answer of a fault that is on, in place of the vendor's own."""
        others = {name for name in self.switches.known if not name.startswith(f"{self.method}_")}
        return self.switches.answer(self._rows, others)

    def strikes(self, name: str) -> bool:
        """Whether a fault, named without the method, hits this call; that uses it once."""
        return self.switches.strikes(f"{self.method}_{name}", self._rows)

    def _rows(self) -> list[Hashable]:
        return faults.rows(self.account, self.subject)


@dataclass(frozen=True)
class Traffic:
    """The calls of a fake, whichever account they are of. `latency_seconds` is the time of a call on its way."""

    calls: Calls
    switches: Switches
    hooks: Hooks
    latency_seconds: float

    def arrive(self, method: str) -> Arrival:
        """Count a call that begins."""
        return Arrival(method, number=self.calls.arrive(method), at=self.calls.clock())

    async def before(self, arrival: Arrival) -> None:
        """Wait as long as the call is on its way, then do what is to be done before its answer."""
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        for action in self.hooks.take(arrival.method, arrival.number):
            await run_in_threadpool(action)

    def faults(self, arrival: Arrival, account: Named | None, subject: int) -> CallFaults:
        """The faults of a call; `subject` is its page, counted from 1, or its number."""
        return CallFaults(
            self.switches, arrival.method, account=account.name if account else None, subject=subject
        )

    def record(
        self,
        arrival: Arrival,
        account: Named | None,
        answer: Response,
        *,
        asked: Mapping[str, object],
        fault: str | None,
    ) -> None:
        """Keep a call that was answered; `fault` is the vendor's code of the error that the answer says."""
        self.calls.record(
            Call(
                method=arrival.method,
                account=account.name if account else None,
                parameters=asked,
                at=arrival.at,
                status=0 if isinstance(answer, faults.NO_ANSWER) else answer.status_code,
                fault=fault,
            )
        )
