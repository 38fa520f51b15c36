"""HTTP as every client of this project uses it: verified, with a total deadline, retried where that can help.

Redirects are not followed. No source of ours needs one, the URL may carry its secret in the query, and the
usual redirect leads a lost session to a login page, which would come back as a success.
"""

import contextlib
import ipaddress
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sync_pipelines.lib.failures import PermanentError, from_http_error
from sync_pipelines.lib.http.deadline import Deadline, DeadlineThread
from sync_pipelines.lib.http.tls import tls_context
from sync_pipelines.lib.redaction import safe_url
from sync_pipelines.lib.retry import Backoff, retrying

if TYPE_CHECKING:  # slow to import, and needed only where a request is made
    import httpx
    from tenacity import Retrying


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two reads, and for one whole attempt however slowly bytes trickle."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


class HttpClient:
    """A client of one upstream, called `name` in sentences; settings are named in the errors they can cure.

    `auth` authenticates every request; it may be set later, like that of an httpx client. `sleep`, `clock`
    (monotonic seconds), `now` (aware) and `jitter` (0 to 1) are parameters: tests do not wait. Every error leaves
    as a SyncError whose URL has no query. Use it as a context manager.
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
        auth: "httpx.Auth | None" = None,
        wait_notice_seconds: float = 10.0,
        transport: "httpx.BaseTransport | None" = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        import httpx

        self.auth = auth
        self._name, self._url_setting, self._ca_setting = name, url_setting, ca_setting
        self._timeouts, self._backoff = timeouts or Timeouts(), backoff or Backoff()
        self._wait_notice_seconds, self._deadlines = wait_notice_seconds, DeadlineThread()
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
        """Close the connections."""
        self._client.close()
        self._deadlines.close()

    def abort(self) -> None:
        """End the calls under way, from another thread; each fails as if its connection were lost."""
        self._deadlines.abort()

    def retrying(self) -> "Retrying":
        """Calls an attempt again after a TransientError, as often and as late as this client's backoff says."""
        return retrying(self._backoff, sleep=self._sleep, jitter=self._jitter)

    def _checked(self, url: str, method: str = "GET") -> "tuple[str, httpx.URL]":
        """The request in words, and its URL, which is fit for use."""
        what = self._in_words(method, url)
        return what, check_url(url, what=what, setting=self._url_setting)

    def _in_words(self, method: str, url: str) -> str:
        return f"{self._name} ({method} {safe_url(url)})"

    def _deadline(self, what: str, on_wait: Callable[[float], None] | None = None) -> Deadline:
        return Deadline(
            self._deadlines,
            what,
            clock=self._clock,
            total=self._timeouts.total,
            notice_seconds=self._wait_notice_seconds,
            on_wait=on_wait,
        )

    @contextlib.contextmanager
    def _answering(
        self,
        deadline: Deadline,
        what: str,
        method: str,
        url: "str | httpx.URL",
        headers: Mapping[str, str],
        **sent: Any,
    ) -> Iterator["httpx.Response"]:
        """One request, `sent` as httpx takes it, and its answer before its body; late or cut is a SyncError."""
        import httpx

        request = self._client.build_request(
            method, url, headers=dict(headers), extensions={"trace": deadline.trace}, **sent
        )
        try:
            with (
                deadline,
                contextlib.closing(self._client.send(request, stream=True, auth=self.auth)) as response,
            ):
                deadline.attach(response.extensions.get("network_stream"))
                yield response
        except httpx.HTTPError as error:
            if deadline.is_over():
                raise deadline.error() from None
            if error.request is not request:  # the authentication's own, such as a login
                what = self._in_words(error.request.method, str(error.request.url))
            raise from_http_error(error, what=what, ca_setting=self._ca_setting) from None

    def _whole(
        self,
        what: str,
        method: str,
        url: "str | httpx.URL",
        *,
        headers: Mapping[str, str],
        largest: int,
        **sent: Any,
    ) -> tuple["httpx.Response", bytes]:
        """The answer to one request with its whole body, whatever its status.

        TransientError if none came in time, PermanentError if it has more than `largest` bytes.
        """
        deadline, body = self._deadline(what), bytearray()
        with self._answering(deadline, what, method, url=url, headers=headers, **sent) as response:
            for chunk in response.iter_bytes():
                deadline.received()
                body += chunk
                if len(body) > largest:
                    raise PermanentError(f"{what}: the answer is longer than {largest} bytes.")
        return response, bytes(body)


def check_url(url: str, *, what: str, setting: str) -> "httpx.URL":
    """The URL, parsed. Raises PermanentError for what is no HTTP address, and for http:// that leaves this machine."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise from_http_error(error, what=what) from None
    if not parsed.host or parsed.scheme not in ("http", "https"):
        raise PermanentError(f"{what}: this is not an HTTP address. Check {setting}.")
    if parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise PermanentError(
            f"{what}: http:// is refused, because the request and its secrets would travel in clear. "
            f"Use https:// in {setting}."
        )
    return parsed


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
