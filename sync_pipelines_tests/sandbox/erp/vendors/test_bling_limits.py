"""How often Bling may be called, and by whom (contract of the ERPs, section 5, trap 13)."""

from __future__ import annotations

from collections.abc import Callable

from sync_pipelines.sandbox.erp.bling_limits import BlingRules
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller, company

NewBling = Callable[..., BlingCaller]


def test_three_calls_a_second(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1), company(notes=1))
    assert [caller.get("/nfe", wait=0.25).status_code for _ in range(4)] == [200, 200, 200, 429]
    error = caller.get("/nfe", wait=0).json()["error"]
    assert (error["type"], error["limit"], error["period"]) == ("TOO_MANY_REQUESTS", 3, "second")
    assert caller.get("/nfe", account=1, wait=0).status_code == 200
    # Refused calls took no place.
    assert caller.get("/nfe", wait=0.25).status_code == 200
    assert caller.bling.calls.busiest(1.0, "invoices", account="bling-1") == 5


def test_so_many_calls_a_day(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1), rules=BlingRules(calls_per_day=5))
    assert [caller.get("/nfe").status_code for _ in range(6)] == [*([200] * 5), 429]
    error = caller.get("/nfe").json()["error"]
    assert (error["limit"], error["period"]) == (5, "day")
    caller.token()
    caller.clock.now += 86_400 - 21_600
    caller.token()
    assert caller.get("/nfe", wait=21_600 - 20).status_code == 200


def test_a_burst_blocks_the_address(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1), rules=BlingRules(requests=6, calls_per_second=None))
    assert [caller.get("/nfe").status_code for _ in range(7)] == [*([200] * 5), 429, 429]
    assert caller.get("/nfe", wait=598).status_code == 429
    assert caller.get("/nfe", wait=1).status_code == 200


def test_errors_block_the_address(new_bling: NewBling) -> None:
    rules = BlingRules(errors=4, calls_per_second=None, blocked_status=403)
    caller = new_bling(company(notes=1), rules=rules)
    assert [caller.get("/nfe/9").status_code for _ in range(5)] == [404, 404, 404, 404, 403]
    assert caller.get("/nfe", wait=600).status_code == 200
    for _ in range(20):
        assert caller.get("/nfe/9", wait=5).status_code == 404


def test_a_token_opens_what_its_scopes_say(new_bling: NewBling) -> None:
    caller = new_bling()
    caller.bling.add(company(notes=1), scopes=("nfe",))
    assert caller.get("/nfe").status_code == 200
    for path in ("/produtos", "/produtos/1", "/empresas/me/dados-basicos", "/nfce"):
        refused = caller.get(path)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "insufficient_scope")
    assert caller.get("/nfe", token="nada").status_code == 401
    assert caller.http.get("/nfe").status_code == 401
    last = caller.bling.calls.all[-1]
    assert (last.account, last.status, last.fault) == (None, 401, "invalid_token")
