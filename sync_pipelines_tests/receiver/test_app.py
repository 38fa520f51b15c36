"""What the receiver takes, refuses and answers, over a socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from threading import Event, Semaphore
from typing import Any
from urllib.parse import urlsplit

import pytest

from sync_pipelines.lib.http.endpoints import Answer, Endpoint
from sync_pipelines.receiver.app import HEALTH_PATH, HEALTH_SECONDS, Options
from sync_pipelines.receiver.limits import Rate, networks_of
from sync_pipelines.scouter.endpoints import AT_ONCE
from sync_pipelines_tests.receiver.conftest import (
    FUNCTION_PATH,
    OWN,
    SIGNING_SECRET,
    WEBHOOK_PATH,
    WEBHOOK_SECRET,
    NewReceiver,
    RunningReceiver,
    bearer,
    function,
    lead,
    signed,
)


def test_a_change_is_stored_as_it_came(receiver: RunningReceiver) -> None:
    body = (
        '{"lead": {"id": "600001", "updated_at": "2025-10-21T09:00:00", "raw": {"a": [1.50, null]}},'
        '  "source": "Gestao-Scouter", "operation": "insert"}'
    )
    answer = receiver.post(body.encode())
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "Stored; it is applied soon.", "leadId": 600001}
    assert receiver.stored == [(600001, "gestaoscouter", json.loads(body))]


def test_the_older_key_is_understood(receiver: RunningReceiver) -> None:
    assert receiver.post({"ficha": {"id": 7}, "source": "gestao_scouter"}).json()["leadId"] == 7


def test_a_change_that_comes_again_is_stored_again(receiver: RunningReceiver) -> None:
    assert [receiver.post().status_code for _ in range(2)] == [200, 200]
    assert len(receiver.stored) == 2


@pytest.mark.parametrize(
    "source", ["tabuladormax", "TabuladorMax", "Tabulador-Max", "tabulador_max ", "SUPABASE"]
)
def test_what_came_from_us_is_ignored(receiver: RunningReceiver, source: str) -> None:
    answer = receiver.post(lead() | {"source": source})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert answer.json()["message"].startswith("Ignored")
    assert receiver.stored == []


@pytest.mark.parametrize("source", ["gestao_scouter", "gestao-scouter", "Gestao", "bitrix", "manual", None])
def test_what_came_from_others_is_stored(receiver: RunningReceiver, source: str | None) -> None:
    assert receiver.post(lead() | {"source": source}).status_code == 200
    assert len(receiver.stored) == 1


def test_a_delete_is_acknowledged_and_ignored(receiver: RunningReceiver) -> None:
    answer = receiver.post(lead() | {"operation": "DELETE"})
    assert answer.json() == {
        "success": True,
        "message": "Ignored: deletes do not travel back to TabuladorMax.",
    }
    assert receiver.stored == []


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{lead: 1}",
    "not UTF-8": b'{"lead": {"id": 1, "nome": "\xe9"}}',
    "with a mark of byte order": b'\xef\xbb\xbf{"lead": {"id": 1}}',
    "UTF-16": '{"lead": {"id": 1}}'.encode("utf-16"),
    "NaN": b'{"lead": {"id": 1, "valor_ficha": NaN}}',
    "Infinity": b'{"lead": {"id": 1, "valor_ficha": -Infinity}}',
    "beyond a double": b'{"lead": {"id": 1, "valor_ficha": 1e100000}}',
    "a number of 5000 digits": b'{"lead": {"id": 1, "age": ' + b"9" * 5000 + b"}}",
    "a key twice": b'{"lead": {"id": 1, "id": 2}}',
    "lead twice": b'{"lead": {"id": 1}, "lead": {"id": 2}}',
    "lead and ficha": b'{"lead": {"id": 1}, "ficha": {"id": 2}}',
    "NUL": b'{"lead": {"id": 1, "nome": "a\\u0000b"}}',
    "NUL in a key": b'{"lead": {"id": 1, "a\\u0000b": 1}}',
    "half a pair": b'{"lead": {"id": 1, "nome": "\\ud83d"}}',
    "a control character": b'{"lead": {"id": 1, "nome": "a\x01b"}}',
    "deep": b'{"lead": {"id": 1, "raw": ' + b"[" * 33 + b"]" * 33 + b"}}",
    "very deep": b'{"lead": {"id": 1, "raw": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a list": b"[]",
    "a text": b'"lead"',
    "null": b"null",
    "no lead": b'{"source": "gestao_scouter"}',
    "lead is a list": b'{"lead": [{"id": 1}]}',
    "no id": b'{"lead": {"nome": "x"}}',
    "source is a number": b'{"lead": {"id": 1}, "source": 5}',
    "source is long": b'{"lead": {"id": 1}, "source": "' + b"g" * 65 + b'"}',
    "unknown operation": b'{"lead": {"id": 1}, "operation": "TRUNCATE"}',
    "operation is a list": b'{"lead": {"id": 1}, "operation": ["INSERT"]}',
}
BAD_IDS = [
    "0",
    "-1",
    "1.5",
    "1.0",
    "true",
    '"abc"',
    '""',
    '" 1"',
    '"1.0"',
    '"+1"',
    '"١"',
    "[]",
    "{}",
    str(10**30),
    f'"{2**63}"',
    "null",
]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_used_is_a_400_with_a_sentence(receiver: RunningReceiver, name: str) -> None:
    answer = receiver.post(BAD_BODIES[name])
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["error"].endswith(".")
    assert receiver.stored == []


@pytest.mark.parametrize("value", BAD_IDS)
def test_an_id_that_is_none_is_a_400(receiver: RunningReceiver, value: str) -> None:
    answer = receiver.post(f'{{"lead": {{"id": {value}}}}}'.encode())
    assert answer.status_code == 400
    assert "lead.id" in answer.json()["error"]
    assert receiver.stored == []


@pytest.mark.parametrize("value", ["123", '"123"', "9223372036854775807"])
def test_an_id_may_be_a_number_or_its_digits(receiver: RunningReceiver, value: str) -> None:
    assert receiver.post(f'{{"lead": {{"id": {value}}}}}'.encode()).json()["leadId"] == int(value.strip('"'))


def test_what_jsonb_cannot_hold_is_a_400_and_not_a_fault(receiver: RunningReceiver) -> None:
    assert receiver.post(b'{"lead": {"id": 1, "valor_ficha": 1e-20000}}').status_code == 400
    assert receiver.stored == []


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"lead": {"id": 1, "nome": "'
    yield from repeat(b"x" * 65536, size)


def test_a_body_that_is_too_long_is_refused_by_its_length(receiver: RunningReceiver) -> None:
    assert receiver.post(b" " * ((1 << 20) + 1)).status_code == 413
    assert receiver.stored == []


def raw(receiver: RunningReceiver, head: str, pieces: Iterator[bytes]) -> bytes:
    """An answer to a request that is never finished: bytes are sent until the other side hangs up."""
    parts = urlsplit(receiver.url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as line:
        line.sendall(f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        try:
            for piece in pieces:
                line.sendall(piece)
            while more := line.recv(65536):
                received += more
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            return received
        try:
            while more := line.recv(65536):
                received += more
        except ConnectionResetError:
            pass
    return received


HEAD = f"Content-Type: application/json\r\nx-webhook-secret: {WEBHOOK_SECRET}\r\n"


def test_a_long_body_is_refused_before_it_came(receiver: RunningReceiver) -> None:
    answer = raw(receiver, f"{HEAD}Content-Length: 5000000000\r\n", iter(()))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_an_endless_body_without_length_is_cut(receiver: RunningReceiver) -> None:
    def endless() -> Iterator[bytes]:
        yield from repeat(b"10000\r\n" + b"x" * 65536 + b"\r\n", 2000)

    answer = raw(receiver, f"{HEAD}Transfer-Encoding: chunked\r\n", endless())
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")
    assert receiver.stored == []
    assert receiver.post().status_code == 200, "and the receiver goes on"


def test_a_long_body_in_pieces_is_told_why(receiver: RunningReceiver) -> None:
    assert receiver.post(b"", content=chunks(17)).status_code == 413


def test_a_body_that_does_not_come_is_given_up(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(options=Options(body_seconds=0.05))
    assert raw(receiver, f"{HEAD}Content-Length: 100\r\n", iter([b'{"lead"'])).startswith(b"HTTP/1.1 408")
    assert receiver.stored == []


BODY = b'{"lead": {"id": 1}}'


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1\r\n",
        "Content-Length: 1e3\r\n",
        "Content-Length: 0x13\r\n",
        f"Content-Length: {len(BODY)}\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length : 19\r\n",
        f"Content-Length: {len(BODY)}\r\nX: {'x' * 2_000_000}\r\n",
        f"Content-Length: {len(BODY)}\r\n"
        + "".join(f"X-{number}: {'x' * 1000}\r\n" for number in range(2000)),
    ],
)
def test_a_request_that_can_be_read_in_two_ways_or_is_all_header_is_refused(
    receiver: RunningReceiver, head: str
) -> None:
    answer = raw(receiver, f"{HEAD}{head}", iter([BODY]))
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 501"))
    assert receiver.stored == []
    assert receiver.post().status_code == 200, "and the receiver goes on"


def test_a_second_request_behind_a_refused_body_is_not_heard(receiver: RunningReceiver) -> None:
    hidden = (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode()
        + BODY
    )
    answer = raw(receiver, f"{HEAD}Content-Length: 5000000000\r\n", iter([hidden]))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert receiver.stored == []


def test_a_caller_who_hangs_up_leaves_nothing(receiver: RunningReceiver) -> None:
    parts = urlsplit(receiver.url)
    with socket.create_connection((parts.hostname, parts.port or 0)) as line:
        line.sendall(
            f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{HEAD}Content-Length: 100\r\n\r\n{{".encode()
        )
    assert receiver.post().status_code == 200
    assert len(receiver.stored) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "application/jsonx"},
    ],
)
def test_only_plain_json_is_read(receiver: RunningReceiver, headers: dict[str, str]) -> None:
    assert receiver.post(headers=OWN | headers).status_code == 415


def test_json_may_name_its_encoding(receiver: RunningReceiver) -> None:
    assert receiver.post(headers=OWN | {"Content-Type": "Application/JSON; charset=utf-8"}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_refused(receiver: RunningReceiver, method: str) -> None:
    assert receiver.client.request(method, WEBHOOK_PATH, headers=OWN).status_code == 405


def test_a_client_that_asks_too_often_waits_and_may_then_go_on(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(options=Options(per_client=Rate(0.5, 3)))
    assert [receiver.post().status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = receiver.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    receiver.pass_seconds(2)
    assert [receiver.post().status_code for _ in range(2)] == [200, 429]


def test_who_guesses_at_the_secret_is_slowed_down(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(options=Options(per_client=Rate(1, 3)))
    wrong = {"x-webhook-secret": "adivinhado"}
    assert [receiver.post(headers=wrong).status_code for _ in range(5)] == [401, 401, 401, 429, 429]


def forwarded(client: str) -> dict[str, str]:
    return OWN | {"X-Forwarded-For": client}


def test_callers_behind_a_trusted_proxy_are_counted_one_by_one(new_receiver: NewReceiver) -> None:
    one_each = Options(per_client=Rate(1, 1), proxies=networks_of(["127.0.0.1"]))
    receiver = new_receiver(options=one_each)
    calls = ["198.51.100.1", "198.51.100.2", "198.51.100.1", "9.9.9.9, 198.51.100.2"]
    assert [receiver.post(headers=forwarded(one)).status_code for one in calls] == [200, 200, 429, 429]


def test_without_a_trusted_proxy_nobody_gets_round_the_limit_by_a_header(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(options=Options(per_client=Rate(1, 1)))
    calls = ["198.51.100.1", "198.51.100.2"]
    assert [receiver.post(headers=forwarded(one)).status_code for one in calls] == [200, 429]


def test_who_is_refused_takes_nothing_from_the_limit_of_all(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(options=Options(in_all=Rate(1, 2)))
    for _ in range(5):
        assert receiver.post(headers={}).status_code == 401
    assert [receiver.post().status_code for _ in range(3)] == [200, 200, 429]


def test_a_database_that_is_down_is_never_a_success(new_receiver: NewReceiver) -> None:
    receiver = new_receiver()
    receiver.ops.execute("alter table ops.inbox rename to elsewhere")
    answer = receiver.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "inbox" not in answer.text
    assert receiver.client.get(HEALTH_PATH).status_code == 503
    receiver.ops.execute("alter table ops.elsewhere rename to inbox")
    assert receiver.post().status_code == 200


def test_a_database_that_was_started_anew_is_found_again(new_receiver: NewReceiver) -> None:
    receiver = new_receiver()
    assert receiver.post().status_code == 200
    receiver.ops.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert receiver.post().status_code == 200
    assert len(receiver.stored) == 2


def test_health_says_whether_the_database_answers_and_nothing_else(new_receiver: NewReceiver) -> None:
    receiver = new_receiver()
    answer = receiver.client.get(HEALTH_PATH)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "ops_database": True})
    receiver.ops.execute("alter table ops.inbox rename to elsewhere")
    assert receiver.client.get(HEALTH_PATH).status_code == 200, "an answer is repeated for some seconds"
    receiver.pass_seconds(HEALTH_SECONDS)
    answer = receiver.client.get(HEALTH_PATH)
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "ops_database": False})


PREFLIGHT = {
    "Origin": "https://tela.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, apikey, content-type, x-client-info",
}


def test_a_browser_may_call_from_a_configured_screen_only(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(
        options=Options(origins=("https://tela.example",)), added=[function(lambda _: Answer(200, {}))]
    )
    answer = receiver.client.options(FUNCTION_PATH, headers=PREFLIGHT)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
        200,
        "https://tela.example",
    )
    other = receiver.client.options(FUNCTION_PATH, headers=PREFLIGHT | {"Origin": "https://outra.example"})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers
    # The screen has to be able to read a refusal too.
    refused = receiver.client.post(FUNCTION_PATH, json={}, headers={"Origin": "https://tela.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
        401,
        "https://tela.example",
    )


def test_by_default_no_browser_may_call(receiver: RunningReceiver) -> None:
    answer = receiver.client.options(WEBHOOK_PATH, headers=PREFLIGHT)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_an_unexpected_error_tells_nothing(
    new_receiver: NewReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    def export(document: Any) -> Answer:
        raise ValueError(f"could not use {document}")

    receiver = new_receiver(added=[function(export)], tabuladormax_jwt_secret=SIGNING_SECRET)
    answer = receiver.client.post(FUNCTION_PATH, json=lead(), headers=bearer(signed()))
    assert answer.status_code == 500
    assert "Ana" not in answer.text
    assert "ValueError" in caplog.text


def test_slow_calls_of_the_screen_take_no_thread_from_the_webhook(new_receiver: NewReceiver) -> None:
    begun, release = Semaphore(0), Event()

    def reload(_: Any) -> Answer:
        begun.release()
        release.wait(20)
        return Answer(200, {"success": True})

    receiver = new_receiver(added=[function(reload)], tabuladormax_jwt_secret=SIGNING_SECRET)
    with ThreadPoolExecutor(50) as pool:
        calls = [
            pool.submit(receiver.client.post, FUNCTION_PATH, headers=bearer(signed())) for _ in range(50)
        ]
        try:
            assert all(begun.acquire(timeout=10) for _ in range(AT_ONCE))
            assert receiver.post().status_code == 200
            assert not begun.acquire(blocking=False), "no more than these are worked on at once"
        finally:
            release.set()
    assert [call.result().status_code for call in calls] == [200] * 50


def test_so_many_bodies_are_held_at_once_and_the_rest_waits_unread(new_receiver: NewReceiver) -> None:
    begun, release = Semaphore(0), Event()

    def slow(_: Any) -> Answer:
        begun.release()
        release.wait(20)
        return Answer(200, {"success": True})

    free = Endpoint(FUNCTION_PATH, handler=slow, takes_shared_secret=True)
    receiver = new_receiver(added=[free], options=Options(bodies_at_once=2))
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(receiver.client.post, FUNCTION_PATH, json={}, headers=OWN) for _ in range(10)]
        try:
            assert all(begun.acquire(timeout=10) for _ in range(2))
            assert receiver.post().status_code == 200, "other endpoints are not held up"
            assert not begun.acquire(blocking=False)
        finally:
            release.set()
    assert [call.result().status_code for call in calls] == [200] * 10


def test_many_at_once_are_all_stored_once(receiver: RunningReceiver) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: receiver.post(lead(id=number)).status_code, range(1, 201)))
    assert answers == [200] * 200
    assert sorted(row[0] for row in receiver.stored) == list(range(1, 201))
