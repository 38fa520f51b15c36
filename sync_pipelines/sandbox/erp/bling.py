"""Bling on sockets: `with BlingFake(company) as bling:` serves accounts (contract of the ERPs, section 5).

Companies can change while somebody reads (`before`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. It counts calls and writes no token into their record.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import time
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.erp.bling_api import BASE, BlingApi
from sync_pipelines.sandbox.erp.bling_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.bling_files import Addresses
from sync_pipelines.sandbox.erp.bling_limits import BlingLimits, BlingRules
from sync_pipelines.sandbox.erp.calls import Calls
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.oauth import SCOPES, BlingAccount, OAuth
from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served


class BlingFake(Served):
    """Bling with an account for each company; `add` opens further ones.

    `clock` gives the seconds since 1970 by which tokens end and limits count. With `key_in_list` the list of invoices
    has the access key, as the vendor's OpenAPI says. `default_direction` is the `tipo` of a list that asks for none:
    the OpenAPI says 1 (out). `kept` is a file in which the tokens outlive the process. A second port of this machine
    stands for a foreign host: links of faults lead there, and `foreign_calls` are the requests that it got.
    """

    def __init__(
        self,
        *companies: ErpCompany,
        rules: BlingRules | None = None,
        clock: Callable[[], float] = time,
        key_in_list: bool = True,
        default_direction: str | None = "1",
        keeps_used_refresh_tokens: bool = False,
        kept: Path | None = None,
        latency_seconds: float = 0.0,
    ) -> None:
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.limits = BlingLimits(rules or BlingRules())
        self.oauth: OAuth[BlingAccount] = OAuth(clock, kept=kept, keeps_used=keeps_used_refresh_tokens)
        self.addresses = Addresses()
        self.foreign_calls: list[str] = []
        self.api = BlingApi(
            oauth=self.oauth,
            limits=self.limits,
            switches=self.switches,
            calls=self.calls,
            hooks=self.hooks,
            addresses=self.addresses,
            key_in_list=key_in_list,
            default_direction=default_direction,
            latency_seconds=latency_seconds,
        )
        for company in companies:
            self.add(company)
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "page", "account"))
        routes = [Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *self.api.routes]
        self.server = BackgroundServer(Starlette(routes=routes))
        self._ended = ExitStack()
        self._foreign = Starlette(routes=[Route("/{path:path}", self._foreign_file)])
        self._other: BackgroundServer | None = None
        self._is_entered = False

    def __enter__(self) -> Self:
        self._is_entered = True
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.close()
        super().__exit__(kind, error, trace)

    def listening(self, origin: str) -> None:
        """Say where the server listens: links to XML files lead there."""
        self.addresses.origin = self.origin = origin
        self.url = self.auth_url = f"{origin}{BASE}"

    @property
    def account(self) -> BlingAccount:
        """The first account."""
        return self.oauth.accounts[0]

    @property
    def accounts(self) -> list[BlingAccount]:
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
        scopes: tuple[str, ...] = SCOPES,
    ) -> BlingAccount:
        """Open an account; its name, by which calls and faults know it, is `bling-1` and so on unless given.

        Without a refresh token it gets a first pair. A given pair is valid from now on, unless the file of tokens
        knows the account already; a refresh token alone is that of an account whose access token has expired.
        """
        account = BlingAccount(
            name=name or f"bling-{len(self.accounts) + 1}",
            company=company,
            client_id=client_id or secrets.token_hex(20),
            client_secret=client_secret or secrets.token_hex(30),
            scopes=scopes,
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
        """Switch a fault of `bling_faults.py` on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit: `invoices_server_error` with `after=2` is the third
        call. It hits one page of a list (or one id) and one account only, if they are given. Raises ValueError for an
        unknown name.
        """
        if name.endswith("other_port"):
            self._open_other_port()
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
        self.foreign_calls.clear()

    def _open_other_port(self) -> None:
        """Only in a test, where somebody ends it; a process of the demo has none, and the port is closed."""
        if self._other is None and self._is_entered:
            self._other = self._ended.enter_context(BackgroundServer(self._foreign))
            self.addresses.other_port = int(self._other.url.rpartition(":")[2])

    async def _foreign_file(self, request: Request) -> Response:
        self.foreign_calls.append(request.url.path)
        return Response("<nfeProc/>", media_type="text/xml")
