"""JSON over HTTP: who judges an answer, and what waits before a call and after a throttled one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient, _parse
from sync_pipelines.lib.redaction import redact
from sync_pipelines.lib.retry import Backoff
from sync_pipelines_tests.lib.conftest import Server, reply

THROTTLED = reply(b'{"msg": "Too Many Requests", "usage": 101}', "401 Unauthorized")
BAD_TOKEN = reply(b'{"msg": "token"}', "401 Unauthorized")
RETRY_LATER = reply(b"{}", "429 Too Many Requests", "Retry-After: 7")
GOOD = reply(b'{"data": 1}')


def judge(answer: JsonAnswer) -> SyncError | None:
    """An API that says in a 401 that it is throttled."""
    if answer.status == 429 or (isinstance(answer.body, dict) and "usage" in answer.body):
        return ThrottledError("The CRM is throttled.", retry_after=answer.retry_after)
    return RefusedError("The CRM refused the token.", 401) if answer.status == 401 else None


@dataclass
class Limit:
    """Notes what a client asks of its budget; may refuse."""

    events: list[object] = field(default_factory=list)
    error: SyncError | None = None

    def wait(self) -> float:
        self.events.append("wait")
        if self.error:
            raise self.error
        return 0.0

    def block(self, seconds: float) -> None:
        self.events.append(seconds)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("answer", "error"), [(THROTTLED, ThrottledError), (BAD_TOKEN, RefusedError), (GOOD, None)]
)
def test_what_the_judge_says_is_raised(
    server: Server, method: str, answer: object, error: type[SyncError] | None
) -> None:
    server.script = [answer]  # type: ignore[list-item]
    with JsonClient(judge=judge) as client:

        def call() -> JsonAnswer:
            return client.get_json(server.url) if method == "get" else client.post_json(server.url, {})

        if error is None:
            assert call().body == {"data": 1}
        else:
            with pytest.raises(error):
                call()
    assert len(server.requests) == 1


def test_a_form_is_posted_with_its_fields_encoded(server: Server) -> None:
    server.script = [GOOD]
    with JsonClient(judge=judge) as client:
        assert client.post_form(server.url, {"grant_type": "a b", "token": "ç&="}).body == {"data": 1}
    [request] = server.requests
    assert "content-type: application/x-www-form-urlencoded" in request.lower()
    assert request.endswith("grant_type=a+b&token=%C3%A7%26%3D")


def test_without_a_judge_the_caller_reads_every_status(server: Server) -> None:
    server.script = [THROTTLED]
    with JsonClient() as client:
        assert client.get_json(server.url).status == 401


def test_each_attempt_waits_for_the_budget_and_a_throttled_one_blocks_it(server: Server) -> None:
    server.script = [THROTTLED, RETRY_LATER, GOOD]
    limit, slept = Limit(), list[float]()
    with JsonClient(judge=judge, budget=limit, sleep=slept.append, jitter=lambda: 0.0) as client:
        assert client.retrying()(client.get_json, server.url).body == {"data": 1}
    assert limit.events == ["wait", 60.0, "wait", 7.0, "wait"]
    assert slept == [1.0, 7.0]


def test_other_errors_do_not_block_the_budget(server: Server) -> None:
    server.script = [BAD_TOKEN]
    limit = Limit()
    with JsonClient(judge=judge, budget=limit) as client, pytest.raises(RefusedError):
        client.retrying()(client.get_json, server.url)
    assert limit.events == ["wait"]


def test_a_server_that_throttles_for_ever_is_given_up(server: Server) -> None:
    server.script = [THROTTLED]
    limit = Limit()
    with (
        JsonClient(judge=judge, budget=limit, backoff=Backoff(attempts=4), sleep=lambda _: None) as client,
        pytest.raises(ThrottledError),
    ):
        client.retrying()(client.get_json, server.url)
    assert len(server.requests) == 4


def test_a_retry_after_beyond_patience_ends_at_once_and_blocks_the_others(server: Server) -> None:
    server.script = [reply(b"{}", "429 Too Many Requests", "Retry-After: 1800")]
    limit, slept = Limit(), list[float]()
    with (
        JsonClient(judge=judge, budget=limit, sleep=slept.append) as client,
        pytest.raises(ThrottledError) as caught,
    ):
        client.retrying()(client.get_json, server.url)
    assert (caught.value.retry_after, len(server.requests), slept) == (1800, 1, [])
    assert limit.events == ["wait", 1800]


def test_no_call_is_made_without_its_budget(server: Server) -> None:
    limit = Limit(error=TransientError("The ops database is away."))
    with JsonClient(budget=limit) as client, pytest.raises(TransientError, match="ops database"):
        client.get_json(server.url)
    assert server.requests == []


def test_an_unfit_url_costs_no_call(server: Server) -> None:
    limit = Limit()
    with JsonClient(budget=limit) as client, pytest.raises(PermanentError):
        client.get_json("http://h.example/x")
    assert limit.events == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    )
)
def test_a_body_is_read_as_the_standard_library_reads_it(value: object) -> None:
    for text in (json.dumps(value).encode(), json.dumps(value, ensure_ascii=False, indent=1).encode()):
        assert repr(_parse(text, False)) == repr(json.loads(text))


@pytest.mark.parametrize("exact", [False, True])
def test_a_value_that_the_quick_reader_refuses_costs_nothing_else(exact: bool) -> None:
    assert _parse(b'{"id": 7, "nome": "\\ud83d"}', exact) == {"id": 7, "nome": "\ud83d"}
    beyond = _parse(b'{"id": 7, "points": 1e999}', exact)
    assert beyond == {"id": 7, "points": Decimal("1e999") if exact else math.inf}


def test_numbers_stay_exact_where_that_is_asked_for(server: Server) -> None:
    server.script = [reply(b"[0.10, 12345678901234567890, 1]")]
    with JsonClient() as plain, JsonClient(exact=True) as exact:
        assert repr(plain.get_json(server.url).body) == "[0.1, 12345678901234567890, 1]"
        assert repr(exact.get_json(server.url).body) == "[Decimal('0.10'), 12345678901234567890, 1]"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'{"a":', b"[" * 100_000])
@pytest.mark.parametrize("exact", [False, True])
def test_what_is_no_json_says_so(server: Server, body: bytes, exact: bool) -> None:
    server.script = [reply(body)]
    with JsonClient(exact=exact) as client:
        answer = client.get_json(server.url)
    assert (answer.status, answer.body, answer.is_json) == (200, None, False)


def test_cookies_are_sent_again_and_known_to_the_redactor(server: Server) -> None:
    server.script = [reply(b"{}", "200 OK", "Set-Cookie: session=abcdefgh123; Path=/"), GOOD]
    with JsonClient() as client:
        client.get_json(server.url)
        client.get_json(server.url)
    assert "session=abcdefgh123" in server.requests[1]
    assert redact("the cookie abcdefgh123") == "the cookie ***"
