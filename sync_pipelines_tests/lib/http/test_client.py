import gzip
import hashlib
import logging
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.downloads import DownloadClient
from sync_pipelines.lib.retry import Backoff
from sync_pipelines_tests.lib.conftest import Answer, Server, reply

BODY = bytes(range(256)) * 1000
BUSY = reply(b"busy", "503 Service Unavailable")
SECRET_PATH = "/export?login=joana"

Pauses = list[float]


@pytest.fixture
def pauses() -> Pauses:
    return []


@pytest.fixture
def client(pauses: Pauses) -> Iterator[Callable[..., DownloadClient]]:
    """Makes clients that note their pauses instead of taking them."""
    made: list[DownloadClient] = []

    def make(**options: Any) -> DownloadClient:
        made.append(
            DownloadClient(**{"sleep": pauses.append, "jitter": lambda: 0.0, "name": "The export", **options})
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def _get(client: DownloadClient, server: Server, target: Path, **options: Any) -> Any:
    return client.download(server.url + SECRET_PATH, target, **{"max_bytes": 1 << 20, **options})


def test_a_download_is_whole_private_and_described(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    server.script = [reply(BODY, "200 OK", "Content-Type: application/octet-stream")]

    got = _get(client(), server, tmp_path / "new" / "file.xlsx")

    assert (tmp_path / "new" / "file.xlsx").read_bytes() == BODY
    assert (tmp_path / "new" / "file.xlsx").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.xlsx"]
    assert (got.status, got.content_type, got.bytes) == (200, "application/octet-stream", len(BODY))
    assert got.sha256 == hashlib.sha256(BODY).hexdigest()
    assert got.attempts == 1
    assert 0 <= got.wait_seconds <= got.seconds < 10
    assert server.targets == [SECRET_PATH]


def test_a_client_is_closed_by_its_context(server: Server, tmp_path: Path) -> None:
    with DownloadClient() as one:
        _get(one, server, tmp_path / "x")

    with pytest.raises(RuntimeError, match="closed"):
        _get(one, server, tmp_path / "x")


def test_a_busy_server_is_asked_again_with_growing_pauses(
    client: Callable[..., DownloadClient],
    server: Server,
    pauses: Pauses,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.script = [BUSY, BUSY, BUSY, reply(b"ok")]

    got = _get(client(backoff=Backoff(attempts=4, first=5, longest=12)), server, tmp_path / "x")

    assert got.attempts == 4
    assert pauses == [5, 10, 12]
    assert "503 Service Unavailable. Trying again in 5 s (attempt 2 of 4)." in caplog.text
    assert "joana" not in caplog.text


def test_jitter_makes_a_pause_up_to_a_quarter_longer(
    client: Callable[..., DownloadClient], server: Server, pauses: Pauses, tmp_path: Path
) -> None:
    server.script = [BUSY, reply(b"ok")]

    _get(client(backoff=Backoff(first=8), jitter=lambda: 1.0), server, tmp_path / "x")

    assert pauses == [10]


def test_a_server_that_stays_busy_is_given_up_with_a_sentence(
    client: Callable[..., DownloadClient], server: Server, pauses: Pauses, tmp_path: Path
) -> None:
    server.script = [BUSY]

    with pytest.raises(TransientError) as caught:
        _get(client(), server, tmp_path / "x")

    assert str(caught.value) == (
        f"The export (GET {server.url}/export) answered 503 Service Unavailable. Tried 3 times."
    )
    assert len(server.requests) == 3
    assert len(pauses) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [("30", [30.0]), ("1", [1.0]), ("Sun, 21 Sep 2025 12:00:20 GMT", [20.0]), ("nonsense", [1.0])],
)
def test_retry_after_is_honoured(
    client: Callable[..., DownloadClient],
    server: Server,
    pauses: Pauses,
    tmp_path: Path,
    header: str,
    expected: Pauses,
) -> None:
    server.script = [reply(b"", "429 Too Many Requests", f"Retry-After: {header}"), reply(b"ok")]

    _get(client(now=lambda: datetime(2025, 9, 21, 12, tzinfo=UTC)), server, tmp_path / "x")

    assert pauses == expected


def test_a_retry_after_beyond_patience_goes_to_the_caller_at_once(
    client: Callable[..., DownloadClient], server: Server, pauses: Pauses, tmp_path: Path
) -> None:
    server.script = [reply(b"", "429 Too Many Requests", "Retry-After: 1800")]

    with pytest.raises(TransientError) as caught:
        _get(client(), server, tmp_path / "x")

    assert caught.value.retry_after == 1800
    assert pauses == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "204 No Content"])
