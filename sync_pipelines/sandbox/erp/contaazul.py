"""Conta Azul on sockets: `with ContaAzulFake(company) as fake:` serves accounts (contract of the ERPs, section 6).

Companies can change while somebody reads (`before`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. It counts calls and writes no token into their record.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from time import time

from starlette.applications import Starlette
from starlette.routing import Route

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.erp.calls import Calls
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines.sandbox.erp.contaazul_api import BASE, ContaAzulApi
from sync_pipelines.sandbox.erp.contaazul_faults import ANSWERS, BEHAVIOURS, oauth_error
from sync_pipelines.sandbox.erp.contaazul_limits import ContaAzulLimits, ContaAzulRules
from sync_pipelines.sandbox.erp.contaazul_oauth import ContaAzulAccount
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.oauth import OAuth
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served


class ContaAzulFake(Served):
    """Conta Azul with an account for each company; `add` opens further ones.

    `clock` gives the seconds since 1970 by which tokens end and limits count. `manners` are what the vendor does not
    document. `kept` is a file in which the tokens outlive the process. With `is_retired` it answers as the host of
    the API before v2 does: 401 to everybody.
    """

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
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.limits = ContaAzulLimits(rules or ContaAzulRules())
        self.oauth: OAuth[ContaAzulAccount] = OAuth(
            clock, kept=kept, keeps_used=keeps_used_refresh_tokens, refuse=oauth_error
        )
        self.manners = manners or Manners()
        self.api = ContaAzulApi(
            oauth=self.oauth,
            limits=self.limits,
            switches=self.switches,
            calls=self.calls,
            hooks=self.hooks,
            manners=self.manners,
            is_retired=is_retired,
            latency_seconds=latency_seconds,
        )
        for company in companies:
            self.add(company)
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "page", "account"))
        routes = [Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *self.api.routes]
        self.server = BackgroundServer(Starlette(routes=routes))

    def listening(self, origin: str) -> None:
        """Say where the server listens."""
        self.origin = self.auth_url = origin
        self.url = f"{origin}{BASE}"

    @property
    def account(self) -> ContaAzulAccount:
        """The first account."""
        return self.oauth.accounts[0]

    @property
    def accounts(self) -> list[ContaAzulAccount]:
        return self.oauth.accounts

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

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        page: int | None = None,
        account: str | None = None,
    ) -> None:
        """Switch a fault of `contaazul_faults.py` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit. It hits one page of a list and one account only, if
        they are given. Raises ValueError for an unknown name.
        """
        self.switches.add(name, times, after=after, row=faults.row(account, page))

    def before(self, method: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call of a method from now on, counted from 1."""
        self.hooks.add(method, self.calls.arrived(method) + number, action)

    def clear(self) -> None:
        """Switch every fault off, forget hooks, calls and what counts for limits. Tokens stay."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()
        self.limits.clear()
