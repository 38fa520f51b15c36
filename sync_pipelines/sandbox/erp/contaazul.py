"""Conta Azul on sockets: `with ContaAzulFake(company) as fake:` serves accounts (contract of the ERPs, section 6).

The names of its faults are in `contaazul_faults.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import ClassVar

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines.sandbox.erp.contaazul_api import BASE, ContaAzulApi
from sync_pipelines.sandbox.erp.contaazul_faults import ANSWERS, BEHAVIOURS, oauth_error
from sync_pipelines.sandbox.erp.contaazul_limits import ContaAzulLimits, ContaAzulRules
from sync_pipelines.sandbox.erp.contaazul_oauth import ContaAzulAccount
from sync_pipelines.sandbox.erp.oauth import OAuth
from sync_pipelines.sandbox.erp.vendor_fake import VendorFake


class ContaAzulFake(VendorFake[ContaAzulAccount]):
    """Conta Azul. `manners` are what the vendor does not document.

    `kept` is a file in which the tokens outlive the process. With `is_retired` it answers as the host of the API
    before v2 does: 401 to everybody.
    """

    base_path: ClassVar[str] = BASE

    def __init__(
        self,
        *companies: ErpCompany,
        rules: ContaAzulRules | None = None,
        manners: Manners | None = None,
        clock: Callable[[], float] = time,
        keeps_used_refresh_tokens: bool = False,
        is_retired: bool = False,
        kept: Path | None = None,
        latency_seconds: float = 0.0,
    ) -> None:
        super().__init__(ANSWERS, BEHAVIOURS, clock=clock, latency_seconds=latency_seconds)
        self.limits = ContaAzulLimits(rules or ContaAzulRules())
        self.oauth: OAuth[ContaAzulAccount] = OAuth(
            clock, kept=kept, keeps_used=keeps_used_refresh_tokens, refuse=oauth_error
        )
        self.accounts = self.oauth.accounts
        self.manners = manners or Manners()
        self.api = ContaAzulApi(
            self.oauth, self.limits, traffic=self.traffic, manners=self.manners, is_retired=is_retired
        )
        self._serve(companies, self.api.routes)

    def listening(self, origin: str) -> None:
        super().listening(origin)
        self.auth_url = origin

    def add(
        self,
        company: ErpCompany,
        *,
        name: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        access_token: str = "",
        refresh_token: str = "",
    ) -> ContaAzulAccount:
        """Open an account; its name, by which calls and faults know it, is `contaazul-1` and so on unless given.

        Without a refresh token it gets a first pair. A given pair is valid from now on, unless the file of tokens
        knows the account already; a refresh token alone is that of an account whose access token has expired.
        """
        account = ContaAzulAccount(
            name=name or f"contaazul-{len(self.accounts) + 1}",
            company=company,
            client_id=client_id or secrets.token_hex(13),
            client_secret=client_secret or secrets.token_hex(26),
            access_token=access_token,
            refresh_token=refresh_token,
        )
        self.oauth.open(account)
        return account

    def clear(self) -> None:
        super().clear()
        self.limits.clear()
