"""A segment from the CRM to proof, over real sockets into real Postgres: what a run leaves behind when it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.progress import Progress
from sync_pipelines.sprinthub.client import SprinthubAccess
from sync_pipelines.sprinthub.pipeline import MASS_LEAVING, TOTAL_MISMATCH
from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines_tests.sprinthub.installation import Installed, adds_up

SUCCESS = datetime(2026, 3, 1, 6, tzinfo=UTC)


def control(installed: Installed) -> tuple[object, ...]:
    query = "select status, last_execution, next_execution > now() from public.sync_segments_control"
    return installed.rows(query)[0]


def test_every_lead_of_a_segment_is_loaded_as_its_detail_says(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=250)
    outcome = installed.sync()
    assert (outcome.leads, outcome.inserted, outcome.rejected, outcome.unread) == (250, 250, 0, 0)
    assert adds_up(outcome)
    rows = installed.rows("select id from api.leads order by id")
    assert [lead for (lead,) in rows] == sorted(installed.truth())


def test_a_second_run_makes_calls_for_the_list_alone(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=250)
    installed.sync()
    before = installed.rows("select xmin::text, id, synced_at from api.leads order by id")
    installed.crm.calls.clear()
    outcome = installed.sync()
    assert (outcome.up_to_date, outcome.inserted, outcome.changed, outcome.unchanged) == (250, 0, 0, 0)
    # Three pages, and the numbers in one and in the empty one that says that the list ends there.
    assert (installed.crm.calls.count("detail"), installed.crm.calls.count()) == (0, 5)
    assert installed.rows("select xmin::text, id, synced_at from api.leads order by id") == before


@pytest.mark.parametrize(
    "fault",
    [
        *("list_server_error", "list_truncated", "list_not_json", "list_without_data", "list_drop"),
        *("list_total_too_high", "list_total_too_low", "list_total_as_text", "list_without_total"),
        *("list_repeats", "list_short", "list_read_as_empty", "list_leads_null"),
    ],
)
def test_a_page_error_in_the_middle_changes_nothing_and_keeps_the_fields_of_a_success(
    installed: Installed, fault: str
) -> None:
    tenant = installed.crm.tenant
    tenant.add_segment(7, leads=60)
    installed.add_control(last_execution=SUCCESS)
    pipeline = installed.pipeline(page_size=20)
    installed.sync(pipeline=pipeline)
    (success,) = installed.rows("select last_execution from public.sync_segments_control")
    before = installed.everything()
    tenant.insert_lead(7)
    tenant.change_lead(2_001, city="Outra")
    installed.crm.fail(fault, page=1)
    if fault.startswith("list_total") or fault in ("list_repeats", "list_short"):
        installed.crm.fail(fault, page=0)  # the numbers come in one page
    installed.fails(SyncError, pipeline=pipeline)
    assert installed.everything() == before
    status, message, stats = installed.log()
    assert status == "error"
    assert "Próxima tentativa" in message
    assert stats["calls"] > 0
    assert control(installed) == ("error", success[0], True)
    installed.crm.clear()
    installed.sync(pipeline=pipeline)
    assert installed.listed() == installed.truth()
    assert control(installed)[0] == "active"


def test_an_error_answered_as_a_list_without_leads_empties_no_segment(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=3)
    installed.sync()
    installed.crm.fail("list_read_as_empty")
    sentence = installed.fails(PermanentError)
    assert "says that the segment has 3 leads" in sentence
    assert installed.listed() == installed.truth()


def test_a_segment_of_no_leads_is_a_success_and_one_that_became_empty_waits_for_a_word(
    installed: Installed,
) -> None:
    members = installed.crm.tenant.add_segment(7, leads=6)
    installed.crm.tenant.add_segment(8)
    assert installed.sync(8).leads == 0
    assert installed.log(8)[0] == "success"
    installed.sync()
    for lead in members:
        installed.crm.tenant.leave_segment(7, lead)
    assert f"accept {MASS_LEAVING}" in installed.fails(PermanentError)
    assert installed.members() == set(members)
    outcome = installed.sync(accept=[MASS_LEAVING])
    assert (outcome.leads, outcome.left, installed.members()) == (0, 6, set())
    assert installed.value("select count(*) from api.leads") == 6


def test_many_leads_that_leave_at_once_are_a_question_and_a_few_are_none(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=60)
    installed.sync()
    for lead in members[:10]:
        installed.crm.tenant.leave_segment(7, lead)
    assert installed.sync().left == 10
    for lead in members[10:21]:
        installed.crm.tenant.leave_segment(7, lead)
    sentence = installed.fails(PermanentError)
    assert "11 of 50 leads are not in the list" in sentence
    assert installed.log()[0] == "error"
    assert installed.members() == set(members[10:])
    assert installed.sync(accept=[MASS_LEAVING]).left == 11
    assert installed.members() == installed.truth()


def test_a_count_that_never_agrees_can_be_accepted(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=30)
    installed.crm.fail("list_total_too_high")
    assert "total_mismatch" in installed.fails(PermanentError)
    outcome = installed.sync(accept=[TOTAL_MISMATCH])
    assert (outcome.leads, outcome.inserted) == (30, 30)


def test_items_without_a_number_are_rejects_and_counted(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=30)
    installed.crm.tenant.change_quietly(members[7], id=-7)
    outcome = installed.sync()
    assert (outcome.leads, outcome.inserted, outcome.rejected, adds_up(outcome)) == (30, 29, 1, True)
    assert (None, None, "lead_has_a_number") in installed.rejects()


def test_a_token_that_is_refused_costs_two_calls_at_most_and_waits_for_a_person(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=30)
    installed.add_control()
    installed.crm.fail("list_bad_token")
    assert "Renew SPRINTHUB_API_TOKEN" in installed.fails(RefusedError)
    assert installed.crm.calls.count() <= 2
    status, message, stats = installed.log()
    assert (status, stats["waits_for"]) == ("error", "person")
    assert "SPRINTHUB_API_TOKEN" in message
    assert "espera por uma pessoa" in message
    assert installed.crm.token not in message


def test_a_token_that_is_refused_in_the_middle_leaves_what_was_loaded_and_waits_for_a_person(
    installed: Installed,
) -> None:
    installed.crm.tenant.add_segment(7, leads=60)
    installed.add_control()
    installed.crm.fail("detail_bad_token", after=25)
    installed.fails(DetailsError)
    status, message, stats = installed.log()
    assert (status, stats["waits_for"], stats["totalLeadsInSegment"]) == ("error", "person", 60)
    assert "SPRINTHUB_API_TOKEN" in message
    assert "espera por uma pessoa" in message
    loaded = installed.value("select count(*) from sync_private.lead_details")
    assert 0 < loaded <= 25
    assert installed.value("select next_execution is null from public.sync_segments_control")
    installed.crm.clear()
    outcome = installed.sync()
    assert (outcome.up_to_date, outcome.changed) == (loaded, 60 - loaded)


def test_an_unknown_instance_waits_for_a_person(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=3)
    installed.settings = installed.settings.model_copy(update={"sprinthub_instance": "outra"})
    assert "Check SPRINTHUB_INSTANCE" in installed.fails(RefusedError)
    assert installed.log()[2]["waits_for"] == "person"


class DiedError(BaseException):
    """The process ends, as far as the pipeline can see."""


def die(progress: Progress) -> None:
    """After the first commit of details."""
    if progress.stage == "details":
        raise DiedError


def test_a_run_that_died_in_the_middle_of_the_details_goes_on_where_it_stopped(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=80)
    with pytest.raises(DiedError):
        installed.sync(progress=die)
    assert installed.log()[0] == "error"
    loaded = {lead for (lead,) in installed.rows("select lead_id from sync_private.lead_details")}
    assert 0 < len(loaded) < 80
    installed.crm.calls.clear()
    outcome = installed.sync()
    asked = installed.crm.calls.subjects("detail")
    assert sorted(asked) == sorted(installed.truth() - loaded)
    assert (outcome.up_to_date, outcome.leads, adds_up(outcome)) == (len(loaded), 80, True)
    assert installed.value("select count(*) from api.leads") == 80


def test_a_full_refresh_that_died_goes_on_and_ends(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=40)
    installed.sync()
    with pytest.raises(DiedError):
        installed.sync(full=True, progress=die)
    installed.crm.calls.clear()
    outcome = installed.sync()
    assert 0 < installed.crm.calls.count("detail") < 40
    assert outcome.unchanged == installed.crm.calls.count("detail")
    installed.crm.calls.clear()
    installed.sync()
    assert installed.crm.calls.count("detail") == 0


def test_a_full_refresh_with_leads_unread_is_not_over(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=30)
    installed.sync()
    installed.crm.fail("detail_server_error", lead=members[3])
    assert installed.sync(full=True).unread == 1
    installed.crm.clear()
    outcome = installed.sync()
    assert (outcome.unchanged, outcome.up_to_date) == (1, 29)


def test_progress_counts_to_the_end(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=60)
    seen: list[Progress] = []
    installed.sync(progress=seen.append)
    details = [each for each in seen if each.stage == "details"]
    assert [each.done for each in details] == sorted(each.done for each in details)
    assert (details[-1].done, details[-1].total) == (60, 60)
    assert details[-1].calls >= 61


def test_the_transient_error_of_a_list_says_which_page(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=150)
    installed.crm.fail("list_without_total", page=1)
    assert "page 1 of segment 7" in installed.fails(TransientError)


@dataclass
class BudgetTime:
    """The time of a budget, which its waits move."""

    now: datetime = datetime(2026, 3, 10, 6, tzinfo=UTC)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_the_estimate_knows_the_budget_before_the_pace_shows_it(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=250)
    settings = installed.settings.model_copy(update={"sprinthub_rate_per_minute": 50})
    time, shown = BudgetTime(), list[Progress]()
    access = SprinthubAccess(settings, budget_options={"clock": time.clock, "sleep": time.sleep})
    installed.sync(pipeline=replace(installed.pipeline(), access=access), progress=shown.append)
    details = [one for one in shown if one.stage == "details" and one.estimate is not None]
    took = (time.now - BudgetTime.now).total_seconds()
    assert details[0].done == 1
    assert details[0].estimate == pytest.approx(took, abs=62)
    assert took > 240
    assert details[-1].estimate == 0
