"""HTTP as every client of this house uses it: verified, in time, tried again where that can help.

Redirects are not followed. No source of ours needs one, the URL may carry its secret in the query, and the
usual redirect is a lost session on its way to a login page, which would come back as a success.
"""

import contextlib
import ipaddress
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from sync_pipelines.lib.failures import (
    PermanentError,
    TransientError,
    from_http_error,
)
from sync_pipelines.lib.http.deadline import Watch, Watchman
from sync_pipelines.lib.http.tls import tls_context
from sync_pipelines.lib.redaction import safe_url

if TYPE_CHECKING:  # slow to import, and needed only where a request is made
    import httpx

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two reads, and for one whole attempt however slowly bytes trickle."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


@dataclass(frozen=True)
class Backoff:
    """How often, and how long between: doubling from `first`, plus up to a quarter, up to `longest` seconds.

    A Retry-After is honoured up to `patience` seconds; beyond it the error goes to the caller at once.
    """

    attempts: int = 3
    first: float = 1.0
    longest: float = 30.0
    patience: float = 120.0


class HttpClient:
    """A client of one upstream, called `name` in sentences; settings are named in the errors they can cure.

    `sleep`, `clock` (monotonic seconds), `now` (aware) and `jitter` (0 to 1) are parameters: tests do not
    wait. Every error leaves as a SyncError whose URL has no query. Use it as a context manager.
    """

    def __init__(
        self,
        *,
        name: str = "The server",
        url_setting: str = "the URL",
        ca_bundle: Path | None = None,
        ca_setting: str = "the CA bundle setting",
        timeouts: Timeouts | None = None,
        backoff: Backoff | None = None,
        wait_notice_seconds: float = 10.0,
        transport: "httpx.BaseTransport | None" = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        import httpx

        self._name, self._url_setting, self._ca_setting = name, url_setting, ca_setting
        self._timeouts, self._backoff = timeouts or Timeouts(), backoff or Backoff()
        self._wait_notice_seconds, self._watchman = wait_notice_seconds, Watchman()
        self._sleep, self._clock, self._now, self._jitter = sleep, clock, now, jitter
        read, connect = min(self._timeouts.read, self._timeouts.total), self._timeouts.connect
        self._client = httpx.Client(
            verify=tls_context(ca_bundle, ca_setting) if transport is None else True,
            transport=transport,
            follow_redirects=False,
            timeout=httpx.Timeout(read, connect=connect, pool=connect),
            # Plain HTTP is allowed to this machine only, so it must not leave it through a proxy.
            mounts={f"all://{host}": transport for host in ("localhost", "127.0.0.1", "[::1]")},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()
        self._watchman.close()

    def retrying(self) -> Retrying:
        """Calls an attempt again after a TransientError, as often and as late as this client's backoff says."""
        return Retrying(
            sleep=self._sleep,
            stop=stop_after_attempt(self._backoff.attempts),
            wait=self._pause,
            retry=retry_if_exception(self._is_worth_another_try),
            before_sleep=self._announce,
            reraise=True,
        )

    def _checked(self, url: str, method: str = "GET") -> str:
        """The request in words, once its URL is known to be fit for use."""
        import httpx

        what = f"{self._name} ({method} {safe_url(url)})"
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise from_http_error(error, what=what) from None
        if not parsed.host or parsed.scheme not in ("http", "https"):
            raise PermanentError(f"{what}: this is not an HTTP address. Check {self._url_setting}.")
        if parsed.scheme == "http" and not _is_loopback(parsed.host):
            raise PermanentError(
                f"{what}: http:// is refused, because the request and its secrets would travel in clear. "
                f"Use https:// in {self._url_setting}."
            )
        return what

    def _watch(self, what: str, on_wait: Callable[[float], None] | None = None) -> Watch:
        return Watch(
            *(self._watchman, what, self._clock, self._timeouts.total, self._wait_notice_seconds, on_wait)
        )

    @contextlib.contextmanager
    def _answering(
        self, watch: Watch, what: str, method: str, url: str, headers: Mapping[str, str], **sent: Any
    ) -> Iterator["httpx.Response"]:
        """One request, `sent` as httpx takes it, and its answer as it begins to come; late or cut is a SyncError."""
        import httpx

        request = self._client.build_request(
            method, url, headers=dict(headers), extensions={"trace": watch.trace}, **sent
        )
        try:
            with watch, contextlib.closing(self._client.send(request, stream=True)) as response:
                watch.hold(response.extensions.get("network_stream"))
                yield response
        except httpx.HTTPError as error:
            if watch.is_late():
                raise watch.lateness() from None
            raise from_http_error(error, what=what, ca_setting=self._ca_setting) from None

    def _whole(
        self, what: str, method: str, url: str, *, headers: Mapping[str, str], largest: int, **sent: Any
    ) -> tuple["httpx.Response", bytes]:
        """The answer to one request with its whole body, whatever its status.

        TransientError when none came in time, PermanentError when it has more than `largest` bytes.
        """
        watch, body = self._watch(what), bytearray()
        with self._answering(watch, what, method, url=url, headers=headers, **sent) as response:
            for chunk in response.iter_bytes():
                watch.tick()
                body += chunk
                if len(body) > largest:
                    raise PermanentError(f"{what}: the answer is longer than {largest} bytes.")
        return response, bytes(body)

    def _is_worth_another_try(self, error: BaseException) -> bool:
        return isinstance(error, TransientError) and (error.retry_after or 0.0) <= self._backoff.patience

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        grown: float = self._backoff.first * 2 ** (state.attempt_number - 1) * (1 + self._jitter() / 4)
        return max(min(grown, self._backoff.longest), asked or 0.0)

    def _announce(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        further = f"attempt {state.attempt_number + 1} of {self._backoff.attempts}"
        _log.warning("%s Trying again in %.0f s (%s).", error, pause, further)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
