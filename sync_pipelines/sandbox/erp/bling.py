"""Bling on sockets: `with BlingFake(company) as bling:` serves accounts (contract of the ERPs, section 5).

The names of its faults are in `bling_faults.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import time
from types import TracebackType
from typing import ClassVar, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_pipelines.sandbox.erp.bling_api import BASE, BlingApi
from sync_pipelines.sandbox.erp.bling_faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.erp.bling_files import Addresses
from sync_pipelines.sandbox.erp.bling_limits import BlingLimits, BlingRules
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.oauth import SCOPES, BlingAccount, OAuth
from sync_pipelines.sandbox.erp.vendor_fake import VendorFake
from sync_pipelines.sandbox.servers import BackgroundServer


class BlingFake(VendorFake[BlingAccount]):
    """Bling. With `key_in_list` the list of invoices has the access key, as the vendor's OpenAPI says.

    `default_direction` is the `tipo` of a list that asks for none: the OpenAPI says 1 (out). `kept` is a file in which
    the tokens outlive the process. A second port of this machine stands for a foreign host: links of faults lead there,
    and `foreign_calls` are the requests that it got.
    """

    base_path: ClassVar[str] = BASE

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
        super().__init__(ANSWERS, BEHAVIOURS, clock=clock, latency_seconds=latency_seconds)
        self.limits = BlingLimits(rules or BlingRules())
        self.oauth: OAuth[BlingAccount] = OAuth(clock, kept=kept, keeps_used=keeps_used_refresh_tokens)
        self.accounts = self.oauth.accounts
        self.addresses = Addresses()
        self.foreign_calls: list[str] = []
        self.api = BlingApi(
            self.oauth,
            self.limits,
            traffic=self.traffic,
            addresses=self.addresses,
            key_in_list=key_in_list,
            default_direction=default_direction,
        )
        self._serve(companies, self.api.routes)
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
        super().listening(origin)
        self.auth_url = self.url
        # Links to XML files lead there.
        self.addresses.origin = origin

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
        if name.endswith("other_port"):
            self._open_other_port()
        super().fail(name, times, after=after, page=page, account=account)

    def clear(self) -> None:
        super().clear()
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
