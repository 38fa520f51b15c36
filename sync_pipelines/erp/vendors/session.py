"""The calls of one account of a vendor: judged, retried, within its limits, ended when the run ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import Credentials
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.budget import VendorBudget
from sync_pipelines.erp.vendors.limits import Limits, digest
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import (
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    UnreachedError,
)
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient, Judge
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.settings.erp import ErpSettings

if TYPE_CHECKING:  # slow to import, and needed only where a request is made
    import httpx


#: Seconds after a throttled answer that does not say how long.
THROTTLED = 60.0
#: Seconds of a wait that a vendor can ask for: a number beyond it is a slip, and may be beyond any date.
LONGEST_WAIT = 86_400.0


class BlockedError(ThrottledError):
    """The vendor blocked the account. Any call may extend the block, so the sync of the account ends at once."""


def is_error_status(answer: JsonAnswer) -> bool:
    """Whether an answer counts as an error by its status."""
    return answer.status >= 400


@dataclass(frozen=True)
class VendorSpec:
    """What is to be known of a vendor before it is called; its file makes it, `registry` lists it."""

    #: Its value of the enum `erp_type`.
    erp_type: str
    #: As a person writes it.
    name: str
    #: The setting of its address, such as `omie_url`, and the path that is added where that names a host alone.
    url_setting: str
    version_path: str
    limits: Limits
    judge: Judge
    open: Callable[[Opening], Vendor]
    #: Modules that are not established for the vendor, each with the sentence in Portuguese that its sync says.
    unserved: Mapping[Module, str] = field(default_factory=dict)
    #: Whether its list of invoices has every number of a series; else a gap is no sign of a missing invoice, and one
    #: that vanished may have been cancelled.
    lists_all_numbers: bool = True
    #: The limits of the account's plan, where an answer says them: they take the place of `limits`.
    plan_limits: Callable[[JsonAnswer], Limits | None] = lambda _answer: None
    #: Which answers the vendor counts against its limit of errors.
    is_error: Callable[[JsonAnswer], bool] = is_error_status
    #: Which answers came from where the vendor remembers requests, and not from a gateway before it.
    is_remembered: Callable[[JsonAnswer], bool] = lambda _answer: True
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=10.0, read=60.0, total=120.0))
    backoff: Backoff = field(
        default_factory=lambda: Backoff(attempts=4, first=1.0, longest=30.0, patience=120.0)
    )
    #: Bytes of an answer.
    largest: int = 32 << 20

    def base_url(self, settings: ErpSettings) -> str:
        """Where its calls begin, without a slash at the end."""
        url = settings.require(self.url_setting).rstrip("/")
        return url if urlsplit(url).path else f"{url}{self.version_path}"


@dataclass(frozen=True)
class Call:
    """One call: `request` is what makes two calls the same one; nothing secret is needed in it."""

    method: str
    path: str
    request: str
    send: Callable[[JsonClient], JsonAnswer] = field(repr=False)


@dataclass
class _Tries:
    """How often a call was made, and how often in vain: the vendor does not know that it was."""

    made: int = 0
    unseen: int = 0


@dataclass
class VendorSession:
    """One account. Threads may share it."""

    spec: VendorSpec
    base_url: str
    http: JsonClient
    budget: VendorBudget
    cancellation: Cancellation = field(default_factory=Cancellation)
    #: For the moment that an error names.
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Why the account is not called any more: refused credentials, or a block.
    stopped: SyncError | None = None

    def __post_init__(self) -> None:
        self._slots: dict[str, BoundedSemaphore] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def calls(self) -> int:
        return self.budget.calls

    @property
    def waited(self) -> float:
        return self.budget.waited

    def get(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | list[str]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> JsonAnswer:
        """GET `path` of the base address. `method` is the vendor's name of the call, for its limits."""
        tail = urlencode(query or {}, doseq=True)
        url = f"{self.base_url}/{path}" + (f"?{tail}" if tail else "")
        return self.call(Call(method, path, tail, send=lambda http: http.get_json(url, headers=headers)))

    def post(self, method: str, path: str, body: Mapping[str, Any], *, request: object) -> JsonAnswer:
        """POST `body`. `request` is the part of it that two calls of the account may differ by."""
        url = f"{self.base_url}/{path}"
        same = json.dumps(request, sort_keys=True, default=str)
        return self.call(Call(method, path, same, send=lambda http: http.post_json(url, body)))

    def call(self, call: Call) -> JsonAnswer:
        """Make a call, again after a TransientError. Raises SyncError."""
        tries = _Tries()

        def attempt() -> JsonAnswer | SyncError:
            try:
                return self._once(call, tries)
            except (BlockedError, RefusedError) as error:
                return error  # returned, not raised: a block is not tried again, however short it is

        answer = self.http.retrying()(attempt)
        if isinstance(answer, SyncError):
            raise answer
        return answer

    def stop(self) -> None:
        """End the calls under way and their waits, each with an error: the run is over."""
        self.cancellation.cancel()

    def close(self) -> None:
        """End what is open."""
        self.stop()
        self.budget.close()
        self.http.close()

    def _once(self, call: Call, tries: _Tries) -> JsonAnswer:
        with self._slot(call.method):
            self.cancellation.check()
            if self.stopped is not None:
                raise self.stopped
            request = digest(call.path, call.request)
            self.budget.wait(call.method, request, tries=tries.made, unseen=tries.unseen)
            self.cancellation.check()
            tries.made += 1
            try:
                answer = call.send(self.http)
            except UnreachedError:
                tries.unseen += 1
                raise
        self.budget.limits = self.spec.plan_limits(answer) or self.budget.limits
        problem = self.spec.judge(answer)
        left_alone = self.budget.failed(call.method) if self.spec.is_error(answer) else 0.0
        if problem is None:
            return answer
        tries.unseen += not self.spec.is_remembered(answer)
        raise self._error(call.method, problem, left_alone)

    def _error(self, method: str, problem: SyncError, left_alone: float) -> SyncError:
        """The error of an answer, once everybody who shares the account keeps to what it asks for."""
        name = self.spec.name
        if isinstance(problem, TransientError) and problem.retry_after is not None:
            problem.retry_after = min(problem.retry_after, LONGEST_WAIT)
        if isinstance(problem, BlockedError):
            seconds = problem.retry_after or 0.0
            self.budget.block_account(seconds)
            sentence = f"{problem} Blocked until {self._in(seconds)}."
            self.stopped = BlockedError(sentence, retry_after=seconds)
            return self.stopped
        if isinstance(problem, RefusedError):
            # What is not allowed to the account (403) says nothing about other methods.
            self.stopped = problem if problem.status != 403 else self.stopped
            return problem
        if left_alone > 0 and isinstance(problem, TransientError):
            sentence = (
                f"{name}: one more error of {method} would block it; no call until {self._in(left_alone)}."
            )
            return ThrottledError(f"{problem} {sentence}", retry_after=left_alone)
        if isinstance(problem, ThrottledError):
            self.budget.block_method(method, problem.retry_after or THROTTLED)
        return problem

    def _in(self, seconds: float) -> str:
        return f"{self.clock() + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S %Z}"

    def _slot(self, method: str) -> BoundedSemaphore:
        with self._lock:
            return self._slots.setdefault(method, BoundedSemaphore(self.spec.limits.at_once(method)))


