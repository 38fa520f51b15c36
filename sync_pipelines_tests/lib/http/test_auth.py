"""Authentication by httpx's hook: what is sent, when a token is renewed, and what a failed login says."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.auth import Login, LoginAuth, basic_auth
from sync_pipelines.lib.http.client import HttpClient, Timeouts
from sync_pipelines.lib.http.downloads import DownloadClient
from sync_pipelines.lib.http.json import LARGEST_ANSWER, JsonClient
from sync_pipelines.lib.redaction import redact
from sync_pipelines.lib.retry import Backoff
from sync_pipelines_tests.lib.conftest import Answer, Server, reply

UNAUTHORIZED = reply(b"no", "401 Unauthorized")


def token(text: str, *headers: str) -> Answer:
    return reply(json.dumps({"token": text}).encode(), "200 OK", *headers)


def login(url: str, **changed: Any) -> Login:
    known = {
        "url": f"{url}/login",
        "body": {"user": "robo"},
        "name": "The login",
        "url_setting": "BASE_URL",
        "credentials_setting": "USER and PASSWORD",
    }
    return Login(**{**known, **changed})


@contextmanager
def logged_in(server: Server, **options: Any) -> Iterator[JsonClient]:
    with JsonClient(auth=LoginAuth(login(server.url)), sleep=lambda _: None, **options) as client:
        yield client


def sent(server: Server, name: str) -> list[str | None]:
    """A header of each request, None where it is missing."""
    found = [
        [line.partition(": ")[2] for line in request.split("\r\n") if line.lower().startswith(f"{name}:")]
        for request in server.requests
    ]
    return [values[0] if values else None for values in found]


def test_basic_goes_with_the_request_and_is_known_to_the_redactor(server: Server) -> None:
    with JsonClient(auth=basic_auth("robo", "senha:fictícia 77")) as client:
        client.get_json(f"{server.url}/rows")
    (header,) = sent(server, "authorization")
    assert header == "Basic cm9ibzpzZW5oYTpmaWN0w61jaWEgNzc="
    assert redact(f"it is {header}") == "it is Basic ***"


def test_one_login_serves_all_requests_of_a_client(server: Server) -> None:
    server.script = [token("um-token-muito-longo"), reply(b"{}")]
    with logged_in(server) as client:
        client.get_json(f"{server.url}/rows")
        client.get_json(f"{server.url}/rows")
    assert server.targets == ["/login", "/rows", "/rows"]
    assert sent(server, "authorization") == [None, *["Bearer um-token-muito-longo"] * 2]
    assert redact("it is um-token-muito-longo.") == "it is ***."


def test_the_cookies_of_a_login_go_with_the_request_that_waited_for_it(server: Server) -> None:
    server.script = [
        token("primeiro-token", "Set-Cookie: sessao=um-cookie-longo; Path=/"),
        reply(b"{}"),
        UNAUTHORIZED,
        token("segundo-token", "Set-Cookie: sessao=outro-cookie-longo; Path=/"),
        reply(b"{}"),
    ]
    with logged_in(server) as client:
        client.get_json(f"{server.url}/rows")
        client.get_json(f"{server.url}/rows")
    assert sent(server, "cookie")[1:3] == ["sessao=um-cookie-longo"] * 2
    assert sent(server, "cookie")[4] == "sessao=outro-cookie-longo"
    assert redact("outro-cookie-longo") == "***"


def test_a_renewed_token_keeps_the_cookies_that_are_not_of_the_login(server: Server) -> None:
    server.script = [
        token("primeiro-token", "Set-Cookie: sessao=um-cookie-longo; Path=/"),
        reply(b"{}", "200 OK", "Set-Cookie: balanceador=no-vinte-e-dois; Path=/"),
        UNAUTHORIZED,
        token("segundo-token", "Set-Cookie: sessao=outro-cookie-longo; Path=/"),
        reply(b"{}"),
    ]
    with logged_in(server) as client:
        client.get_json(f"{server.url}/rows")
        client.get_json(f"{server.url}/rows")
    assert sent(server, "cookie")[4] == "sessao=outro-cookie-longo; balanceador=no-vinte-e-dois"


def test_a_cookie_of_another_host_stays_there(server: Server) -> None:
    server.script = [token("um-token-qualquer", "Set-Cookie: sessao=um-cookie-longo; Path=/"), reply(b"{}")]
    with logged_in(server) as client:
        client.get_json(f"{server.url.replace('localhost', '127.0.0.1')}/rows")
    assert sent(server, "cookie") == [None, None]


def test_a_token_is_renewed_once_and_a_second_refusal_is_the_answer(server: Server) -> None:
    server.script = [token("primeiro-token"), UNAUTHORIZED, token("segundo-token"), UNAUTHORIZED]
    with logged_in(server) as client:
        assert client.get_json(f"{server.url}/rows").status == 401
    assert server.targets == ["/login", "/rows", "/login", "/rows"]
    assert sent(server, "authorization")[3] == "Bearer segundo-token"


def test_a_login_that_may_succeed_later_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.script = [reply(b"busy", "503 Service Unavailable"), token("um-token-qualquer"), reply(b"rows")]
    auth = LoginAuth(login(server.url))
    with DownloadClient(auth=auth, sleep=lambda _: None) as client:
        got = client.download(f"{server.url}/rows", tmp_path / "x", max_bytes=10)
    assert (got.attempts, (tmp_path / "x").read_bytes()) == (2, b"rows")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (UNAUTHORIZED, PermanentError, r"The login was refused \(401\)\. Check USER and PASSWORD\."),
        (reply(b"", "404 Not Found"), PermanentError, r"404 Not Found\. Check BASE_URL\."),
        (reply(b"", "502 Bad Gateway"), TransientError, r"The login answered 502"),
        (
            reply(b"<html>"),
            PermanentError,
            r"something that is not JSON, most likely a page\. Check BASE_URL",
        ),
        (reply(b'{"token": ""}'), PermanentError, r"JSON without a token"),
        (reply(b'{"token": "a b"}'), PermanentError, r"JSON without a token"),
        (reply(b" " * (LARGEST_ANSWER + 1)), PermanentError, r"longer than 1048576 bytes"),
    ],
)
def test_a_login_without_a_token_is_a_sentence(
    server: Server, answer: Answer, kind: type[Exception], words: str
) -> None:
    server.script = [answer]
    with logged_in(server) as client, pytest.raises(kind, match=words):
        client.get_json(f"{server.url}/rows")
    assert server.targets == ["/login"]


def test_a_refusal_without_end_is_not_read_to_its_end(server: Server) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)

    server.script = [token("um-token-qualquer"), endless]
    with logged_in(server) as client, pytest.raises(PermanentError, match="longer than"):
        client.get_json(f"{server.url}/rows")


@pytest.mark.parametrize("answers_before", [[], [token("um-token-qualquer")]])
def test_a_compressed_answer_is_as_long_as_what_is_in_it(
    server: Server, answers_before: list[Answer]
) -> None:
    """A few kilobytes can hold a body that fills the memory: as a login's answer, or as a refusal."""
    bomb = gzip.compress(b'{"token": "' + b"a" * LARGEST_ANSWER + b'"}')
    status = "401 Unauthorized" if answers_before else "200 OK"
    server.script = [*answers_before, reply(bomb, status, "Content-Encoding: gzip")]
    with logged_in(server) as client, pytest.raises(PermanentError, match="longer than 1048576 bytes"):
        client.get_json(f"{server.url}/rows")


