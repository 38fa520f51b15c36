"""OAuth tokens of a connection whose refresh tokens rotate (contract of the ERPs, sections 5 and 6).

One refresh at a time for each connection, in whatever process: the row is locked and read again first, because another
worker may have refreshed meanwhile. A new pair is committed before it is used.
"""

from __future__ import annotations

import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from sync_pipelines.erp.connections.credentials import Credentials, milliseconds
from sync_pipelines.erp.connections.token_row import StoredTokens, TokenRow, locked_row
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    UnreachedError,
    from_http_status,
)
from sync_pipelines.lib.http.budget import Budget, Window
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.redaction import register
from sync_pipelines.lib.retry import Backoff

#: A token that ends within this time is refreshed before it is used.
_EARLY = timedelta(minutes=5)
#: Whoever interrupts a run waits for the end of a refresh.
_LIMITS = Timeouts(connect=10.0, read=20.0, total=30.0)
_BACKOFF = Backoff(attempts=3, first=2.0, longest=10.0)
#: What a person does about a token that cannot be refreshed.
CONNECT = "Connect the account again in the application."
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenEndpoint:
    """Where a vendor's tokens are refreshed; the names are those of the credentials."""

    vendor: str
    url: str
    url_setting: str
    windows: tuple[Window, ...]
    #: For how long nobody asks after a throttled answer that does not say it.
    blocked_seconds: float = 60.0
    client_id: str = "client_id"
    client_secret: str = "client_secret"  # noqa: S105 - its name

    def judge(self, answer: JsonAnswer) -> SyncError | None:
        """The error that an answer means (RFC 6749, section 5.2; Bling puts its `error` into an object)."""
        body = answer.body if isinstance(answer.body, Mapping) else {}
        error = body.get("error")
        word = str(error.get("type") if isinstance(error, Mapping) else error or "").casefold()
        if word in {"invalid_client", "unauthorized_client"}:
            return RefusedError(
                f"{self.vendor} does not accept {self.client_id} and {self.client_secret} ({word})."
                f" Correct them, or: {CONNECT}",
                answer.status,
            )
        if word == "invalid_grant":
            return InvalidGrantError(
                f"{self.vendor} does not accept the refresh token any more (invalid_grant). {CONNECT}",
                answer.status,
            )
        # A gateway that refuses an address says nothing of the credentials.
        if answer.status == 429 or word == "too_many_requests" or (answer.status in {401, 403} and not word):
            wait = answer.retry_after or self.blocked_seconds
            sentence = f"{self.vendor} takes no token calls for a while ({answer.status})."
            return ThrottledError(sentence, retry_after=wait)
        if answer.status not in {200, 201}:
            what = f"{self.vendor} (token)"
            return from_http_status(
                answer.status, what=what, retry_after=answer.retry_after, setting=self.url_setting
            )
        token = body.get("access_token")
        if not isinstance(token, str) or not _is_token(token):
            return TransientError(f"{self.vendor} answered the refresh with something that holds no token.")
        register(token)
        if isinstance(refresh := body.get("refresh_token"), str):
            register(refresh)
        return None


class InvalidGrantError(RefusedError):
    """The vendor does not accept the refresh token."""