def test_a_refusal_is_not_repeated_and_names_the_setting(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, status: str
) -> None:
    server.script = [reply(b"", status)]

    with pytest.raises(PermanentError, match=f"answered {status}. Check EXPORT_URL."):
        _get(client(url_setting="EXPORT_URL"), server, tmp_path / "x")

    assert len(server.requests) == 1


def test_a_redirect_is_not_followed(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    server.script = [reply(b"", "302 Found", "Location: /login?user=joana")]

    with pytest.raises(PermanentError, match=r"redirect to /login, which is not followed") as caught:
        _get(client(), server, tmp_path / "x")

    assert server.targets == [SECRET_PATH]
    assert "joana" not in str(caught.value)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def _garble(connection: socket.socket) -> None:
    connection.sendall(b"this is not HTTP\r\n\r\n")


@pytest.mark.parametrize("broken", [reply(b"half", length=8), _reset, _hang_up, _garble])
def test_a_broken_answer_is_asked_for_again(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, broken: Answer
) -> None:
    server.script = [broken, reply(b"whole")]

    assert _get(client(), server, tmp_path / "x").attempts == 2
    assert (tmp_path / "x").read_bytes() == b"whole"


@pytest.mark.parametrize("broken", [reply(b"half", length=8), _reset])
def test_a_broken_answer_leaves_the_old_file_and_no_other(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, broken: Answer
) -> None:
    (tmp_path / "x").write_bytes(b"old")
    server.script = [broken]

    with pytest.raises(TransientError) as caught:
        _get(client(), server, tmp_path / "x")

    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"
    assert "joana" not in "".join(traceback.format_exception(caught.value))


def test_a_transport_that_hides_a_cut_body_is_found_out(
    client: Callable[..., DownloadClient], tmp_path: Path
) -> None:
    cut = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Length": "9"}, content=b"half"))

    with pytest.raises(TransientError, match=r"was cut \(4 of 9 bytes\)"):
        client(transport=cut).download("https://h.example/x", tmp_path / "x", max_bytes=10)


def test_a_compressed_answer_is_measured_as_it_came_and_kept_as_it_is(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    server.script = [reply(gzip.compress(BODY), "200 OK", "Content-Encoding: gzip")]

    assert _get(client(), server, tmp_path / "x").bytes == len(BODY)
    assert "accept-encoding: identity" in server.requests[0].lower()


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_not_read_to_its_end(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, declared: bool
) -> None:
    sent_all = threading.Event()

    def endless(connection: socket.socket) -> None:
        length = "Content-Length: 1000000000\r\n" if declared else ""
        connection.sendall(f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n".encode())
        for _ in range(10_000):
            connection.sendall(b"x" * 100_000)
        sent_all.set()

    server.script = [endless]

    with pytest.raises(PermanentError, match="more than the 5000"):
        _get(client(), server, tmp_path / "x", max_bytes=5000)

    assert not sent_all.is_set()
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 1


def test_a_body_of_exactly_the_limit_is_taken(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    server.script = [reply(b"x" * 5000)]

    assert _get(client(), server, tmp_path / "x", max_bytes=5000).bytes == 5000


def _trickle(head: bytes, piece: bytes) -> Answer:
    """Sends `head`, then `piece` again and again until the client leaves."""

    def answer(connection: socket.socket) -> None:
        connection.settimeout(0.02)
        connection.sendall(head)
        left = False
        while not left:
            connection.sendall(piece)
            try:
                left = connection.recv(1) == b""
            except TimeoutError:
                continue

    return answer


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Wait: 1\r\n"),
    ],
)
def test_an_answer_that_trickles_ends_at_the_total_deadline(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, head: bytes, piece: bytes
) -> None:
    server.script = [_trickle(head, piece)]
    impatient = client(timeouts=Timeouts(read=5, total=0.2), backoff=Backoff(attempts=1))

    with pytest.raises(TransientError, match=r"not complete after 0\.2 s"):
        _get(impatient, server, tmp_path / "x")

    assert list(tmp_path.iterdir()) == []


def _silence(until: threading.Event) -> Answer:
    def answer(connection: socket.socket) -> None:
        until.wait(5)
        reply(b"ok")(connection)

    return answer


def test_silence_ends_at_the_read_timeout(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    over = threading.Event()
    server.script = [_silence(over)]

    with pytest.raises(TransientError, match="no answer within the time allowed"):
        _get(client(timeouts=Timeouts(read=0.1), backoff=Backoff(attempts=1)), server, tmp_path / "x")
    over.set()


def test_a_long_wait_is_announced_until_the_first_byte(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    seen: list[float] = []
    enough = threading.Event()
    server.script = [_silence(enough)]

    def notice(elapsed: float) -> None:
        seen.append(elapsed)
        if len(seen) == 3:
            enough.set()

    with client(wait_notice_seconds=0.02) as opened:
        got = _get(opened, server, tmp_path / "x", on_wait=notice)

    assert seen[:3] == sorted(seen[:3])
    assert seen[0] >= 0.02
    assert got.wait_seconds >= seen[2]
    assert not [thread for thread in threading.enumerate() if thread.name == "http-deadlines"]


def test_a_quick_answer_is_not_announced(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    seen: list[float] = []

    _get(client(), server, tmp_path / "x", on_wait=seen.append)

    assert seen == []


def test_a_notice_that_fails_does_not_end_the_wait(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    enough = threading.Event()
    server.script = [_silence(enough)]

    def broken(_: float) -> None:
        enough.set()
        raise ValueError("the screen is gone")

    assert _get(client(wait_notice_seconds=0.02), server, tmp_path / "x", on_wait=broken).bytes == 2
    assert "The notice of a wait failed: ValueError: the screen is gone" in caplog.text


def test_the_finished_file_is_looked_at_inside_the_attempt(
    client: Callable[..., DownloadClient], server: Server, pauses: Pauses, tmp_path: Path
) -> None:
    server.script = [reply(b""), reply(b"good")]

    def accept(path: Path) -> None:
        assert not (tmp_path / "x").exists()
        if not path.read_bytes():
            raise TransientError("It is empty.")

    assert _get(client(), server, tmp_path / "x", accept=accept).attempts == 2
    assert len(pauses) == 1


def test_a_file_that_is_refused_is_not_kept(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    def accept(path: Path) -> None:
        raise PermanentError("It is a login page.")

    with pytest.raises(PermanentError, match="login page"):
        _get(client(), server, tmp_path / "x", accept=accept)

    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_a_sentence(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PermanentError, match=r"file could not take the file: (File exists|Not a directory)"):
        _get(client(), server, tmp_path / "file" / "x")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h.example/x?login=joana", "http:// is refused"),
        ("http://127.0.0.1.h.example/x?login=joana", "http:// is refused"),
        ("ftp://h.example/x?login=joana", "not an HTTP address. Check EXPORT_URL"),
        ("https://h.example:port/x?login=joana", "URL is not valid"),
        ("joana", "not an HTTP address"),
        ("", "not an HTTP address"),
    ],
)
def test_an_unfit_url_is_refused_before_any_request(
    client: Callable[..., DownloadClient], tmp_path: Path, url: str, words: str
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    with pytest.raises(PermanentError, match=words) as caught:
        client(transport=httpx.MockTransport(answer), url_setting="EXPORT_URL").download(
            url, tmp_path / "x", max_bytes=1
        )

    assert asked == []
    assert "joana" not in str(caught.value)


def test_a_host_that_does_not_exist_is_permanent_and_names_no_query(
    client: Callable[..., DownloadClient], tmp_path: Path
) -> None:
    def unknown(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"[Errno -2] {request.url}") from socket.gaierror(
            socket.EAI_NONAME, "unknown"
        )

    with pytest.raises(PermanentError, match="host name is not known") as caught:
        client(transport=httpx.MockTransport(unknown)).download(
            "https://h.example/x?login=joana", tmp_path / "x", max_bytes=1
        )

    assert "joana" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def private_server(authority: trustme.CA) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    running = Server(context)
    yield running
    running.close()


def test_a_private_chain_is_refused_at_once_and_the_sentence_names_the_cure(
    client: Callable[..., DownloadClient], private_server: Server, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError, match=r"name it in EXPORT_CA_BUNDLE; verification is never") as caught:
        _get(client(ca_setting="EXPORT_CA_BUNDLE"), private_server, tmp_path / "x")

    assert private_server.requests == []
    assert "joana" not in "".join(traceback.format_exception(caught.value))


def test_a_private_chain_passes_with_its_bundle(
    client: Callable[..., DownloadClient], private_server: Server, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    assert _get(client(ca_bundle=tmp_path / "ca.pem"), private_server, tmp_path / "x").bytes == 2


def test_the_bundle_of_another_authority_does_not_help(
    client: Callable[..., DownloadClient], private_server: Server, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")

    with pytest.raises(PermanentError, match="certificate was not accepted"):
        _get(client(ca_bundle=tmp_path / "ca.pem"), private_server, tmp_path / "x")


def test_the_bundle_does_not_open_other_host_names(
    client: Callable[..., DownloadClient], private_server: Server, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    url = private_server.url.replace("localhost", "127.0.0.1")

    with pytest.raises(PermanentError, match="mismatch"):
        client(ca_bundle=tmp_path / "ca.pem").download(url, tmp_path / "x", max_bytes=9)


def test_a_chain_without_its_middle_passes_when_the_bundle_holds_the_middle(
    client: Callable[..., DownloadClient], authority: trustme.CA, tmp_path: Path
) -> None:
    middle = authority.create_child_ca()
    certificate = middle.issue_cert("localhost")
    chain = tmp_path / "leaf.pem"
    chain.write_bytes(certificate.private_key_pem.bytes() + certificate.cert_chain_pems[0].bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    middle.cert_pem.write_to_path(tmp_path / "middle.pem")
    server = Server(context)

    got = _get(client(ca_bundle=tmp_path / "middle.pem"), server, tmp_path / "x")

    server.close()
    assert got.bytes == 2


def test_a_trickling_answer_over_tls_is_cut_too(
    client: Callable[..., DownloadClient], private_server: Server, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    private_server.script = [_trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")]
    options = {"timeouts": Timeouts(read=5, total=0.3), "backoff": Backoff(attempts=1)}

    with pytest.raises(TransientError, match=r"not complete after 0\.3 s"):
        _get(client(ca_bundle=tmp_path / "ca.pem", **options), private_server, tmp_path / "x")


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_bundle_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)

    with pytest.raises(PermanentError, match=r"^EXPORT_CA_BUNDLE: .*ca\.pem is no readable file"):
        DownloadClient(ca_bundle=tmp_path / "ca.pem", ca_setting="EXPORT_CA_BUNDLE")


def test_nothing_of_the_query_is_logged(
    client: Callable[..., DownloadClient], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server.script = [BUSY, _reset, reply(b"x", "400 Bad Request")]

    with pytest.raises(SyncError):
        _get(client(), server, tmp_path / "x")

    assert caplog.text.count("Trying again") == 2
    assert "joana" not in caplog.text
