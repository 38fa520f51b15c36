"""Bling: tokens that end, scopes, limits, refusals, and no secret in what is said of them."""

from __future__ import annotations

import logging

import httpx
import pytest

from sync_pipelines.erp.vendors.bling_answers import judge
from sync_pipelines.erp.vendors.session import BlockedError
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.http.json import JsonAnswer
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld, listed
from sync_pipelines_tests.sandbox.erp.vendors.clients import note, product


def test_a_token_that_is_about_to_end_is_refreshed_before_a_call(bling: BlingWorld) -> None:
    one = bling.connect()
    bling.time.sleep(6 * 3600 - 60)
    with bling.open(one) as vendor:
        vendor.company()
    assert [call.status for call in bling.fake.calls.of("company")] == [200]
    assert bling.fake.calls.count("token") == 1


def test_threads_whose_token_ended_refresh_it_once(bling: BlingWorld) -> None:
    bling.company.products += [product(number) for number in range(1, 31)]
    with bling.open() as vendor:
        bling.fake.before("product", 5, lambda: bling.fake.oauth.expire(bling.fake.account))
        [page] = vendor.products()
    assert all(one.ncm for one in page.items)
    assert bling.fake.calls.count("token") == 1


def test_an_access_token_alone_works_until_it_ends(bling: BlingWorld) -> None:
    only = {"refresh_token": None, "expires_at": None, "bling_client_id": None, "bling_client_secret": None}
    one = bling.connect(**only)
    with bling.open(one) as vendor:
        vendor.company()
        bling.time.sleep(6 * 3600)
        with pytest.raises(RefusedError, match=r"without refresh_token and bling_client_id"):
            vendor.company()
    assert bling.fake.calls.count("token") == 0


def test_a_new_token_that_is_refused_as_well_ends_the_session(bling: BlingWorld) -> None:
    bling.fake.fail("company_invalid_token")
    with bling.open() as vendor:
        for _ in range(2):
            with pytest.raises(RefusedError, match="issued just now"):
                vendor.company()
    assert bling.fake.calls.count("company") == 2
    assert bling.fake.calls.count("token") == 1


def test_a_missing_scope_stops_its_module_alone(bling: BlingWorld) -> None:
    bling.fake.fail("products_insufficient_scope")
    with bling.open() as vendor:
        with pytest.raises(RefusedError, match=r"insufficient_scope.*\(403\).*Grant it the access") as caught:
            list(vendor.products())
        assert caught.value.status == 403
        assert vendor.company().items


def test_no_second_has_more_than_three_calls_and_few_are_wasted(bling: BlingWorld) -> None:
    bling.company.products += [product(number) for number in range(1, 91)]
    with bling.open() as vendor:
        begin = bling.time.seconds
        list(vendor.products())
        assert vendor.calls == 91
        assert 91 / (bling.time.seconds - begin) >= 0.95 * 3
        assert vendor.waited > 0
    assert bling.fake.calls.busiest(1.0) == 3
    assert bling.fake.calls.of(status=429) == []


def test_a_call_that_came_too_early_is_made_again(bling: BlingWorld) -> None:
    bling.fake.fail("company_too_many_second", 2)
    with bling.open() as vendor:
        assert vendor.company().items


@pytest.mark.parametrize(
    ("fault", "words"), [("too_many_day", "left today"), ("blocked", "takes no calls from our address")]
)
def test_a_block_ends_the_calls_of_the_account(bling: BlingWorld, fault: str, words: str) -> None:
    bling.fake.fail(f"company_{fault}", 1)
    with bling.open() as vendor:
        for _ in range(2):
            with pytest.raises(BlockedError, match=words):
                vendor.company()
    assert bling.fake.calls.count() == 1
    with bling.open() as vendor, pytest.raises(ThrottledError):
        vendor.company()
    assert bling.fake.calls.count() == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(403, text="<html>Access denied</html>"), BlockedError),
        (httpx.Response(403, json={"error": {"type": "TOO_MANY_REQUESTS"}}), BlockedError),
        (httpx.Response(403, json={"error": {"type": "FORBIDDEN"}}), RefusedError),
        (httpx.Response(429, text="slow down"), BlockedError),
        (httpx.Response(429, json={"error": {"limit": 3, "period": "second"}}), ThrottledError),
    ],
)
def test_a_refused_address_is_no_refused_account(answer: httpx.Response, error: type[SyncError]) -> None:
    body = answer.json() if "json" in answer.headers["content-type"] else None
    assert type(judge(JsonAnswer(answer.status_code, body, is_json=body is not None))) is error


@pytest.mark.parametrize(
    ("fault", "error", "words", "calls"),
    [
        ("validation", PermanentError, r"VALIDATION_ERROR, situacao\) answered 400", 1),
        ("server_error", TransientError, r"SERVER_ERROR\) answered 500", 4),
        ("not_json", TransientError, "without the data", 4),
        ("without_data", TransientError, "without the data", 4),
        ("cut", TransientError, "cut", 4),
    ],
)
def test_each_refusal_has_its_kind_and_quotes_nobody(
    bling: BlingWorld, fault: str, error: type[SyncError], words: str, calls: int
) -> None:
    bling.fake.fail(f"company_{fault}")
    with bling.open() as vendor, pytest.raises(error, match=words) as caught:
        vendor.company()
    assert type(caught.value) is error
    assert bling.fake.calls.arrived("company") == calls
    assert "Não foi possível" not in str(caught.value)


def test_a_base_url_without_a_version_is_completed_and_a_wrong_one_named(bling: BlingWorld) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(404)

    with (
        bling.open(transport=httpx.MockTransport(answer)) as vendor,
        pytest.raises(PermanentError, match=r"no such call .* Check BLING_URL"),
    ):
        vendor.company()
    assert asked == [f"{bling.fake.url}/empresas/me/dados-basicos"]


def test_no_secret_is_logged_or_quoted(bling: BlingWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bling.company.notes += [note(7001)]
    secrets = [str(one) for name, one in bling.fake.account.credentials.items() if name != "expires_at"]
    bling.fake.fail("invoices_server_error", 1)
    with bling.open() as vendor:
        bling.fake.before("invoices", 2, lambda: bling.fake.oauth.expire(bling.fake.account))
        list(listed(vendor))
        bling.fake.oauth.revoke(bling.fake.account)
        with pytest.raises(RefusedError) as caught:
            vendor.company()
    secrets += [str(one) for name, one in bling.fake.account.credentials.items() if name != "expires_at"]
    assert [secret for secret in secrets if secret in f"{caplog.text}{caught.value}"] == []
