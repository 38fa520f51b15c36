"""The list of a segment (contract of SprintHub, sections 2.1 and 3, trap 1): pages, limits, projection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sync_pipelines_tests.sandbox.sprinthub.conftest import Caller


def test_pages_count_from_zero_and_the_last_is_short(caller: Caller) -> None:
    newest_first = caller.leads[::-1]
    assert caller.ids(0) == newest_first[:10]
    assert caller.ids(1) == newest_first[10:20]
    assert caller.ids(2) == newest_first[20:]
    assert caller.ids(3) == []
    assert {caller.page(page).json()["data"]["total"] for page in range(5)} == {25}


def test_ascending_new_leads_are_at_the_end(caller: Caller) -> None:
    assert caller.ids(0, orderByDirection="asc") == caller.leads[:10]
    assert caller.ids(2, orderByDirection="asc") == caller.leads[20:]
    assert caller.ids(3, orderByDirection="asc") == []
    new = caller.crm.tenant.insert_lead(9)
    assert caller.ids(2, orderByDirection="asc") == [*caller.leads[20:], new]
    assert caller.ids(0)[0] == new


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 5, 7, 25, 26])
def test_all_pages_together_are_the_segment(caller: Caller, direction: str, limit: int) -> None:
    read: list[int] = []
    pages = 0
    while found := caller.ids(pages, limit, orderByDirection=direction):
        read += found
        pages += 1
    assert read == (caller.leads if direction == "asc" else caller.leads[::-1])
    assert pages == -(-25 // limit)


def test_a_limit_beyond_the_cap_is_lowered_in_silence(new_caller: Callable[..., Caller]) -> None:
    caller = new_caller(max_limit=10)
    assert caller.ids(0, 1000) == caller.leads[:14:-1]
    assert caller.ids(2, 1000) == caller.leads[4::-1]


def test_a_segment_without_leads_has_a_total_of_zero(new_caller: Callable[..., Caller]) -> None:
    assert new_caller(0).page(0).json() == {"data": {"total": 0, "leads": []}}


def test_an_item_has_less_than_the_detail_and_has_it_otherwise(caller: Caller) -> None:
    for item in caller.page(0, 25).json()["data"]["leads"]:
        lead = caller.lead(item["id"])
        assert set(item) == {
            *("id", "fullname", "photoUrl", "email", "points", "city", "state", "country", "lastActive"),
            *("archived", "owner", "companyData", "createDate"),
        }
        same = ("id", "fullname", "photoUrl", "email", "points", "city", "createDate", "lastActive")
        assert {name: item[name] for name in same} == {name: lead[name] for name in same}
        # The object with the vendor's own spelling, where the detail has a number.
        assert (item["owner"] is None) == (not isinstance(lead["owner"], int))
        assert item["owner"] is None or set(item["owner"]) == {"completName"}
        assert item["companyData"] is None or item["companyData"] == {"companyname": lead["company"]}


def test_of_the_leads_some_have_points_as_text_and_archived_as_a_number(caller: Caller) -> None:
    items = caller.page(0, 25).json()["data"]["leads"]
    assert {type(item["points"]) for item in items} >= {int, str}
    assert {type(item["archived"]) for item in items} == {int, bool}
    assert any("," in item["email"] for item in items)


def test_only_what_the_projection_names_is_there(caller: Caller) -> None:
    def first(query: str, **body: Any) -> dict[str, Any]:
        data = caller.page(0, 1, query=query, **body).json()["data"]
        return {"total": data.get("total"), **data["leads"][0]}

    newest = caller.leads[-1]
    assert first("{total leads{id}}") == {"total": 25, "id": newest}
    assert first("{total leads{id phone updatedDate}}") == {"total": 25, "id": newest}
    assert first("{leads{id owner{completName}}}").keys() == {"total", "id", "owner"}
    assert first("{leads{id}}")["total"] is None
    assert first("{total leads{id fullname}}", idOnly=True) == {"total": 25, "id": newest}


@pytest.mark.parametrize(
    "body",
    [
        {"page": -1},
        {"page": "0"},
        {"limit": 0},
        {"limit": None},
        {"query": None},
        {"orderByKey": "updatedDate"},
    ],
)
def test_a_body_that_the_crm_does_not_take(caller: Caller, body: dict[str, Any]) -> None:
    good = {"page": 0, "limit": 10, "orderByKey": "createDate", "query": "{total leads{id}}"}
    address = "/leadsfromtype/segment/9"
    assert caller.http.post(address, json=good).status_code == 200
    answer = caller.http.post(address, json={**good, **body})
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid request"})


def test_a_body_that_is_no_json_and_a_segment_that_is_not_there(caller: Caller) -> None:
    assert caller.http.post("/leadsfromtype/segment/9", content=b"{").status_code == 400
    body = {"page": 0, "limit": 1, "query": "{total leads{id}}"}
    assert caller.http.post("/leadsfromtype/segment/10", json=body).status_code == 404


def test_archived_leads_are_shown_on_demand(caller: Caller) -> None:
    gone = caller.leads[-1]
    caller.crm.tenant.archive_lead(gone)
    assert caller.page(0).json()["data"]["total"] == 24
    assert gone not in caller.ids(0)
    shown = caller.page(0, showArchived=True).json()["data"]
    assert shown["total"] == 25
    assert shown["leads"][0]["id"] == gone
    assert shown["leads"][0]["archived"] in (1, True)
    caller.crm.tenant.restore_lead(gone)
    assert caller.ids(0)[0] == gone


def test_a_search_looks_into_names_and_addresses(caller: Caller) -> None:
    wanted = caller.leads[3]
    assert caller.ids(0, search=f"LEAD{wanted}@") == [wanted]
    assert caller.ids(0, search="ninguém") == []
