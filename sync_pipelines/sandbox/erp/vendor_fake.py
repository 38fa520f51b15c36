"""What every fake ERP has: accounts, the calls that came, faults, hooks, and a server on a free port of this machine.

Companies can change while somebody reads (`before`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. A fake counts calls and writes no key and no token into their record.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from starlette.applications import Starlette
from starlette.routing import Route

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.erp.calls import Calls
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.hooks import Hooks
from sync_pipelines.sandbox.erp.traffic import Traffic
from sync_pipelines.sandbox.faults import FAULTS_PATH, Answers, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served

Account = TypeVar("Account")


class VendorFake(Served, ABC, Generic[Account]):
    """An ERP with an account for each company; `add` opens further ones.

    `clock` gives the seconds by which tokens end and limits count. `latency_seconds` is the time of a call on its way.
    `origin` is where it listens; `url`, to which the paths of calls are added, ends with the version of the API.
    """

    #: The version in the addresses of calls, such as `/v1`.
    base_path: ClassVar[str] = ""

    origin: str

    def __init__(
        self,
        answers: Answers,
        behaviours: Mapping[str, str],
        *,
        clock: Callable[[], float],
        latency_seconds: float,
    ) -> None:
        self.accounts: list[Account] = []
        self.calls = Calls(clock)
        self.switches = Switches(answers, behaviours)
        self.hooks = Hooks()
        self.traffic = Traffic(self.calls, self.switches, hooks=self.hooks, latency_seconds=latency_seconds)

    def _serve(
        self, companies: Iterable[ErpCompany], routes: Sequence[Route], *, redirects_slashes: bool = True
    ) -> None:
        """Open the first accounts and make the server of the vendor's routes."""
        for company in companies:
            self.add(company)
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "page", "account"))
        application = Starlette(
            routes=[Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *routes]
        )
        application.router.redirect_slashes = redirects_slashes
        self.server = BackgroundServer(application)

    def listening(self, origin: str) -> None:
        self.origin = origin
        self.url = f"{origin}{self.base_path}"

    @abstractmethod
    def add(self, company: ErpCompany) -> Account:
        """Open an account; calls and faults know it by its name."""

    @property
    def account(self) -> Account:
        """The first account."""
        return self.accounts[0]

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        page: int | None = None,
        account: str | None = None,
    ) -> None:
        """Switch a fault of the vendor's on: until `clear`, or for so many calls.

        It skips the first `after` calls that it could have hit: `ListarNF_fault` with `after=2` is the third call. It
        hits one page of a list, counted from 1 (or one number of a detail), and one account only, if they are given.
        Raises ValueError for an unknown name.
        """
        self.switches.add(name, times, after=after, row=faults.row(account, page))

    def before(self, method: str, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call of a method from now on, counted from 1."""
        self.hooks.add(method, self.calls.arrived(method) + number, action)

    def clear(self) -> None:
        """Switch every fault off, forget hooks, calls and what counts for limits. Accounts and tokens stay."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()
