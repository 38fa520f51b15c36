"""How often one may call Omie (contract of the ERPs, section 4): its numbers as data, and who is refused by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp import omie_faults
from sync_pipelines.sandbox.erp.limits import Block, Window


@dataclass(frozen=True)
class OmieRules:
    """The vendor's numbers; None where a limit is off. Windows and times are in seconds.

    `single` are methods of which one key may have one call at a time only.
    """

    calls_per_ip: int | None = 960
    calls_per_method: int | None = 240
    calls_seconds: float = 60.0
    at_once: int | None = 4
    single: Collection[str] = ()
    redundant_seconds: float = 60.0
    errors: int | None = 10
    errors_seconds: float = 1800.0
    block_seconds: float = 1800.0


#: For a demo that ends in seconds: redundancy would hold up a second sync for a minute.
UNLIMITED: Final = OmieRules(
    calls_per_ip=None, calls_per_method=None, at_once=None, redundant_seconds=0.0, errors=None
)


@dataclass(frozen=True)
class Caller:
    """Whom limits count for: an address, the key that was given, the method."""

    ip: str
    key: str
    method: str


@dataclass
class OmieLimits:
    """What was called so far. Calls that are refused for a limit take no place in its window.

    `most_at_once` is how many calls of one method and key ran together.
    """

    rules: OmieRules
    most_at_once: int = field(default=0, init=False)
    _ips: dict[str, Window] = field(default_factory=dict, init=False)
    _methods: dict[Caller, Window] = field(default_factory=dict, init=False)
    _blocks: dict[Caller, Block] = field(default_factory=dict, init=False)
    _bodies: dict[tuple[Caller, Hashable], float] = field(default_factory=dict, init=False)
    _running: Counter[Caller] = field(default_factory=Counter, init=False)

    def refusal(self, caller: Caller, now: float) -> Response | None:
        """Why this call is not looked at; a call that is takes a place in the windows."""
        if left := self._block(caller).left(now, restarts=True):
            return omie_faults.blocked(left)
        rules = self.rules
        ip = self._ips.setdefault(caller.ip, Window(rules.calls_per_ip, rules.calls_seconds))
        method = self._methods.setdefault(caller, Window(rules.calls_per_method, rules.calls_seconds))
        if wait := max(ip.wait(now), method.wait(now)):
            return omie_faults.too_many(wait)
        ip.take(now)
        method.take(now)
        return None

    def begin(self, caller: Caller) -> bool:
        """Whether one more call of this method may run; `end` must follow if so."""
        most = 1 if caller.method in self.rules.single else self.rules.at_once
        if most is not None and self._running[caller] >= most:
            return False
        self._running[caller] += 1
        self.most_at_once = max(self.most_at_once, self._running[caller])
        return True

    def end(self, caller: Caller) -> None:
        """A call that began is over."""
        self._running[caller] -= 1

    def redundant(self, caller: Caller, body: Hashable, now: float) -> float:
        """The seconds until the same may be asked again; 0: now, and then it is remembered as asked."""
        if not self.rules.redundant_seconds:
            return 0.0
        asked = self._bodies.get((caller, body))
        if asked is not None and asked + self.rules.redundant_seconds > now:
            return asked + self.rules.redundant_seconds - now
        self._bodies[caller, body] = now
        return 0.0

    def failed(self, caller: Caller, now: float) -> None:
        """An error was answered; the tenth in the window blocks."""
        self._block(caller).count(now)

    def blocked_for(self, key: str, method: str, now: float) -> float:
        """The seconds for which a key is blocked for a method, from any address. Asking restarts nothing."""
        blocks = [block for one, block in self._blocks.items() if (one.key, one.method) == (key, method)]
        return max((block.left(now) for block in blocks), default=0.0)

    def clear(self) -> None:
        """Forget all calls and blocks."""
        for counted in (self._ips, self._methods, self._blocks, self._bodies):
            counted.clear()

    def _block(self, caller: Caller) -> Block:
        rules = self.rules
        fresh = Block(Window(rules.errors, rules.errors_seconds), rules.block_seconds)
        return self._blocks.setdefault(caller, fresh)


def canonical(body: Any) -> str:
    """A body as text that is the same for the same content."""
    import json

    return json.dumps(body, sort_keys=True)