@dataclass
class SessionVendor:
    """What the vendors have in common whose calls are all those of a session."""

    session: VendorSession

    @property
    def calls(self) -> int:
        return self.session.calls

    @property
    def waited(self) -> float:
        return self.session.waited

    def close(self) -> None:
        """End what is open."""
        self.session.close()


@dataclass(frozen=True)
class Opening:
    """What a vendor's file gets to open an account."""

    spec: VendorSpec
    connection: ErpConnection
    credentials: Credentials
    settings: ErpSettings
    #: Of JsonClient, and of the budget: see VendorAccess.
    options: Mapping[str, Any] = field(default_factory=dict)
    budget_options: Mapping[str, Any] = field(default_factory=dict)
    #: Ends its calls.
    within: Cancellation | None = None

    def session(self, account: str, *, auth: httpx.Auth | None = None) -> VendorSession:
        """A session whose calls count against the limits of `account`: what the vendor knows the account by.

        Raises SettingsError if the vendor's address or the ops database is not set.
        """
        spec, cancellation = self.spec, Cancellation(self.within)
        base_url = spec.base_url(self.settings)
        http = JsonClient(
            name=spec.name,
            url_setting=spec.url_setting.upper(),
            auth=auth,
            exact=True,
            largest=spec.largest,
            **{
                "timeouts": spec.timeouts,
                "backoff": spec.backoff,
                "sleep": cancellation.sleep,
                **self.options,
            },
        )
        budget = VendorBudget(
            self.settings.ops_url,
            spec.limits,
            account=digest(base_url, account),
            party=self.connection.key,
            name=spec.name,
            **{"patience": spec.backoff.patience, "sleep": cancellation.sleep, **self.budget_options},
        )
        cancellation.on_cancel(http.abort)
        clock = self.budget_options.get("clock") or (lambda: datetime.now(UTC))
        return VendorSession(spec, base_url, http=http, budget=budget, cancellation=cancellation, clock=clock)
