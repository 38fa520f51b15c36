"""Tokens that rotate: who refreshes and when, and what each refusal means."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sync_pipelines.erp.connections.credentials import milliseconds
from sync_pipelines.lib.failures import PermanentError, RefusedError, ThrottledError, TransientError
from sync_pipelines.lib.sealed import seal, unseal
from sync_pipelines_tests.erp.connections.tokens.world import CLIENT, KEY, START, TokenWorld


def test_a_token_that_is_about_to_end_is_refreshed_and_stored_sealed(world: TokenWorld) -> None:
    assert world.worker().value() == "access-token-0002"
    assert world.vendor.calls == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-token-0001",
            "client": "client-0001:client-secret-0001",
        }
    ]
    assert json.loads(unseal(world.raw, KEY)) == {
        **CLIENT,
        "access_token": "access-token-0002",
        "refresh_token": "refresh-token-0002",
        "expires_at": milliseconds(START) + 21_600_000,
    }
    assert world.mark is None


def test_a_token_with_time_left_is_used(world: TokenWorld) -> None:
    world.connect(expires_at=milliseconds(START) + 3_600_000)
    assert world.worker().value() == "access-token-0001"
    assert world.vendor.calls == []


def test_two_workers_refresh_once(world: TokenWorld) -> None:
    workers = [world.worker() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda worker: worker.value(), workers))
    assert found == ["access-token-0002"] * 4
    assert len(world.vendor.calls) == 1


def test_the_threads_of_a_worker_refresh_once_after_a_refusal(world: TokenWorld) -> None:
    world.connect(expires_at=None)
    worker = world.worker()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(worker.renewed, ["access-token-0001"] * 8))
    assert found == ["access-token-0002"] * 8
    assert len(world.vendor.calls) == 1


def test_what_another_worker_stored_is_used_without_a_call(world: TokenWorld) -> None:
    late = world.worker()
    world.vendor.number = 7
    world.connect(expires_at=milliseconds(START) + 3_600_000)
    assert late.renewed("access-token-0001") == "access-token-0007"
    assert world.vendor.calls == []


def test_a_refused_refresh_token_is_not_offered_again(world: TokenWorld) -> None:
    world.vendor.number = 5
    worker = world.worker()
    for _ in range(3):
        with pytest.raises(RefusedError, match=r"bling_1a2b3c4d.*invalid_grant.*Connect the account again"):
            worker.value()
    assert len(world.vendor.calls) == 1
    assert world.mark is None


def test_without_a_refresh_token_the_stored_one_is_used_until_it_is_refused(world: TokenWorld) -> None:
    world.connect(refresh_token=None, client_id=None, client_secret=None, expires_at=1)
    worker = world.worker()
    assert worker.value() == "access-token-0001"
    with pytest.raises(
        RefusedError, match=r"without refresh_token and client_id and client_secret .*Connect"
    ):
        worker.renewed("access-token-0001")
    assert world.vendor.calls == []


@pytest.mark.parametrize("token", ["two words", "açúcar", "line\nbreak"])
def test_a_token_that_no_header_carries_is_refreshed_or_named(world: TokenWorld, token: str) -> None:
    world.connect(access_token=token, expires_at=None)
    assert world.worker().value() == "access-token-0002"
    world.connect(access_token=token, expires_at=None, refresh_token=None)
    with pytest.raises(RefusedError, match="without refresh_token"):
        world.worker().value()


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), RefusedError, 1),
        (httpx.Response(400, json={"error": {"type": "invalid_client"}}), RefusedError, 1),
        (httpx.Response(400, json={"error": "invalid_request"}), PermanentError, 1),
        (httpx.Response(404, text="no"), PermanentError, 1),
        (httpx.Response(503), TransientError, 3),
        (httpx.Response(200, text="<html>login</html>"), TransientError, 3),
        (httpx.Response(200, json={"access_token": "two words"}), TransientError, 3),
        (httpx.Response(401, json={"error": "access_denied"}), RefusedError, 1),
        (httpx.Response(429, headers={"Retry-After": "3600"}), ThrottledError, 1),
        (httpx.Response(429), ThrottledError, 1),
        (httpx.Response(403, json={"error": {"type": "TOO_MANY_REQUESTS"}}), ThrottledError, 1),
        (httpx.Response(403, text="<html>blocked</html>"), ThrottledError, 1),
    ],
)
def test_each_refusal_has_its_kind(
    world: TokenWorld, answer: httpx.Response, error: type[Exception], calls: int
) -> None:
    world.vendor.before = lambda: httpx.Response(
        answer.status_code, content=answer.content, headers=answer.headers
    )
    with pytest.raises(error) as caught:
        world.worker().value()
    assert type(caught.value) is error
    assert len(world.vendor.calls) == calls
    assert (world.mark is None) == (error in {RefusedError, PermanentError})


def test_token_calls_stay_below_the_vendors_limit(world: TokenWorld) -> None:
    """The 20th call within a minute would block the address for an hour."""
    moments = []
    for _ in range(20):
        world.connect()
        world.worker().value()
        moments.append(world.now)
    spans = [(later - first).total_seconds() for first, later in zip(moments, moments[15:], strict=False)]
    assert min(spans) >= 60


def test_no_secret_is_logged(world: TokenWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.vendor.before = lambda: httpx.Response(503) if len(world.vendor.calls) == 1 else None
    worker = world.worker()
    assert worker.value() == "access-token-0002"
    for secret in ("access-token-0", "refresh-token-0", "client-secret-0001", KEY, seal("", KEY)[:8]):
        assert secret not in caplog.text
    shown = repr(world.tokens())
    assert [secret for secret in (KEY, world.erp_url, world.ops_url) if secret in shown] == []
