"""Sankhya on a socket: `with SankhyaFake(company) as sankhya:` serves installations (contract of the ERPs, section 8).

It is as thin as what is established of the vendor. Companies can change while somebody reads (`before`); faults are
switched by `fail`, or while it runs by `POST /_sandbox/faults`. It counts calls and never keeps a key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import time

from starlette.applications import Starlette
from starlette.routing import Route

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.erp.calls import Calls
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.sankhya_api import SankhyaAccount, SankhyaApi
from sync_pipelines.sandbox.erp.sankhya_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served


class SankhyaFake(Served):
    """Sankhya with an installation for each company; `add` opens further ones.

    `clock` gives the seconds by which tokens end. `latency_seconds` is the time of a call on its way.
    """

    def __init__(
        self, *companies: ErpCompany, clock: Callable[[], float] = time, latency_seconds: float = 0.0
    ) -> None:
        self.accounts: list[SankhyaAccount] = []
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.api = SankhyaApi(
            self.accounts,
            switches=self.switches,
            calls=self.calls,
            hooks=self.hooks,
            latency_seconds=latency_seconds,
        )
        for company in companies:
            self.add(company)
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "page", "account"))
        routes = [Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *self.api.routes]
        self.server = BackgroundServer(Starlette(routes=routes))

    def listening(self, origin: str) -> None:
        self.origin = self.url = origin

    @property
    def account(self) -> SankhyaAccount:
        """The first account."""
        return self.accounts[0]

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

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        page: int | None = None,
        account: str | None = None,
    ) -> None:
        """Switch a fault of `sankhya_faults.py` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit. It hits one page of a list, counted from 1, and one
        account only, if they are given. Raises ValueError for an unknown name.
        """
        self.switches.add(name, times, after=after, row=faults.row(account, page))

    def before(self, method: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call of a method from now on, counted from 1."""
        self.hooks.add(method, self.calls.arrived(method) + number, action)

    def clear(self) -> None:
        """Switch every fault off, forget hooks and calls."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()
