"""Tiny on a socket: `with TinyFake(company) as tiny:` serves accounts (contract of the ERPs, section 7.1).

The names of its faults are in `tiny_faults.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import time
from typing import ClassVar

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.tiny_api import BASE, TinyAccount, TinyApi
from sync_pipelines.sandbox.erp.tiny_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.tiny_limits import TinyLimits, TinyRules
from sync_pipelines.sandbox.erp.vendor_fake import VendorFake


class TinyFake(VendorFake[TinyAccount]):
    """Tiny, whose tokens never end."""

    base_path: ClassVar[str] = BASE

    def __init__(
        self,
        *companies: ErpCompany,
        rules: TinyRules | None = None,
        clock: Callable[[], float] = time,
        latency_seconds: float = 0.0,
    ) -> None:
        super().__init__(ANSWERS, BEHAVIOURS, clock=clock, latency_seconds=latency_seconds)
        self._by_token: dict[str, TinyAccount] = {}
        self.limits = TinyLimits(rules or TinyRules())
        self.api = TinyApi(self._by_token, self.limits, traffic=self.traffic)
        self._serve(companies, self.api.routes)

    def add(self, company: ErpCompany, *, name: str | None = None, token: str | None = None) -> TinyAccount:
        """Open an account; its name, by which calls and faults know it, is `tiny-1` and so on unless given."""
        account = TinyAccount(
            name=name or f"tiny-{len(self.accounts) + 1}",
            company=company,
            token=token or secrets.token_hex(32),
        )
        self.accounts.append(account)
        self._by_token[account.token] = account
        return account

    def close_account(self, account: TinyAccount) -> None:
        """The token is no longer valid."""
        self._by_token.pop(account.token, None)

    def clear(self) -> None:
        super().clear()
        self.limits.clear()
