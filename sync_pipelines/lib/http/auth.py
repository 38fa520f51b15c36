"""Authentication of a client's requests, by httpx's own hook (`httpx.Auth`).

This module imports httpx: import it where a client is made. An OAuth token with a refresh belongs here as well.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from sync_pipelines.lib.failures import PermanentError, from_http_status
from sync_pipelines.lib.http.client import check_url
from sync_pipelines.lib.http.json import LARGEST_ANSWER, JsonAnswer, JsonClient, json_answer
from sync_pipelines.lib.redaction import register

_TOKEN = re.compile(r"[!-~]+")


def basic_auth(username: str, password: str) -> httpx.BasicAuth:
    """HTTP Basic; the redactor learns the header, from which anybody can read the password."""
    register(b64encode(f"{username}:{password}".encode()).decode())
    return httpx.BasicAuth(username, password)


@dataclass(frozen=True)
class Login:
    """Where a token is obtained: `body` is posted to `url`, and the answer holds the token under `token_field`.

    `name` and the settings are those of its error sentences.
    """

    url: str
    body: Mapping[str, str] = field(repr=False)
    name: str
    url_setting: str
    credentials_setting: str
    token_field: str = "token"  # noqa: S105, it is the name of a field

    def check(self, client: JsonClient) -> None:
        """Log in and drop the token. Raises SyncError if the login is not accepted."""
        self.token(client.post_json(self.url, dict(self.body)))

    def token(self, answer: JsonAnswer) -> str:
        """The token in the answer of the login, known to the redactor. Raises SyncError if there is none."""
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise PermanentError(
                f"{self.name} was refused ({answer.status}). Check {self.credentials_setting}."
            )
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise from_http_status(
                answer.status, what=self.name, retry_after=answer.retry_after, setting=self.url_setting
            )
        token = answer.body.get(self.token_field) if isinstance(answer.body, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            came = "JSON without a token" if answer.is_json else "something that is not JSON"
            raise PermanentError(
                f"{self.name} answered with {came}, most likely a page. Check {self.url_setting}."
            )
        register(token)
        return token


class LoginAuth(httpx.Auth):
    """A bearer token from the login endpoint, renewed once when the server answers 401.

    One token serves all requests of its client. `requires_response_body` stays off, although the token stands in
    the login's answer: httpx would read every answer into memory, also a download that is streamed to a file.
    """

    def __init__(self, login: Login, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        check_url(login.url, what=login.name, setting=login.url_setting)
        self._login, self._now = login, now
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token is None:
            yield from self._log_in(request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            _limit(response)  # httpx reads it whole before it sends the next request
            yield from self._log_in(request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _log_in(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Obtain a token; `request` gets the login's cookies, and lends its time limits."""
        self._token = None
        login = self._login
        response = yield httpx.Request(
            "POST", login.url, json=dict(login.body), extensions=request.extensions
        )
        _limit(response)
        self._token = login.token(json_answer(response, response.read(), self._now()))
        _take_cookies(request, response)


def _take_cookies(request: httpx.Request, response: httpx.Response) -> None:
    """Add the cookies of a login to a request that was built before they came; the client keeps them for later ones."""
    earlier = _cookies_of(request)
    request.headers.pop("Cookie", None)
    response.cookies.set_cookie_header(request)
    if cookies := {**earlier, **_cookies_of(request)}:
        request.headers["Cookie"] = "; ".join(cookies.values())


def _cookies_of(request: httpx.Request) -> dict[str, str]:
    """The cookies of a request as they are sent, by name."""
    cookies = [cookie.strip() for cookie in request.headers.get("Cookie", "").split(";")]
    return {cookie.partition("=")[0]: cookie for cookie in cookies if cookie}


def _limit(response: httpx.Response) -> None:
    """Keep an answer that is read whole from filling the memory, also a compressed one."""
    decoded = httpx.Response(response.status_code, headers=response.headers, stream=response.stream)
    response.headers.pop("Content-Encoding", None)
    response.stream = _Limited(decoded)


class _Limited(httpx.SyncByteStream):
    """The decoded body of an answer, of at most LARGEST_ANSWER bytes."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._answer.iter_bytes():
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise PermanentError(
                    f"An answer of the authentication is longer than {LARGEST_ANSWER} bytes."
                )
            yield chunk

    def close(self) -> None:
        self._answer.close()
