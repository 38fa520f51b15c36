"""The detail of a lead (contract of SprintHub, section 2.2), the segments and the other lists (2.3)."""

from __future__ import annotations

import re

from sync_pipelines.sandbox.sprinthub.dirt import DIRT
from sync_pipelines.sandbox.sprinthub.truth import COLUMNS, SYNONYMS, UNMAPPED
from sync_pipelines_tests.sandbox.sprinthub.conftest import Caller


def test_a_detail_has_the_contracts_fields_under_their_own_spelling(caller: Caller) -> None:
    clean = next(lead for lead in caller.leads if lead % 11)
    answer = caller.detail(clean)
    assert answer.headers["content-type"] == "application/json"
    lead = answer.json()["data"]["lead"]
    assert lead["id"] == clean
    assert set(COLUMNS) <= set(lead)
    assert set(UNMAPPED) <= set(lead)
    # Camel case is the system's, snake case the tenant's; one system field is spelled like a custom one.
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-zA-Z]*)?|[a-z0-9]+(_[a-z0-9]+)+", name) for name in lead)
    assert lead["preferred_locale"] == "pt_BR"
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert all(re.fullmatch(stamp, lead[name]) for name in ("createDate", "updatedDate"))


def test_the_owner_is_a_number_here(caller: Caller) -> None:
    owners = {type(caller.lead(lead)["owner"]) for lead in caller.leads if lead % 11}
    assert owners == {int, type(None)}


def test_a_lead_that_nobody_knows(caller: Caller) -> None:
    for number in (1, caller.leads[-1] + 1):
        assert caller.detail(number).status_code == 404
    assert caller.detail(caller.leads[-1]).status_code == 200


def test_every_case_of_dirt_reaches_the_client_as_it_is(caller: Caller) -> None:
    caller.crm.tenant.add_segment(10, 24 * len(DIRT))
    numbers = [lead for lead in caller.crm.tenant.segments[10].members if lead % 11 == 0]
    met = set()
    for number in numbers:
        case = DIRT[number // 11 % len(DIRT)]
        lead = caller.lead(number)
        assert {name: lead[name] for name in case.fields} == case.fields
        met.add(case.name)
    assert met == {case.name for case in DIRT}
    assert len(met) == len(DIRT)


def test_dirt_has_the_contracts_traps(caller: Caller) -> None:
    values = [value for case in DIRT for value in case.fields.values()]
    texts = [value for value in values if isinstance(value, str)]
    assert all(
        any(value == trap and type(value) is type(trap) for value in values) for trap in (0, "", False, "12")
    )
    for trap in ("\0", "Ã§Ã£o", "👩‍⚕️", "31/12/1987", "0000-00-00", "31/02/1990", "um@example.com, "):
        assert any(trap in text for text in texts), trap
    assert max(map(len, texts)) > 100_000
    assert any(isinstance(value, int) and value > 2**63 - 1 for value in values)
    assert any(isinstance(value, list) for value in values)
    unknown = {name for case in DIRT for name in case.fields} - {*COLUMNS, *SYNONYMS, *UNMAPPED}
    assert {"campo_novo_do_crm", "qualificacao_callix"} <= unknown


def test_a_lead_is_the_same_in_a_small_tenant_and_in_a_large_one(caller: Caller) -> None:
    before = caller.lead(caller.leads[3])
    caller.crm.tenant.add_segment(77, 60_000)
    assert caller.lead(caller.leads[3]) == before
    assert len(set(caller.crm.tenant.segments[77].members)) == 60_000


def test_segments_say_how_many_leads_they_have(caller: Caller) -> None:
    caller.crm.tenant.add_segment(3, 0, name="Vazio")
    listed = caller.http.get("/segments", params={"page": 0, "limit": 1}).json()["data"]
    assert [segment["id"] for segment in listed["segments"]] == [3]
    assert listed["total"] == 2
    segment = caller.http.get("/segments/9").json()["data"]["segment"]
    assert set(segment) == {
        *("id", "name", "alias", "isPublished", "createDate", "category", "totalLeads", "lastLeadUpdate"),
    }
    assert segment["totalLeads"] == 25
    assert set(segment["category"]) == {"title", "id"}
    assert caller.http.get("/segments").json()["data"]["segments"] == [
        caller.http.get("/segments/3").json()["data"]["segment"],
        segment,
    ]
    assert caller.http.get("/segments/4").status_code == 404


def test_the_lists_of_all_leads(caller: Caller) -> None:
    caller.crm.tenant.add_segment(3, 300, shared=caller.leads[:1])
    first = caller.http.get("/leads", params={"page": 0, "limit": 500, "allFields": 1}).json()["data"]
    assert (first["total"], len(first["leads"])) == (325, 200)
    second = caller.http.get("/leads", params={"page": 1, "limit": 500}).json()["data"]["leads"]
    assert len({lead["id"] for lead in first["leads"] + second}) == 325
    assert not {"firstname", "lastname", "phone", "whatsapp"} & set(first["leads"][0])
    counted = caller.http.post("/leadsadvanced", json={"limit": 1, "page": 0, "query": "{total}"})
    assert counted.json() == {"data": {"total": 325}}
