"""Omie on a socket: `with OmieFake(company) as omie:` serves accounts on a free port (contract of the ERPs, section 4).

Companies can change while somebody reads (`before`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. It counts calls and never keeps a key.
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
from sync_pipelines.sandbox.erp.omie_api import OmieAccount, OmieApi
from sync_pipelines.sandbox.erp.omie_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.omie_limits import OmieLimits, OmieRules
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served

#: The largest page, whatever was asked for (trap 12).
PAGE_CAP = 100


class OmieFake(Served):
    """Omie with an account for each company; `add` opens further ones.

    `clock` gives the seconds by which limits count. `latency_seconds` is the time of a call on its way. `url` is the
    base to which paths such as `geral/produtos/` are added, `origin` the same without the version.
    """

    def __init__(
        self,
        *companies: ErpCompany,
        rules: OmieRules | None = None,
        clock: Callable[[], float] = time,
        page_cap: int = PAGE_CAP,
        latency_seconds: float = 0.0,
    ) -> None:
        self.accounts: list[OmieAccount] = []
        self._by_key: dict[str, OmieAccount] = {}
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.limits = OmieLimits(rules or OmieRules())
        self.api = OmieApi(
            accounts=self._by_key,
            limits=self.limits,
            switches=self.switches,
            calls=self.calls,
            hooks=self.hooks,
            page_cap=page_cap,
            latency_seconds=latency_seconds,
        )
        for company in companies:
            self.add(company)
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "page", "account"))
        routes = [Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *self.api.routes]
        application = Starlette(routes=routes)
        application.router.redirect_slashes = False
        self.server = BackgroundServer(application)

    def listening(self, origin: str) -> None:
        self.origin = origin
        self.url = f"{origin}/api/v1"

    @property
    def account(self) -> OmieAccount:
        """The first account."""
        return self.accounts[0]

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

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        page: int | None = None,
        account: str | None = None,
    ) -> None:
        """Switch a fault of `omie_faults.py` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit: `ListarNF_fault` with `after=2` is the third call. It
        hits one page of a list (or one number of ObterNfe) and one account only, if they are given. Raises ValueError
        for an unknown name.
        """
        self.switches.add(name, times, after=after, row=faults.row(account, page))

    def before(self, method: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call of a method from now on, counted from 1."""
        self.hooks.add(method, self.calls.arrived(method) + number, action)

    def clear(self) -> None:
        """Switch every fault off, forget hooks, calls and what counts for limits."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()
        self.limits.clear()