@dataclass(frozen=True)
class _Grant:
    """A new pair, not stored yet, and what was stored when it was asked for."""

    used: StoredTokens
    changes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class ConnectionTokens:
    """Where the tokens of one connection are stored, and how they are refreshed. `what` names it in errors."""

    connection_id: UUID
    what: str
    endpoint: TokenEndpoint
    #: Of the application's database, and of the ops database, which has the budget of token calls.
    url: str = field(repr=False)
    ops_url: str = field(repr=False)
    #: ERP_CREDENTIALS_KEY.
    key: str | None = field(repr=False)
    party: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Of JsonClient and of Budget, such as a test's transport and sleep.
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    budget_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def is_ending(self, credentials: Credentials) -> bool:
        """Whether the access token is about to end, as far as the row says."""
        ends = credentials.expires_at
        return ends is not None and ends - _EARLY <= self.clock()

    def can_refresh(self, credentials: Credentials) -> bool:
        return not self._missing(credentials)

    def refreshed(self, refused: str | None) -> Credentials:
        """Credentials with an access token that is not `refused` and not about to end, as they are stored.

        Raises RefusedError if a person has to connect the account again, TransientError if a later try may succeed.
        """
        # In a thread of its own, whose end is waited for: a signal in the main thread must not come between the
        # vendor's answer and its commit.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="token") as pool:
            return pool.submit(self._refreshed, refused).result()

    def _refreshed(self, refused: str | None) -> Credentials:
        sleep = self.options.get("sleep", time.sleep)
        with (
            locked_row(self.url, self.connection_id, key=self.key, what=self.what, sleep=sleep) as row,
            self._client() as http,
        ):
            found = http.retrying()(self._grant, row, http, refused)
            if isinstance(found, Credentials):
                return found
            # Not within the retries: from now on the vendor refuses the token that is stored.
            stored = row.store(found.used, found.changes)
        logger.info("%s: the access token was refreshed.", self.what)
        return stored

    @contextmanager
    def _client(self) -> Iterator[JsonClient]:
        endpoint, options = self.endpoint, {"timeouts": _LIMITS, "backoff": _BACKOFF, **self.options}
        budget_options = {"name": f"{endpoint.vendor} (token)", **self.budget_options}
        with (
            Budget(self.ops_url, endpoint.windows, party=f"{self.party}:token", **budget_options) as budget,
            JsonClient(
                name=endpoint.vendor,
                url_setting=endpoint.url_setting,
                judge=endpoint.judge,
                budget=budget,
                **options,
            ) as http,
        ):
            yield http

    def _grant(self, row: TokenRow, http: JsonClient, refused: str | None) -> Credentials | _Grant:
        """A new pair; or what is stored, if another worker refreshed it meanwhile."""
        used = row.read()
        if self._is_fresh(used.credentials, refused):
            return used.credentials
        if missing := self._missing(used.credentials):
            raise RefusedError(
                f"{self.what}: the access token has ended, and without {' and '.join(missing)} no other one can be"
                f" obtained. {CONNECT}",
                401,
            )
        now = self.clock()
        row.begin(used, used.interrupted_at or now.isoformat(timespec="seconds"))
        try:
            return _Grant(used, _changes(self._ask(http, used.credentials), now))
        except RefusedError as error:
            self._after_refusal(row, used, error=error)
        except (PermanentError, UnreachedError):
            row.restore(used)
            raise

    def _ask(self, http: JsonClient, credentials: Credentials) -> Mapping[str, Any]:
        endpoint = self.endpoint
        pair = f"{credentials.text(endpoint.client_id)}:{credentials.text(endpoint.client_secret)}"
        basic = b64encode(pair.encode()).decode()
        register(basic)
        fields = {"grant_type": "refresh_token", "refresh_token": credentials.text("refresh_token") or ""}
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        answer = http.post_form(endpoint.url, fields, headers=headers)
        assert isinstance(answer.body, Mapping)  # the judge saw it
        return answer.body

    def _after_refusal(self, row: TokenRow, used: StoredTokens, *, error: RefusedError) -> NoReturn:
        if row.read().refresh_token != used.refresh_token:
            # Whoever does not know our lock, such as the application, has refreshed with the same token.
            raise TransientError(f"{self.what}: the tokens were replaced during a refresh.") from None
        row.restore(used)
        if used.interrupted_at and isinstance(error, InvalidGrantError):
            raise InvalidGrantError(
                f"{self.what}: a refresh of the token began at {used.interrupted_at} and was interrupted before its"
                f" answer was stored, and {self.endpoint.vendor} does not accept the old token any more. {CONNECT}",
                error.status,
            ) from None
        raise type(error)(f"{self.what}: {error}", error.status) from None

    def _is_fresh(self, credentials: Credentials, refused: str | None) -> bool:
        token = credentials.text("access_token")
        return token is not None and token != refused and not self.is_ending(credentials)

    def _missing(self, credentials: Credentials) -> Sequence[str]:
        names = ("refresh_token", self.endpoint.client_id, self.endpoint.client_secret)
        return [name for name in names if credentials.text(name) is None]


class BearerToken:
    """The access token of one connection, for the threads of a sync."""

    def __init__(self, credentials: Credentials, tokens: ConnectionTokens) -> None:
        self._credentials, self._tokens = credentials, tokens
        self._lock = threading.Lock()
        self._refused: RefusedError | None = None

    def value(self) -> str:
        """The token to call with. One that is about to end is refreshed first, where that is possible."""
        with self._lock:
            self._check()
            if self._tokens.is_ending(self._credentials) and self._tokens.can_refresh(self._credentials):
                self._renew(None)
            elif not _is_token(self._token):  # cut, or pasted with something else
                self._renew(self._token)
            return self._token

    def renewed(self, refused: str) -> str:
        """Another token than the one that the vendor refused. Raises SyncError if there is none."""
        with self._lock:
            self._check()
            if self._token == refused:
                self._renew(refused)
            return self._token

    @property
    def _token(self) -> str:
        return self._credentials.text("access_token") or ""

    def _check(self) -> None:
        if self._refused is not None:
            raise self._refused

    def _renew(self, refused: str | None) -> None:
        try:
            self._credentials = self._tokens.refreshed(refused)
        except RefusedError as error:
            self._refused = error  # the other threads need not find out as well
            raise


def _changes(answer: Mapping[str, Any], asked_at: datetime) -> Mapping[str, Any]:
    """What the row is to hold after a refresh; a vendor that sends no new refresh token keeps the old one."""
    refresh = answer.get("refresh_token")
    kept = {"refresh_token": refresh} if isinstance(refresh, str) and _is_token(refresh) else {}
    return {"access_token": answer["access_token"], **kept, "expires_at": _end(answer, asked_at)}


def _end(answer: Mapping[str, Any], asked_at: datetime) -> int | None:
    """In milliseconds; None where the vendor does not say how long the token lasts."""
    text = str(answer.get("expires_in") or "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return milliseconds(asked_at + timedelta(seconds=int(text)))


def _is_token(text: str) -> bool:
    """Whether a header can carry it."""
    return bool(text) and all("!" <= char <= "~" for char in text)
