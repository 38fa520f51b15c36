"""What changes while somebody reads (contract of SprintHub, section 3, trap 6), and segments that leads share."""

from __future__ import annotations

from sync_pipelines_tests.sandbox.sprinthub.conftest import Caller


def everything(caller: Caller, **body: str) -> list[int]:
    """All pages of ten, one after the other, with what repeats."""
    found: list[int] = []
    page = 0
    while ids := caller.ids(page, **body):
        found += ids
        page += 1
    return found


def test_a_lead_that_comes_between_two_pages_repeats_one(caller: Caller) -> None:
    caller.crm.before_page(1, lambda: caller.crm.tenant.insert_lead(9))
    read = everything(caller)
    assert len(read) == 26
    assert sorted(set(read)) == caller.leads
    repeated = caller.leads[::-1][9]
    assert read.count(repeated) == 2
    assert len(everything(caller)) == len(set(everything(caller))) == 26


def test_a_lead_that_goes_between_two_pages_hides_one(caller: Caller) -> None:
    caller.crm.before_page(1, lambda: caller.crm.tenant.archive_lead(caller.leads[-1]))
    read = everything(caller)
    hidden = caller.leads[::-1][10]
    assert hidden not in read
    assert len(read) == len(set(read)) == 24
    assert hidden in everything(caller)


def test_ascending_a_new_lead_moves_nothing(caller: Caller) -> None:
    made: list[int] = []
    caller.crm.before_page(1, lambda: made.append(caller.crm.tenant.insert_lead(9)))
    assert everything(caller, orderByDirection="asc") == [*caller.leads, *made]


def test_an_action_is_done_once_and_for_its_segment(caller: Caller) -> None:
    done: list[str] = []
    caller.crm.before_page(0, lambda: done.append("other"), segment=10)
    caller.crm.before_page(0, lambda: done.append("this"), segment=9)
    caller.crm.before_page(0, lambda: done.append("any"))
    caller.page(0)
    caller.page(0)
    assert done == ["this", "any"]


def test_an_action_before_a_detail_counts_from_now(caller: Caller) -> None:
    done: list[int] = []
    caller.detail(caller.leads[0])
    caller.crm.before_detail(2, lambda: done.append(caller.crm.calls.count("detail")))
    for lead in caller.leads[:3]:
        caller.detail(lead)
    assert done == [3]


def test_a_changed_lead_says_so_in_list_detail_and_segment(caller: Caller) -> None:
    lead, tenant = caller.leads[5], caller.crm.tenant
    before = caller.lead(lead)
    gate = tenant.describe(9)["lastLeadUpdate"]
    tenant.change_lead(lead, city="Curitiba", star_score="5")
    after = caller.lead(lead)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"city", "star_score", "updatedDate", "lastActive"}
    [item] = [one for one in caller.page(0, 25).json()["data"]["leads"] if one["id"] == lead]
    assert (item["city"], item["lastActive"]) == ("Curitiba", after["lastActive"])
    assert tenant.describe(9)["lastLeadUpdate"] > gate


def test_a_quiet_change_shows_in_the_detail_only(caller: Caller) -> None:
    lead, tenant = caller.leads[5], caller.crm.tenant
    listed, gate = caller.page(0, 25).json(), tenant.describe(9)
    tenant.change_quietly(lead, cpf="000.000.000-00")
    assert caller.lead(lead)["cpf"] == "000.000.000-00"
    assert caller.page(0, 25).json() == listed
    assert tenant.describe(9) == gate


def test_a_lead_in_two_segments_and_one_that_leaves(caller: Caller) -> None:
    tenant, shared = caller.crm.tenant, caller.leads[7]
    tenant.add_segment(10, 2, shared=[shared])
    assert shared in tenant.visible(10)
    assert len(tenant.visible(10)) == 3
    tenant.leave_segment(9, shared)
    assert shared not in everything(caller)
    assert shared in tenant.visible(10)
    assert caller.detail(shared).status_code == 200
    tenant.insert_lead(9, shared)
    # It comes back where its creation puts it.
    assert everything(caller) == caller.leads[::-1]


def test_an_archived_lead_keeps_its_detail(caller: Caller) -> None:
    caller.crm.tenant.archive_lead(caller.leads[0])
    assert caller.lead(caller.leads[0])["archived"] is True
    assert caller.crm.truth(caller.leads[0]).columns["archived"] is True


def test_many_leads_of_one_import_have_one_moment_and_one_order(caller: Caller) -> None:
    caller.crm.tenant.add_segment(10, 200)
    members = caller.crm.tenant.segments[10].members
    moments = [caller.crm.tenant.detail(lead)["createDate"] for lead in members]
    assert moments == sorted(moments)
    assert len(set(moments)) < len(moments)
