"""Tokens that rotate: who refreshes, what is stored when, and what a person reads where nothing helps."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from sync_pipelines.erp.connections.credentials import milliseconds
from sync_pipelines.lib.failures import PermanentError, RefusedError, ThrottledError, TransientError
from sync_pipelines.lib.sealed import seal, unseal
from sync_pipelines_tests.erp.connections.token_world import CLIENT, KEY, START, TokenWorld


@pytest.fixture
def world(erp: psycopg.Connection[Any], erp_url: str, ops_url: str) -> TokenWorld:
    world = TokenWorld(erp, erp_url, ops_url)
    world.connect()
    return world


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


def test_the_new_pair_is_in_the_row_before_anybody_has_it(world: TokenWorld) -> None:
    """Whoever holds the row's lock holds up the worker."""
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(world.erp_url) as other:
            answered = threading.Event()

            def lock_row() -> None:
                other.execute("select from erp_connections where id = %s for update", (world.connection_id,))
                answered.set()

            world.vendor.after = lock_row
            used = pool.submit(world.worker().value)
            assert answered.wait(20)
            assert not used.done()
            assert world.row()["access_token"] == "access-token-0001"
            assert world.mark["at"] == "2026-11-22T12:00:00+00:00"
        assert used.result(20) == "access-token-0002"
    assert world.row()["access_token"] == "access-token-0002"


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


def test_the_application_may_have_refreshed_with_the_same_token(world: TokenWorld) -> None:
    def refreshed_elsewhere() -> None:
        world.vendor.number = 3
        world.connect(expires_at=milliseconds(START) + 3_600_000)

    world.vendor.before = refreshed_elsewhere
    assert world.worker().value() == "access-token-0003"
    assert len(world.vendor.calls) == 1


def test_an_account_that_a_person_connects_anew_meanwhile_keeps_that(world: TokenWorld) -> None:
    def connected_anew() -> None:
        tokens = {"access_token": "persons-access-01", "refresh_token": "persons-refresh-01"}
        world.connect(**tokens, expires_at=milliseconds(START) + 3_600_000)

    world.vendor.after = connected_anew
    assert world.worker().value() == "persons-access-01"
    assert world.row()["refresh_token"] == "persons-refresh-01"


class CrashError(BaseException):
    """The process ends."""


def crash() -> None:
    raise CrashError


def test_after_a_crash_between_answer_and_commit_the_sentence_says_so(world: TokenWorld) -> None:
    world.vendor.after = crash
    with pytest.raises(CrashError):
        world.worker().value()
    world.vendor.after = lambda: None
    world.sleep(3600)
    for _ in range(2):
        with pytest.raises(
            RefusedError,
            match=r"began at 2026-11-22T12:00:00\+00:00 and was interrupted .*Connect the account",
        ):
            world.worker().value()
    assert [call["refresh_token"] for call in world.vendor.calls] == ["refresh-token-0001"] * 3


@pytest.mark.parametrize("died", ["before", "after"])
def test_after_a_crash_the_stored_token_is_tried_once_more(world: TokenWorld, died: str) -> None:
    """The vendor never saw it, or keeps the old one for a while."""
    setattr(world.vendor, died, crash)
    with pytest.raises(CrashError):
        world.worker().value()
    assert world.mark is not None
    setattr(world.vendor, died, lambda: None)
    world.vendor.keeps_old = True
    assert world.worker().value() == world.vendor.access
    assert world.row()["refresh_token"] == world.vendor.refresh
    assert world.mark is None


def test_an_answer_that_is_lost_on_its_way_is_asked_for_again(world: TokenWorld) -> None:
    def lost() -> httpx.Response | None:
        world.vendor.after = lambda: None
        raise httpx.ReadTimeout("late")

    world.vendor.after, world.vendor.keeps_old = lost, True
    assert world.worker().value() == "access-token-0003"


def test_a_lost_answer_whose_old_token_died_is_an_interrupted_refresh(world: TokenWorld) -> None:
    def lost() -> httpx.Response | None:
        raise httpx.ReadTimeout("late")

    world.vendor.after = lost
    with pytest.raises(RefusedError, match="was interrupted before its answer was stored"):
        world.worker().value()


def test_a_database_that_restarts_between_answer_and_commit_gets_the_pair_all_the_same(
    world: TokenWorld,
) -> None:
    def restart() -> None:
        world.erp.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    world.vendor.after = restart
    assert world.worker().value() == "access-token-0002"
    assert world.row()["refresh_token"] == "refresh-token-0002"


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


def test_credentials_in_clear_become_sealed_where_there_is_a_key_and_stay_so_where_there_is_none(
    world: TokenWorld,
) -> None:
    world.connect(key=None)
    world.worker(None).value()
    assert world.raw["access_token"] == "access-token-0002"
    world.connect(key=None)
    world.worker().value()
    assert isinstance(world.raw, str)
    assert world.row()["access_token"] == "access-token-0003"


def test_what_the_vendor_leaves_out_stays(world: TokenWorld) -> None:
    world.vendor.answer = {"refresh_token": None, "expires_in": None}
    world.worker().value()
    assert world.row()["refresh_token"] == "refresh-token-0001"
    assert world.row()["expires_at"] is None


def test_a_long_token_is_stored_whole(world: TokenWorld) -> None:
    long = "eyJhbGciOi." + "x1" * 1500
    world.vendor.answer = {"access_token": long}
    assert world.worker().value() == long
    assert world.row()["access_token"] == long


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


def test_a_connection_that_is_gone_is_named(world: TokenWorld) -> None:
    worker = world.worker()
    world.erp.execute("delete from erp_connections")
    with pytest.raises(PermanentError, match=r"bling_1a2b3c4d.*the connection was deleted"):
        worker.value()


def test_no_secret_is_logged(world: TokenWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.vendor.before = lambda: httpx.Response(503) if len(world.vendor.calls) == 1 else None
    worker = world.worker()
    assert worker.value() == "access-token-0002"
    for secret in ("access-token-0", "refresh-token-0", "client-secret-0001", KEY, seal("", KEY)[:8]):
        assert secret not in caplog.text
    shown = repr(world.tokens())
    assert [secret for secret in (KEY, world.erp_url, world.ops_url) if secret in shown] == []
