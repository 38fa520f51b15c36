"""How often one may call Bling (contract of the ERPs, section 5): its numbers as data, and who is refused by them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp import bling_faults
from sync_pipelines.sandbox.erp.limits import Block, Window


@dataclass(frozen=True)
class BlingRules:
    """The vendor's numbers; None where a limit is off. Times are in seconds.

    An address is blocked for a while after so many errors, requests or calls for a token. With which status such an
    address is refused is not documented.
    """

    calls_per_second: int | None = 3
    calls_per_day: int | None = 120_000
    errors: int | None = 300
    requests: int | None = 600
    burst_seconds: float = 10.0
    burst_block_seconds: float = 600.0
    token_calls: int | None = 20
    token_seconds: float = 60.0
    token_block_seconds: float = 3600.0
    blocked_status: int = 429


#: For a demo that ends in seconds.
UNLIMITED: Final = BlingRules(calls_per_second=None, calls_per_day=None, errors=None, requests=None)


@dataclass
class BlingLimits:
    """What was called so far. Calls of an account that are refused take no place in its windows."""

    rules: BlingRules
    _addresses: dict[str, list[Block]] = field(default_factory=dict, init=False)
    _accounts: dict[str, tuple[Window, Window]] = field(default_factory=dict, init=False)

    def arrived(self, ip: str, now: float, *, for_token: bool) -> Response | None:
        """Count a request of an address; an answer if the address is blocked, by this request or before it."""
        errors, requests, tokens = self._blocks(ip)
        if left := max(block.left(now) for block in (errors, requests, tokens)):
            return bling_faults.blocked(left, self.rules.blocked_status)
        requests.count(now)
        if for_token:
            tokens.count(now)
        left = max(requests.left(now), tokens.left(now))
        return bling_faults.blocked(left, self.rules.blocked_status) if left else None

    def failed(self, ip: str, now: float) -> None:
        """An error was answered."""
        self._blocks(ip)[0].count(now)

    def blocked_for(self, now: float) -> float:
        """The seconds for which any address is blocked."""
        blocks = [block for one in self._addresses.values() for block in one]
        return max((block.left(now) for block in blocks), default=0.0)

    def refusal(self, account: str, now: float) -> Response | None:
        """Too many calls of an account; a call that is not refused takes its place."""
        rules = self.rules
        fresh = Window(rules.calls_per_second, 1.0), Window(rules.calls_per_day, 86_400.0)
        second, day = self._accounts.setdefault(account, fresh)
        if day.wait(now):
            return bling_faults.too_many(rules.calls_per_day or 0, "day")
        if second.wait(now):
            return bling_faults.too_many(rules.calls_per_second or 0, "second")
        second.take(now)
        day.take(now)
        return None

    def clear(self) -> None:
        """Forget all calls and blocks."""
        self._addresses.clear()
        self._accounts.clear()

    def _blocks(self, ip: str) -> list[Block]:
        rules = self.rules
        errors = Block(Window(rules.errors, rules.burst_seconds), rules.burst_block_seconds)
        requests = Block(Window(rules.requests, rules.burst_seconds), rules.burst_block_seconds)
        tokens = Block(Window(rules.token_calls, rules.token_seconds), rules.token_block_seconds)
        return self._addresses.setdefault(ip, [errors, requests, tokens])
