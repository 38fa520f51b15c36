"""Tokens, section 3 of the wire contract."""

from __future__ import annotations

import time

import jwt
import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import SECRET, Api, error

PATH = "/things?limit=1"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_expired_token_is_refused_with_the_code_of_its_version(api: Api) -> None:
    response = api.get(PATH, exp=int(time.time()) - 3600)
    assert error(response) == api.differing("expired token")
    assert response.json()["message"] == "JWT expired"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_half_a_minute_of_skew_is_allowed(api: Api) -> None:
    now = int(time.time())
    assert api.get(PATH, exp=now - 10).status_code == 200
    assert api.get(PATH, nbf=now + 10).status_code == 200
    assert api.get(PATH, nbf=now + 3600).status_code == 401


@pytest.mark.parametrize(
    "token",
    ["abc", "a.b.c", jwt.encode({"role": "service_role"}, "another-secret-that-is-long-enough-too", "HS256")],
)
def test_a_token_of_somebody_else_is_refused(api: Api, token: str) -> None:
    assert error(api.get(PATH, role=None, headers=bearer(token))) == (401, "PGRST301")


def test_a_role_that_is_not_there_is_refused(api: Api) -> None:
    assert error(api.get(PATH, role="ninguem")) == api.differing("unknown role")


def test_a_role_beyond_the_projects_is_refused(api: Api) -> None:
    assert error(api.get(PATH, role="pg_monitor")) == (403, "42501")


def test_a_token_without_role_is_nobodys(api: Api) -> None:
    token = jwt.encode({"sub": "x"}, SECRET, "HS256")
    assert api.post("/rpc/whoami", {}, role=None, headers=bearer(token)).json() == "anon"


def test_its_claims_reach_the_database(api: Api) -> None:
    api.run("insert into public.guarded values (1, 'eu'), (2, 'outro')")
    assert api.get("/guarded?select=id", role="authenticated", sub="outro").json() == [{"id": 2}]
