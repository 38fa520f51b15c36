"""Details that come, that do not come, and that are none: every lead is accounted for."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.failures import ThrottledError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.leads.enrich import AHEAD, DOWN_AFTER
from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines_tests.sprinthub.installation import Installed, adds_up

LEADS = 40


@pytest.fixture
def members(installed: Installed) -> list[int]:
    return installed.crm.tenant.add_segment(7, leads=LEADS)


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("detail_missing", "detail_is_there"),
        ("detail_without_lead", "detail_is_there"),
        ("detail_null", "detail_is_there"),
        ("detail_of_another", "detail_is_the_leads"),
        ("detail_bad_request", "detail_is_answered"),
    ],
)
def test_a_lead_whose_detail_is_none_is_a_reject_and_the_run_succeeds(
    installed: Installed, members: list[int], fault: str, rule: str
) -> None:
    lead = members[5]
    installed.crm.fail(fault, lead=lead)
    outcome = installed.sync()
    assert (outcome.rejected, outcome.inserted, outcome.unread) == (1, LEADS - 1, 0)
    assert adds_up(outcome)
    assert (lead, None, rule) in installed.rejects()
    status, _, stats = installed.log()
    assert (status, stats["errors"]) == ("success", 1)
    assert installed.value("select success_rate from public.sync_segments_logs") == 97.5
    # What the list says of it stands.
    assert installed.value("select segmento from api.leads where id = %s", lead) == 7


@pytest.mark.parametrize(
    "fault",
    ["server_error", "bad_gateway", "unavailable", "truncated", "not_json", "empty", "without_data", "drop"],
)
def test_a_lead_whose_detail_does_not_come_is_unread_and_due_again(
    installed: Installed, members: list[int], fault: str
) -> None:
    lead = members[5]
    installed.add_control()
    installed.crm.fail(f"detail_{fault}", lead=lead)
    outcome = installed.sync()
    assert (outcome.unread, outcome.inserted, outcome.rejected) == (1, LEADS - 1, 0)
    assert adds_up(outcome)
    status, message, stats = installed.log()
    assert (status, stats["unread"]) == ("error", 1)
    assert "1 lead" in message
    assert installed.crm.calls.subjects("detail").count(lead) == 5
    assert installed.value("select status from public.sync_segments_control") == "error"
    installed.crm.clear()
    outcome = installed.sync()
    assert installed.crm.calls.subjects("detail") == [lead]
    assert (outcome.up_to_date, outcome.changed + outcome.unchanged) == (LEADS - 1, 1)


@pytest.mark.parametrize(
    "fault", ["server_error", "bad_gateway", "truncated", "not_json", "without_data", "drop"]
)
def test_a_detail_that_fails_once_is_asked_for_again(
    installed: Installed, members: list[int], fault: str
) -> None:
    installed.crm.fail(f"detail_{fault}", 1, lead=members[5])
    outcome = installed.sync()
    assert (outcome.inserted, outcome.unread) == (LEADS, 0)
    assert outcome.calls == LEADS + 2


def test_a_detail_that_hangs_holds_up_nobody(installed: Installed, members: list[int]) -> None:
    installed.crm.fail("detail_hang", lead=members[5])
    pipeline = installed.pipeline(timeouts=Timeouts(connect=1.0, read=0.1, total=0.2))
    outcome = installed.sync(pipeline=pipeline)
    assert (outcome.inserted, outcome.unread) == (LEADS - 1, 1)


@pytest.mark.slow
def test_a_crm_of_which_no_detail_comes_is_not_asked_for_all(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=1_500)
    installed.crm.fail("detail_server_error", after=20)
    sentence = installed.fails(DetailsError)
    assert "details in a row did not come" in sentence
    asked = len(set(installed.crm.calls.subjects("detail")))
    # A pool was full of leads already when the first of them failed.
    assert DOWN_AFTER <= asked < 1_000
    assert installed.log()[0] == "error"
    assert installed.value("select count(*) from sync_private.lead_details") == 20
    installed.crm.clear()
    outcome = installed.sync()
    assert (outcome.up_to_date, outcome.changed) == (20, 1_480)


@pytest.mark.parametrize("fault", ["detail_throttled", "detail_throttled_429"])
def test_a_throttled_detail_is_asked_for_again(installed: Installed, members: list[int], fault: str) -> None:
    installed.crm.fail(fault, 3)
    outcome = installed.sync()
    assert (outcome.inserted, outcome.unread) == (LEADS, 0)


@pytest.mark.parametrize("fault", ["detail_throttled", "detail_throttled_429"])
def test_throttling_without_an_end_ends_the_run(installed: Installed, members: list[int], fault: str) -> None:
    installed.add_control()
    installed.crm.fail(fault, after=10)
    assert "asks for fewer calls" in installed.fails(DetailsError)
    # Five attempts of each lead that was given to the pool already; the others are not asked for.
    assert installed.crm.calls.count("detail") <= 10 + 5 * AHEAD * installed.pipeline().in_flight
    status, message, stats = installed.log()
    assert (status, stats.get("waits_for")) == ("error", None)
    assert "Próxima tentativa" in message


def test_throttling_of_the_list_without_an_end_is_bounded(installed: Installed, members: list[int]) -> None:
    installed.crm.fail("list_throttled")
    installed.fails(ThrottledError)
    assert installed.crm.calls.count("list") == 5


def test_a_second_lead_that_is_changed_alone_is_read_alone(installed: Installed, members: list[int]) -> None:
    installed.sync()
    crm: SprinthubFake = installed.crm
    crm.tenant.change_lead(members[4], city="Outra Cidade", observacao="mudou")
    crm.calls.clear()
    outcome = installed.sync()
    assert crm.calls.subjects("detail") == [members[4]]
    assert (outcome.changed, outcome.up_to_date) == (1, LEADS - 1)
    found = installed.rows("select city, observacao from api.leads where id = %s", members[4])
    assert found == [("Outra Cidade", "mudou")]


def test_details_that_are_old_are_read_again(installed: Installed, members: list[int]) -> None:
    installed.sync()
    installed.crm.tenant.change_quietly(members[3], observacao="sem aviso")
    query = "update sync_private.lead_details set detailed_at = now() - interval '31 days' where lead_id = %s"
    installed.oficialmed.execute(query, (members[3],))
    outcome = installed.sync()
    assert (outcome.changed, outcome.up_to_date) == (1, LEADS - 1)
    assert installed.value("select observacao from api.leads where id = %s", members[3]) == "sem aviso"
