"""Authentication of the fake, as a client of others meets it."""

from collections.abc import Iterator

import httpx
import pytest

from sync_pipelines.sandbox.hitss.auth import LOGIN_PATH, PASSWORD, USERNAME
from sync_pipelines.sandbox.hitss.fake import HitssFake

RIGHT = {"username": USERNAME, "password": PASSWORD}


@pytest.fixture
def hitss(running: HitssFake) -> Iterator[HitssFake]:
    yield running
    running.clear()
    running.upstream.auth.mode = "none"
    running.upstream.auth.expire()


@pytest.fixture
def visitor(hitss: HitssFake) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hitss.base_url, timeout=10, trust_env=False) as client:
        yield client


def test_basic_lets_in_who_knows_the_password(hitss: HitssFake, visitor: httpx.Client) -> None:
    hitss.upstream.auth.mode = "basic"
    statuses = [
        visitor.get(hitss.url("08-2025"), auth=auth).status_code
        for auth in (None, httpx.BasicAuth(USERNAME, "outra"), httpx.BasicAuth(USERNAME, PASSWORD))
    ]
    assert statuses == [401, 401, 200]


def test_a_login_wants_its_token_with_its_cookie(hitss: HitssFake, visitor: httpx.Client) -> None:
    hitss.upstream.auth.mode = "login"
    token = visitor.post(LOGIN_PATH, json=RIGHT).raise_for_status().json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.get(hitss.url("08-2025"), headers=bearer).status_code == 200
    assert visitor.get(hitss.url("08-2025")).status_code == 401
    visitor.cookies.clear()
    assert visitor.get(hitss.url("08-2025"), headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [({"json": {**RIGHT, "password": "x"}}, 401), ({"json": [1]}, 401), ({"content": b"username=x"}, 400)],
)
def test_who_does_not_know_the_password_gets_no_token(
    visitor: httpx.Client, body: dict[str, object], status: int
) -> None:
    answer = visitor.post(LOGIN_PATH, **body)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert "token" not in answer.json()
    assert not answer.cookies


def test_faults_of_the_login_leave_the_export_alone(hitss: HitssFake, visitor: httpx.Client) -> None:
    hitss.fault("login_page", times=1)
    hitss.fault("login_status", times=1, code=500)
    assert visitor.get(hitss.url("08-2025")).status_code == 200
    page = visitor.post(LOGIN_PATH, json=RIGHT)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert [visitor.post(LOGIN_PATH, json=RIGHT).status_code for _ in range(2)] == [500, 200]


def test_expired_tokens_are_refused_and_a_new_one_is_not(hitss: HitssFake, visitor: httpx.Client) -> None:
    def bearer() -> dict[str, str]:
        return {"Authorization": f"Bearer {visitor.post(LOGIN_PATH, json=RIGHT).json()['token']}"}

    hitss.upstream.auth.mode = "login"
    hitss.fault("token_expired", times=1)
    assert visitor.get(hitss.url("08-2025"), headers=bearer()).status_code == 401
    assert visitor.get(hitss.url("08-2025"), headers=bearer()).status_code == 200
