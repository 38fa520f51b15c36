"""Tiny on a socket: `with TinyFake(company) as tiny:` serves accounts (contract of the ERPs, section 7.1).

Companies can change while somebody reads (`before`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. It counts calls and never keeps a token.
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
from sync_pipelines.sandbox.erp.tiny_api import BASE, TinyAccount, TinyApi
from sync_pipelines.sandbox.erp.tiny_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.tiny_limits import TinyLimits, TinyRules
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served


class TinyFake(Served):
    """Tiny with an account for each company; `add` opens further ones.

    `clock` gives the seconds by which limits count. `latency_seconds` is the time of a call on its way. `url` is the
    base to which paths such as `info.php` are added, `origin` the same without the version.
    """

    def __init__(
        self,
        *companies: ErpCompany,
        rules: TinyRules | None = None,
        clock: Callable[[], float] = time,
        latency_seconds: float = 0.0,
    ) -> None:
        self.accounts: list[TinyAccount] = []
        self._by_token: dict[str, TinyAccount] = {}
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.limits = TinyLimits(rules or TinyRules())
        self.api = TinyApi(
            accounts=self._by_token,
            limits=self.limits,
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
        self.origin = origin
        self.url = f"{origin}{BASE}"

    @property
    def account(self) -> TinyAccount:
        """The first account."""
        return self.accounts[0]

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

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        page: int | None = None,
        account: str | None = None,
    ) -> None:
        """Switch a fault of `tiny_faults.py` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit: `info_unexpected` with `after=2` is the third call. It
        hits one page of a search (or one number of a detail) and one account only, if they are given. Raises ValueError
        for an unknown name.
        """
        self.switches.add(name, times, after=after, row=faults.row(account, page))

    def before(self, method: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call of a service from now on, counted from 1."""
        self.hooks.add(method, self.calls.arrived(method) + number, action)

    def clear(self) -> None:
        """Switch every fault off, forget hooks, calls and what counts for limits."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()
        self.limits.clear()