def test_a_compressed_login_is_read(server: Server) -> None:
    body = gzip.compress(b'{"token": "um-token-comprimido"}')
    server.script = [reply(body, "200 OK", "Content-Encoding: gzip"), reply(b"{}")]
    with logged_in(server) as client:
        client.get_json(f"{server.url}/rows")
    assert sent(server, "authorization") == [None, "Bearer um-token-comprimido"]


def test_a_download_is_not_read_into_memory_for_its_token(server: Server, tmp_path: Path) -> None:
    """`max_bytes` ends it after as many bytes, and a token that was renewed changes nothing of that."""
    server.script = [token("primeiro-token"), UNAUTHORIZED, token("segundo-token"), reply(b"12345", length=9)]
    with (
        DownloadClient(auth=LoginAuth(login(server.url)), backoff=Backoff(attempts=1)) as client,
        pytest.raises(PermanentError, match="9 bytes are more than the 4 allowed"),
    ):
        client.download(f"{server.url}/rows", tmp_path / "x", max_bytes=4)


def test_a_login_that_trickles_ends_at_the_deadline(server: Server) -> None:
    def trickle(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"H")

    server.script = [trickle]
    timeouts = Timeouts(read=0.2, total=0.2)
    with logged_in(server, timeouts=timeouts) as client, pytest.raises(TransientError):
        client.get_json(f"{server.url}/rows")


def test_a_login_that_cannot_be_reached_is_named_by_its_own_address(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://localhost:{listener.getsockname()[1]}"
    auth = LoginAuth(login(nobody))
    with JsonClient(auth=auth) as client, pytest.raises(TransientError, match=rf"POST {nobody}/login"):
        client.get_json(f"{server.url}/rows")


@pytest.mark.parametrize("url", ["http://example.com", "ftp://localhost"])
def test_a_login_in_clear_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(PermanentError, match=r"The login: .*BASE_URL"):
        LoginAuth(login(url))


def test_a_login_can_be_checked_alone(server: Server) -> None:
    server.script = [token("um-token-qualquer")]
    with JsonClient() as client:
        login(server.url).check(client)
        server.script = [UNAUTHORIZED] * 2
        with pytest.raises(PermanentError, match="refused"):
            login(server.url).check(client)


def test_a_client_may_get_its_authentication_later(server: Server, tmp_path: Path) -> None:
    server.script = [UNAUTHORIZED, reply(b"ok")]
    with DownloadClient() as client:
        with pytest.raises(RefusedError):
            client.download(f"{server.url}/x", tmp_path / "x", max_bytes=10)
        client.auth = basic_auth("robo", "senha fictícia")
        client.download(f"{server.url}/x", tmp_path / "x", max_bytes=10)
    assert isinstance(client, HttpClient)
    assert sent(server, "authorization")[0] is None
