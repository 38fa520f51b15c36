"""Omie on a socket: `with OmieFake(company) as omie:` serves accounts on a free port (contract of the ERPs, section 4).

The names of its faults are in `omie_faults.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import time
from typing import ClassVar

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.omie_api import OmieAccount, OmieApi
from sync_pipelines.sandbox.erp.omie_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.omie_limits import OmieLimits, OmieRules
from sync_pipelines.sandbox.erp.vendor_fake import VendorFake

#: The largest page, whatever was asked for (trap 12).
PAGE_CAP = 100


class OmieFake(VendorFake[OmieAccount]):
    """Omie, whose keys never end. An address without its final slash is redirected, as a GET (`omie_api.py`)."""

    base_path: ClassVar[str] = "/api/v1"

    def __init__(
        self,
        *companies: ErpCompany,
        rules: OmieRules | None = None,
        clock: Callable[[], float] = time,
        page_cap: int = PAGE_CAP,
        latency_seconds: float = 0.0,
    ) -> None:
        super().__init__(ANSWERS, BEHAVIOURS, clock=clock, latency_seconds=latency_seconds)
        self._by_key: dict[str, OmieAccount] = {}
        self.limits = OmieLimits(rules or OmieRules())
        self.api = OmieApi(self._by_key, self.limits, traffic=self.traffic, page_cap=page_cap)
        self._serve(companies, self.api.routes, redirects_slashes=False)

    def add(
        self,
        company: ErpCompany,
        *,
        name: str | None = None,
        app_key: str | None = None,
        app_secret: str | None = None,
    ) -> OmieAccount:
        """Open an account; its name, by which calls and faults know it, is `omie-1` and so on unless given."""
        account = OmieAccount(
            name=name or f"omie-{len(self.accounts) + 1}",
            company=company,
            app_key=app_key or str(secrets.randbelow(9 * 10**12) + 10**12),
            app_secret=app_secret or secrets.token_hex(16),
        )
        self.accounts.append(account)
        self._by_key[account.app_key] = account
        return account

    def close_account(self, account: OmieAccount) -> None:
        """The key is no longer valid."""
        self._by_key.pop(account.app_key, None)

    def clear(self) -> None:
        super().clear()
        self.limits.clear()
