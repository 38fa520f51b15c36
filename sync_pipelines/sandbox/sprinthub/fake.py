"""The CRM on a socket: `with SprinthubFake() as crm:` serves a tenant on a free port (contract of SprintHub).

Its tenant can change while somebody reads (`before_page`); faults are switched by `fail`, or while it runs by
`POST /_sandbox/faults`. It counts calls and never keeps a token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import monotonic
from typing import Literal

from starlette.applications import Starlette
from starlette.routing import Route

from sync_pipelines.sandbox.faults import FAULTS_PATH, Switches, faults_endpoint
from sync_pipelines.sandbox.servers import BackgroundServer, Served
from sync_pipelines.sandbox.sprinthub.api import Api
from sync_pipelines.sandbox.sprinthub.calls import Calls
from sync_pipelines.sandbox.sprinthub.faults import ANSWERS, BEHAVIOURS
from sync_pipelines.sandbox.sprinthub.hooks import Hooks
from sync_pipelines.sandbox.sprinthub.tenant import Tenant
from sync_pipelines.sandbox.sprinthub.throttle import Throttle
from sync_pipelines.sandbox.sprinthub.truth import Truth, truth_of

INSTANCE = "exemplo"


class SprinthubFake(Served):
    """A CRM with one tenant, which is empty until its segments are added.

    `rate_per_minute` calls may be made in any 60 seconds of `clock`; None: as many as one likes. `max_limit` is the
    largest page. `latency_seconds` is the time of a call on its way.
    """

    def __init__(
        self,
        tenant: Tenant | None = None,
        *,
        token: str | None = None,
        instance: str = INSTANCE,
        rate_per_minute: int | None = None,
        throttle_status: Literal[401, 429] = 401,
        clock: Callable[[], float] = monotonic,
        max_limit: int = 1000,
        latency_seconds: float = 0.0,
    ) -> None:
        self.token = token or f"token-{secrets.token_hex(16)}"
        self.instance = instance
        self.tenant = tenant or Tenant()
        self.calls = Calls(clock)
        self.switches = Switches(ANSWERS, BEHAVIOURS)
        self.hooks = Hooks()
        self.throttle = Throttle(rate_per_minute, clock)
        self.api = Api(
            tenant=self.tenant,
            token=self.token,
            instance=instance,
            throttle=self.throttle,
            switches=self.switches,
            calls=self.calls,
            hooks=self.hooks,
            throttle_status=throttle_status,
            max_limit=max_limit,
            latency_seconds=latency_seconds,
        )
        switchboard = faults_endpoint(self.switches, self.fail, options=("times", "after", "lead", "page"))
        routes = [Route(FAULTS_PATH, switchboard, methods=["GET", "POST", "DELETE"]), *self.api.routes]
        self.server = BackgroundServer(Starlette(routes=routes))

    def fail(
        self,
        name: str,
        times: int | None = None,
        *,
        after: int = 0,
        lead: int | None = None,
        page: int | None = None,
    ) -> None:
        """Switch a fault of `faults.py` on: until `clear`, or for so many calls, of one lead or page if given.

        It skips the first `after` calls that it could have hit. Raises ValueError for an unknown name.
        """
        self.switches.add(name, times, after=after, row=page if lead is None else lead)

    def clear(self) -> None:
        """Switch every fault off, forget hooks and calls."""
        self.switches.clear()
        self.hooks.clear()
        self.calls.clear()

    def before_page(self, page: int, action: Callable[[], object], *, segment: int | None = None) -> None:
        """Do something once, before the next answer to a request for this page (of this segment)."""
        self.hooks.before_page(page, action, segment=segment)

    def before_detail(self, number: int, action: Callable[[], object]) -> None:
        """Do something before the detail is answered that is the `number`-th from now on, counted from 1."""
        self.hooks.before_detail(self.calls.count("detail") + number, action)

    def truth(self, lead_id: int) -> Truth:
        """What the destination must hold of a lead now."""
        return truth_of(self.tenant.detail(lead_id))
