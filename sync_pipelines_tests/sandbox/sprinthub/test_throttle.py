"""How often one may call (contract of SprintHub, section 4, trap 2): any 60 seconds of a clock that is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sync_pipelines.sandbox.sprinthub.throttle import Throttle
from sync_pipelines_tests.sandbox.sprinthub.conftest import Caller


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_beyond_the_limit_the_answer_is_a_401_with_the_figures(new_caller: Callable[..., Caller]) -> None:
    clock = Clock()
    caller = new_caller(rate_per_minute=3, clock=clock)
    lead = caller.leads[0]
    for second in range(3):
        clock.now = 1000.0 + 10 * second
        assert caller.detail(lead).status_code == 200
    refused = caller.detail(lead)
    assert refused.status_code == 401
    assert refused.json() == {"msg": "Aguarde: too many requests", "usage": 3, "limite": 3}

    clock.now = 1059.9
    assert caller.page(0).status_code == 401
    clock.now = 1060.0
    assert caller.page(0).status_code == 200
    assert caller.page(0).status_code == 401
    clock.now = 1070.0
    assert caller.detail(lead).status_code == 200
    assert caller.crm.calls.count(status=401) == 3
    assert caller.crm.calls.busiest(accepted=True) == 3


def test_the_other_way_to_say_it(new_caller: Callable[..., Caller]) -> None:
    clock = Clock()
    caller = new_caller(rate_per_minute=1, clock=clock, throttle_status=429)
    assert caller.page(0).status_code == 200
    clock.now += 20.5
    refused = caller.page(0)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "40"
    clock.now += 40
    assert caller.page(0).status_code == 200


def test_who_may_not_call_takes_nobodys_place(new_caller: Callable[..., Caller]) -> None:
    caller = new_caller(rate_per_minute=1, clock=Clock())
    for _ in range(3):
        assert caller.http.get("/segments", headers={"apitoken": "errado"}).json()["msg"].startswith("Token")
        assert caller.http.get("/segments", params={"i": "outro"}).status_code == 400
    assert caller.http.get("/segments").status_code == 200
    assert caller.http.get("/segments").status_code == 401


@pytest.mark.parametrize("strict", [False, True])
def test_refused_calls_count_where_the_throttle_is_strict(strict: bool) -> None:
    clock = Clock(0.0)
    throttle = Throttle(2, clock, strict)
    assert [throttle.wait(), throttle.wait()] == [0.0, 0.0]
    clock.now = 30.0
    assert throttle.wait() > 0
    clock.now = 60.0
    assert (throttle.wait() == 0.0) is True
    assert (throttle.wait() == 0.0) is not strict


def test_the_busiest_minute_is_found_wherever_it_lies(new_caller: Callable[..., Caller]) -> None:
    clock = Clock(0.0)
    caller = new_caller(clock=clock)
    for at in (0.0, 50.0, 59.0, 61.0, 70.0, 109.9, 110.0, 300.0):
        clock.now = at
        caller.detail(caller.leads[0])
    # From 50 on, but without the call at 110: 50, 59, 61, 70, 109.9.
    assert caller.crm.calls.busiest() == 5
    assert caller.crm.calls.busiest(seconds=1) == 2
    assert caller.crm.calls.count("detail") == 8
