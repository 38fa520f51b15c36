"""Bling's tokens (contract of the ERPs, section 5, traps 17 to 19, 21)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller, Clock, company

NewBling = Callable[..., BlingCaller]


def test_an_access_token_ends_after_six_hours_and_a_refresh_token_with_its_use(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    account = caller.bling.account
    assert account.credentials["expires_at"] == int((caller.clock.now + 21_600) * 1000)
    assert caller.get("/nfe", wait=21_599).status_code == 200
    expired = caller.get("/nfe")
    assert expired.status_code == 401
    assert expired.json() == {
        "error": {
            "type": "invalid_token",
            "message": "invalid_token",
            "description": "The access token provided has expired",
        }
    }
    old = account.refresh_token
    renewed = caller.token()
    assert renewed.status_code == 200
    answer = renewed.json()
    assert (answer["expires_in"], answer["token_type"]) == (21_600, "Bearer")
    assert (answer["access_token"], answer["refresh_token"]) == (account.access_token, account.refresh_token)
    assert answer["refresh_token"] != old
    assert caller.get("/nfe", token=answer["access_token"]).status_code == 200
    used = caller.token(grant_type="refresh_token", refresh_token=old)
    assert (used.status_code, used.json()["error"]["type"]) == (400, "invalid_grant")
    assert caller.token().status_code == 200


def test_a_refresh_token_ends_after_thirty_days(new_bling: NewBling) -> None:
    caller = new_bling(company())
    assert caller.token(wait=30 * 86_400 - 1).status_code == 200
    assert caller.token(wait=30 * 86_400).json()["error"]["type"] == "invalid_grant"


def test_tokens_end_when_a_person_takes_the_permission_away(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1), company(notes=1))
    first, second = caller.bling.accounts
    caller.bling.oauth.expire(first)
    assert caller.get("/nfe").status_code == 401
    assert caller.token().status_code == 200
    caller.bling.oauth.revoke(first)
    assert caller.get("/nfe").status_code == 401
    assert caller.token().json()["error"]["type"] == "invalid_grant"
    assert caller.get("/nfe", account=1).status_code == 200
    # A code as a person's consent gives it opens the account again, once and within a minute.
    code = caller.bling.oauth.authorize(first)
    assert caller.token(grant_type="authorization_code", code=code).status_code == 200
    assert caller.get("/nfe").status_code == 200
    assert caller.token(grant_type="authorization_code", code=code).status_code == 400
    late = caller.bling.oauth.authorize(second)
    assert caller.token(account=1, wait=60, grant_type="authorization_code", code=late).status_code == 400


def test_who_asks_for_tokens_and_how(new_bling: NewBling) -> None:
    caller = new_bling(company(), company())
    first, second = caller.bling.accounts
    form = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    unknown = caller.http.post("/oauth/token", data=form)
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (401, "invalid_client")
    stolen = caller.http.post("/oauth/token", data=form, headers={"Authorization": second.basic})
    assert stolen.json()["error"]["type"] == "invalid_grant"
    assert caller.token(grant_type="password").json()["error"]["type"] == "unsupported_grant_type"
    assert caller.token().status_code == 200
    assert [call.parameters for call in caller.bling.calls.of("token", account="bling-1")] == [
        {"grant_type": "password"},
        {"grant_type": "refresh_token"},
    ]


def test_of_two_workers_with_one_refresh_token_one_is_refused(new_bling: NewBling) -> None:
    caller = new_bling(company())
    form: dict[str, Any] = {
        "grant_type": "refresh_token",
        "refresh_token": caller.bling.account.refresh_token,
    }
    meeting = Barrier(2)
    for number in (1, 2):
        caller.bling.before("token", number, lambda: meeting.wait(10))
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(caller.token, **form) for _ in range(2)]
        assert sorted(one.result().status_code for one in both) == [200, 400]


def test_a_jwt_is_long(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    form = {"grant_type": "refresh_token", "refresh_token": caller.bling.account.refresh_token}
    headers = {"Authorization": caller.bling.account.basic, "enable-jwt": "1"}
    token = caller.http.post("/oauth/token", data=form, headers=headers).json()["access_token"]
    assert 2500 < len(token) < 3500
    assert token.count(".") == 2
    assert caller.get("/nfe", token=token).status_code == 200


def test_twenty_calls_for_a_token_in_a_minute_block_the_address_for_an_hour(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    statuses = [caller.token(wait=1).status_code for _ in range(20)]
    assert statuses == [*([200] * 19), 429]
    assert caller.get("/nfe").status_code == 429
    assert "period" not in caller.get("/nfe").json()["error"]
    assert caller.bling.limits.blocked_for(caller.clock.now) == 3598
    assert caller.token(wait=3597).status_code == 429
    assert caller.token(wait=1).status_code == 200


def test_the_answer_may_be_lost_after_the_tokens_were_changed(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    old = caller.bling.account.refresh_token
    caller.bling.fail("token_lost", 1)
    with pytest.raises(httpx.TransportError):
        caller.token()
    assert caller.bling.account.refresh_token != old
    assert (
        caller.token(grant_type="refresh_token", refresh_token=old).json()["error"]["type"] == "invalid_grant"
    )
    caller.bling.fail("token_without_refresh", 1)
    assert "refresh_token" not in caller.token().json()
    caller.bling.fail("token_invalid_client", 1)
    assert caller.token().status_code == 401


def test_a_vendor_may_let_a_used_refresh_token_live(new_bling: NewBling) -> None:
    caller = new_bling(company(), keeps_used_refresh_tokens=True)
    form: dict[str, Any] = {
        "grant_type": "refresh_token",
        "refresh_token": caller.bling.account.refresh_token,
    }
    assert [caller.token(**form).status_code for _ in range(2)] == [200, 200]


def test_tokens_outlive_the_process(tmp_path: Path) -> None:
    kept, clock = tmp_path / "tokens.json", Clock()
    names: dict[str, Any] = {
        "client_id": "id",
        "client_secret": "segredo",
        "access_token": "A1",
        "refresh_token": "R1",
    }
    with BlingFake(clock=clock, kept=kept) as bling:
        first = BlingCaller(bling, httpx.Client(base_url=bling.url), clock)
        account = bling.add(company(notes=1), **names)
        assert first.get("/nfe", token="A1").status_code == 200
        renewed = first.token().json()
        assert account.access_token == renewed["access_token"]
        first.http.close()
    assert kept.stat().st_mode & 0o777 == 0o600
    with BlingFake(clock=clock, kept=kept) as bling, httpx.Client(base_url=bling.url) as http:
        second = BlingCaller(bling, http, clock)
        bling.add(company(notes=1), **names)
        # The first pair was used and is not made valid again.
        assert second.token(grant_type="refresh_token", refresh_token="R1").status_code == 400
        assert second.get("/nfe", token=renewed["access_token"]).status_code == 200
        form = {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]}
        assert second.token(**form).status_code == 200
