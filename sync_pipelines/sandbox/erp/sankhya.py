"""Sankhya on a socket: `with SankhyaFake(company) as sankhya:` serves installations (contract of the ERPs, section 8).

It is as thin as what is established of the vendor. The names of its faults are in `sankhya_faults.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import time

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.sankhya_api import SankhyaAccount, SankhyaApi
from sync_pipelines.sandbox.erp.sankhya_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.vendor_fake import VendorFake


class SankhyaFake(VendorFake[SankhyaAccount]):
    """Sankhya: an account is an installation, and no limits are known."""

    def __init__(
        self, *companies: ErpCompany, clock: Callable[[], float] = time, latency_seconds: float = 0.0
    ) -> None:
        super().__init__(ANSWERS, BEHAVIOURS, clock=clock, latency_seconds=latency_seconds)
        self.api = SankhyaApi(self.accounts, self.traffic)
        self._serve(companies, self.api.routes)

    def add(
        self,
        company: ErpCompany,
        *,
        name: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        x_token: str | None = None,
    ) -> SankhyaAccount:
        """Open an account; its name, by which calls and faults know it, is `sankhya-1` and so on unless given."""
        account = SankhyaAccount(
            name=name or f"sankhya-{len(self.accounts) + 1}",
            company=company,
            client_id=client_id or secrets.token_hex(16),
            client_secret=client_secret or secrets.token_urlsafe(24),
            x_token=x_token or secrets.token_hex(18),
        )
        self.accounts.append(account)
        return account
