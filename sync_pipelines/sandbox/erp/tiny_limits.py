"""How often one may call Tiny (contract of the ERPs, section 7.1): a plan's numbers, and who is refused by them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp.limits import Window
from sync_pipelines.sandbox.erp.tiny_faults import Erro


@dataclass(frozen=True)
class TinyRules:
    """A plan: so many calls of an account in `seconds`, of which a quarter may be under way at once.

    With `says` each answer names it in the header `x-limit-api`.
    """

    calls: int = 60
    seconds: float = 60.0
    says: bool = True

    @property
    def at_once(self) -> int:
        return max(self.calls // 4, 1)

    @property
    def headers(self) -> dict[str, str]:
        """Of each answer."""
        return {"x-limit-api": str(self.calls)} if self.says else {}


#: For a demo that ends in seconds: more than any plan that is sold.
UNLIMITED: Final = TinyRules(calls=1000)


@dataclass
class TinyLimits:
    """What was called so far. Calls that are refused take no place in the window."""

    rules: TinyRules
    most_at_once: int = field(default=0, init=False)
    _minutes: dict[str, Window] = field(default_factory=dict, init=False)
    _running: Counter[str] = field(default_factory=Counter, init=False)

    def begin(self, account: str, now: float) -> Response | None:
        """Why a call is refused; None for one that runs: `end` must follow."""
        rules = self.rules
        minute = self._minutes.setdefault(account, Window(rules.calls, rules.seconds))
        if minute.wait(now):
            return Erro(6)
        if self._running[account] >= rules.at_once:
            return Erro(11)
        minute.take(now)
        self._running[account] += 1
        self.most_at_once = max(self.most_at_once, self._running[account])
        return None

    def end(self, account: str) -> None:
        """A call that began is over."""
        self._running[account] -= 1

    def clear(self) -> None:
        """Forget all calls."""
        self._minutes.clear()
