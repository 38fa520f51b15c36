"""The faults (contract of SprintHub, sections 4 and 9, traps 2, 5 and 7): each as it looks to a client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.sprinthub.faults import ANSWERS, BEHAVIOURS, KINDS
from sync_pipelines_tests.sandbox.sprinthub.conftest import Caller

#: Fault without its kind → status and what the body holds.
COMMON = {
    "server_error": (500, "Erro interno"),
    "bad_gateway": (502, "<html>"),
    "unavailable": (503, "Service Unavailable"),
    "bad_request": (400, "Invalid request"),
    "throttled": (401, "too many requests"),
    "throttled_429": (429, "too many requests"),
    "bad_token": (401, "Token de API inválido"),
    "truncated": (200, '{"data"'),
    "not_json": (200, "<html>"),
    "empty": (200, ""),
    "without_data": (200, "Erro inesperado"),
}


def ask(caller: Caller, kind: str) -> httpx.Response:
    if kind == "list":
        return caller.page(0)
    return caller.detail(caller.leads[0]) if kind == "detail" else caller.http.get("/segments")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COMMON)
def test_a_fault_hits_its_kind_of_call_so_many_times(caller: Caller, kind: str, name: str) -> None:
    caller.crm.fail(f"{kind}_{name}", times=2)
    for other in KINDS:
        if other != kind:
            assert "data" in ask(caller, other).json()
    status, text = COMMON[name]
    for _ in range(2):
        answer = ask(caller, kind)
        assert answer.status_code == status
        assert text in answer.text
    assert "data" in ask(caller, kind).json()


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_is_reset_and_one_that_hangs(caller: Caller, kind: str) -> None:
    caller.crm.fail(f"{kind}_drop", times=1)
    with pytest.raises(httpx.TransportError):
        ask(caller, kind)
    caller.crm.fail(f"{kind}_hang", times=1)
    caller.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        ask(caller, kind)
    caller.http.timeout = httpx.Timeout(10.0)
    assert ask(caller, kind).status_code == 200
    assert caller.crm.calls.count(status=0) == 2


def test_only_a_throttled_401_bears_figures(caller: Caller) -> None:
    caller.crm.fail("list_throttled", times=1)
    assert set(caller.page(0).json()) == {"msg", "usage", "limite"}
    caller.crm.fail("list_bad_token", times=1)
    assert set(caller.page(0).json()) == {"msg"}


def test_a_truncated_answer_is_no_json(caller: Caller) -> None:
    caller.crm.fail("detail_truncated")
    with pytest.raises(json.JSONDecodeError):
        caller.detail(caller.leads[0]).json()


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("detail_missing", 404, {"msg": "Lead não encontrado"}),
        ("detail_without_lead", 200, {"data": {}}),
        ("detail_null", 200, {"data": {"lead": None}}),
    ],
)
def test_a_detail_that_is_not_there_of_one_lead(caller: Caller, name: str, status: int, body: Any) -> None:
    caller.crm.fail(name, lead=caller.leads[1])
    for _ in range(2):
        answer = caller.detail(caller.leads[1])
        assert (answer.status_code, answer.json()) == (status, body)
        assert caller.lead(caller.leads[2])["id"] == caller.leads[2]
    caller.crm.clear()
    assert caller.lead(caller.leads[1])["id"] == caller.leads[1]


def test_the_detail_of_another_lead(caller: Caller) -> None:
    caller.crm.fail("detail_of_another", lead=caller.leads[1], times=1)
    assert caller.lead(caller.leads[1])["id"] != caller.leads[1]
    assert caller.lead(caller.leads[1])["id"] == caller.leads[1]


@pytest.mark.parametrize(
    ("name", "page", "change"),
    [
        ("list_total_too_high", 0, lambda data: data | {"total": 26}),
        ("list_total_too_low", 1, lambda data: data | {"total": 24}),
        ("list_total_as_text", 0, lambda data: data | {"total": "25"}),
        ("list_without_total", 2, lambda data: {"leads": data["leads"]}),
        ("list_total_doubled", 1, lambda data: data | {"total": 50}),
        ("list_total_of_page", 2, lambda data: data | {"total": 5}),
        ("list_short", 0, lambda data: data | {"leads": data["leads"][:-1]}),
        ("list_read_as_empty", 1, lambda _data: {"total": 0, "leads": []}),
        ("list_without_leads", 0, lambda _data: {"total": 90}),
        ("list_leads_null", 0, lambda _data: {"total": 90, "leads": None}),
    ],
)
def test_a_page_that_is_not_what_it_should_be(
    caller: Caller, name: str, page: int, change: Callable[[Any], Any]
) -> None:
    good = [caller.page(number).json()["data"] for number in range(3)]
    caller.crm.fail(name, page=page, times=1)
    spoilt = [caller.page(number).json()["data"] for number in range(3)]
    assert spoilt[page] == change(good[page])
    assert [spoilt[number] == good[number] for number in range(3)].count(True) == 2


def test_a_page_of_numbers_that_the_crm_does_not_take(caller: Caller) -> None:
    caller.crm.fail("list_numbers_refused")
    assert caller.page(0).status_code == 200
    assert caller.page(0, query="{total, leads{id}}").status_code == 400


def test_a_segment_that_is_not_there_as_an_empty_one(caller: Caller) -> None:
    body = {"page": 0, "limit": 10, "query": "{total, leads{id}}"}
    assert caller.http.post("/leadsfromtype/segment/99", json=body).status_code == 404
    caller.crm.fail("list_unknown_as_empty")
    answer = caller.http.post("/leadsfromtype/segment/99", json=body)
    assert answer.json() == {"data": {"total": 0, "leads": []}}


def test_a_page_that_is_the_one_before(caller: Caller) -> None:
    caller.crm.fail("list_repeats", page=1)
    assert caller.ids(1) == caller.ids(0)
    assert caller.ids(2) == caller.leads[4::-1]


def test_a_fault_can_begin_later(caller: Caller) -> None:
    caller.crm.fail("detail_server_error", times=1, after=2)
    assert [caller.detail(lead).status_code for lead in caller.leads[:4]] == [200, 200, 500, 200]


def test_faults_are_switched_while_it_runs(caller: Caller) -> None:
    address = f"{caller.crm.url}/_sandbox/faults"
    lead = caller.leads[0]
    made = httpx.post(address, json={"name": "detail_missing", "lead": lead, "times": 3})
    assert (made.status_code, made.json()) == (201, {"on": {f"detail_missing of {lead}": 3}})
    assert caller.detail(lead).status_code == 404
    assert httpx.get(address).json()["known"] == [*ANSWERS, *BEHAVIOURS]
    assert httpx.post(address, json={"name": "detail_lost"}).status_code == 400
    assert httpx.delete(address).status_code == 200
    assert caller.detail(lead).status_code == 200


def test_every_fault_is_tried_here() -> None:
    tried = {f"{kind}_{name}" for kind in KINDS for name in (*COMMON, "drop", "hang")}
    tried |= {"detail_missing", "detail_without_lead", "detail_null", "detail_of_another", "list_repeats"}
    tried |= {
        "list_total_too_high",
        "list_total_too_low",
        "list_total_as_text",
        "list_without_total",
        "list_short",
    }
    tried |= {"list_total_doubled", "list_total_of_page", "list_numbers_refused", "list_unknown_as_empty"}
    tried |= {"list_read_as_empty", "list_without_leads", "list_leads_null"}
    assert tried == {*ANSWERS, *BEHAVIOURS}
