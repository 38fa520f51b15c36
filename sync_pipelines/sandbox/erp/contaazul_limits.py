"""How often one may call Conta Azul (contract of the ERPs, section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sync_pipelines.sandbox.erp.limits import Window


@dataclass(frozen=True)
class ContaAzulRules:
    """The vendor's numbers, by account; None where a limit is off."""

    calls_per_second: int | None = 10
    calls_per_minute: int | None = 600


#: For a demo that ends in seconds.
UNLIMITED: Final = ContaAzulRules(calls_per_second=None, calls_per_minute=None)


@dataclass
class ContaAzulLimits:
    """What was called so far. Calls that are refused take no place in the windows."""

    rules: ContaAzulRules
    _accounts: dict[str, tuple[Window, Window]] = field(default_factory=dict, init=False)

    def is_over(self, account: str, now: float) -> bool:
        """Whether a call of an account is one too many; one that is not takes its place."""
        rules = self.rules
        fresh = Window(rules.calls_per_second, 1.0), Window(rules.calls_per_minute, 60.0)
        windows = self._accounts.setdefault(account, fresh)
        if any(window.wait(now) for window in windows):
            return True
        for window in windows:
            window.take(now)
        return False

    def clear(self) -> None:
        """Forget all calls."""
        self._accounts.clear()
