"""New leads through Dagster: what a run reports, when one is requested, and that nothing of it is there by default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.sprinthub.defs.new_leads import (
    DRAINED,
    NEW_LEADS_KEY,
    NOT_REJECTED,
    SENSOR,
    new_leads_job,
    webhook_definitions,
)
from sync_pipelines.sprinthub.new_leads.pipeline import NewLeads
from sync_pipelines_tests.sprinthub.new_leads.conftest import Arrivals, arrivals

__all__ = ["arrivals"]
NOWHERE = 999_999


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(
    arrivals: Arrivals, instance: dg.DagsterInstance, new_leads: NewLeads | None = None, **given: Any
) -> dg.ExecuteInProcessResult:
    found = webhook_definitions(arrivals.settings(**given), new_leads or arrivals.new_leads(**given))
    job = found.resolve_job_def(new_leads_job.name)
    return job.execute_in_process(instance=instance, raise_on_error=False)


def checks(
    result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> dict[str, tuple[bool, str, str | None]]:
    """The verdicts in the instance's log, which has those of a failed step as well."""
    records = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [record.get_dagster_event().asset_check_evaluation_data for record in records]
    return {one.check_name: (one.passed, one.severity.value, one.description) for one in found}


def failure(result: dg.ExecuteInProcessResult) -> str:
    found = result.failure_data_for_node("sprinthub__new_leads")
    assert found is not None
    assert found.user_failure_data is not None
    return found.user_failure_data.description or ""


