"""The row while its tokens are refreshed: what is stored when, by whom, and what is left after a crash."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from sync_pipelines.erp.connections.credentials import milliseconds
from sync_pipelines.lib import postgres
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines_tests.erp.connections.tokens.world import START, TokenWorld


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


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        (None, {}),
        ("null", {}),
        ('{"plano": "a"}', {"plano": "a"}),
        ('["a"]', {"previous": ["a"]}),
        ('"a"', {"previous": "a"}),
    ],
)
def test_whatever_stands_in_the_metadata_stays(
    world: TokenWorld, metadata: str | None, kept: dict[str, Any]
) -> None:
    world.erp.execute("update erp_connections set metadata = %s", (metadata,))
    world.worker().value()
    found = world.erp.execute("select metadata - 'sync_pipelines_tokens' from erp_connections").fetchall()
    assert found == [(kept,)]


def test_a_long_token_is_stored_whole(world: TokenWorld) -> None:
    long = "eyJhbGciOi." + "x1" * 1500
    world.vendor.answer = {"access_token": long}
    assert world.worker().value() == long
    assert world.row()["access_token"] == long


def test_who_waits_for_another_refresh_ends_with_its_run(world: TokenWorld) -> None:
    worker = world.worker()
    key = postgres.lock_key("erp", "tokens", str(world.connection_id))
    world.erp.execute("select pg_advisory_lock(%s)", (key,))
    cancellation = Cancellation()
    cancellation.cancel()
    world.options["sleep"] = cancellation.sleep
    with pytest.raises(InterruptedRunError):
        world.worker().value()
    world.erp.execute("select pg_advisory_unlock(%s)", (key,))
    assert worker.value() == "access-token-0002"


def test_a_connection_that_is_gone_is_named(world: TokenWorld) -> None:
    worker = world.worker()
    world.erp.execute("delete from erp_connections")
    with pytest.raises(PermanentError, match=r"bling_1a2b3c4d.*the connection was deleted"):
        worker.value()