def test_a_run_reports_what_became_of_each_lead(arrivals: Arrivals, instance: dg.DagsterInstance) -> None:
    one, two = arrivals.known[:2]
    arrivals.crm.tenant.change_lead(one, firstname="Joana Plantada")
    arrivals.receive(one, two, one, NOWHERE)
    result = run(arrivals, instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("sprinthub__new_leads")
    found = {name: value.value for name, value in event.metadata.items()}
    assert {name: found[name] for name in ("rows_read", "rows_loaded", "rows_rejected", "arrivals")} == {
        "rows_read": 3,
        "rows_loaded": 2,
        "rows_rejected": 1,
        "arrivals": 4,
    }
    assert found["rejected_by_reason"] == {"the CRM names the lead and does not know it": 1}
    verdicts = checks(result, instance)
    assert verdicts[DRAINED] == (True, "ERROR", "Nothing waits.")
    assert verdicts[NOT_REJECTED] == (False, "WARN", "1 leads were rejected; ops.inbox says why.")
    everything = "\n".join(str(entry) for entry in instance.all_logs(result.run_id))
    for hidden in ("Joana Plantada", arrivals.crm.token, "um-segredo-so-do-crm"):
        assert hidden not in everything


def test_a_run_without_arrivals_is_a_success(arrivals: Arrivals, instance: dg.DagsterInstance) -> None:
    result = run(arrivals, instance)
    assert result.success
    assert all(passed for passed, _, _ in checks(result, instance).values())
    assert arrivals.crm.calls.count() == 0


def test_leads_that_did_not_come_fail_the_run_and_the_check_and_the_others_are_loaded(
    arrivals: Arrivals, instance: dg.DagsterInstance
) -> None:
    one, two, three = arrivals.known[:3]
    arrivals.crm.fail("detail_server_error", lead=two)
    arrivals.receive(one, two, three)
    result = run(arrivals, instance)
    assert not result.success
    assert "The details of 1 new leads did not come; they wait, and the other 2 are done." in failure(result)
    assert "500" in failure(result)
    verdicts = checks(result, instance)
    assert verdicts[DRAINED] == (False, "ERROR", "1 arrivals wait: the details of their leads did not come.")
    assert verdicts[NOT_REJECTED][0]
    assert sorted(arrivals.leads) == sorted([one, three])


def test_more_than_one_run_takes_is_a_warning_and_no_failure(
    arrivals: Arrivals, instance: dg.DagsterInstance
) -> None:
    arrivals.receive(*arrivals.known)
    result = run(arrivals, instance, replace(arrivals.new_leads(), most=4))
    assert result.success
    assert checks(result, instance)[DRAINED] == (False, "WARN", "2 arrivals wait for the next run.")
    assert isinstance(tick(arrivals, instance), dg.RunRequest)


def test_a_refused_token_fails_in_a_sentence(arrivals: Arrivals, instance: dg.DagsterInstance) -> None:
    arrivals.receive(arrivals.known[0])
    result = run(arrivals, instance, sprinthub_api_token="um-token-de-antes")
    assert not result.success
    assert "Renew SPRINTHUB_API_TOKEN" in failure(result)


def tick(arrivals: Arrivals, instance: dg.DagsterInstance, after: timedelta = timedelta()) -> Any:
    found = webhook_definitions(
        arrivals.settings(), arrivals.new_leads(), clock=lambda: datetime.now(UTC) + after
    )
    sensor = found.resolve_sensor_def(SENSOR)
    with dg.build_sensor_context(instance=instance, definitions=found) as context:
        return sensor(context)


def test_the_sensor_asks_for_a_drain_when_a_lead_waits(
    arrivals: Arrivals, instance: dg.DagsterInstance
) -> None:
    assert isinstance(tick(arrivals, instance), dg.SkipReason)
    arrivals.receive(*arrivals.known[:2])
    request = tick(arrivals, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["sync/waiting"] == "2"


def test_the_sensor_waits_for_the_drain_that_is_under_way(
    arrivals: Arrivals, instance: dg.DagsterInstance
) -> None:
    arrivals.receive(arrivals.known[0])
    job = webhook_definitions(arrivals.settings()).resolve_job_def(new_leads_job.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    skipped = tick(arrivals, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "under way" in str(skipped.skip_message)


def test_after_failures_the_sensor_waits_longer_each_time_and_never_gives_up(
    arrivals: Arrivals, instance: dg.DagsterInstance
) -> None:
    arrivals.receive(arrivals.known[0])
    job = webhook_definitions(arrivals.settings()).resolve_job_def(new_leads_job.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(arrivals, instance), dg.SkipReason)
    assert isinstance(tick(arrivals, instance, timedelta(minutes=1.1)), dg.RunRequest)
    for _ in range(9):
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(arrivals, instance, timedelta(minutes=29)), dg.SkipReason)
    assert isinstance(tick(arrivals, instance, timedelta(minutes=31)), dg.RunRequest)


def test_nothing_is_there_unless_the_webhook_is_on(arrivals: Arrivals) -> None:
    off = webhook_definitions(arrivals.settings(sprinthub_webhook=False))
    assert (list(off.resolve_all_asset_keys()), list(off.jobs or ()), list(off.sensors or ())) == ([], [], [])


def test_the_definitions_stand_without_address_and_token(arrivals: Arrivals) -> None:
    names = ("sprinthub_base_url", "sprinthub_api_token", "sprinthub_instance")
    found = webhook_definitions(arrivals.settings(**dict.fromkeys(names)))
    assert found.resolve_asset_graph().materializable_asset_keys == {NEW_LEADS_KEY}


@pytest.mark.parametrize(
    ("environment", "running"),
    [("demo", dg.DefaultSensorStatus.RUNNING), ("development", dg.DefaultSensorStatus.STOPPED)],
)
def test_automation_runs_where_it_is_expected_to(
    arrivals: Arrivals, environment: str, running: dg.DefaultSensorStatus
) -> None:
    found = webhook_definitions(arrivals.settings(sync_env=environment))
    assert found.resolve_sensor_def(SENSOR).default_status == running
    schedule = found.resolve_schedule_def("sprinthub_new_leads_daily")
    assert (schedule.cron_schedule, schedule.default_status.value) == ("50 4 * * *", running.value)
