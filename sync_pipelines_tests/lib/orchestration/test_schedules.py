"""Schedules as a table, and whether they and sensors start switched on."""

from __future__ import annotations

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration.schedules import cron, sensor_status


@dg.job
def some_job() -> None:
    pass


@pytest.mark.parametrize("on", [True, False])
def test_a_row_of_the_table_is_a_schedule_that_starts_as_it_is_told(on: bool) -> None:
    made = cron("nightly", some_job, "0 3 * * *", on=on, zone="America/Sao_Paulo", description="At night.")
    assert (made.name, made.job_name, made.cron_schedule) == ("nightly", "some_job", "0 3 * * *")
    assert (made.execution_timezone, made.description) == ("America/Sao_Paulo", "At night.")
    assert (made.default_status is dg.DefaultScheduleStatus.RUNNING) is on
    assert (sensor_status(on) is dg.DefaultSensorStatus.RUNNING) is on


def test_without_a_zone_it_is_utc() -> None:
    assert cron("nightly", some_job, "0 3 * * *", on=True, description="").execution_timezone == "UTC"


@pytest.mark.parametrize(
    "request_", [lambda: dg.RunRequest(tags={"a": "b"}), lambda context: dg.RunRequest(tags={"a": "b"})]
)
def test_a_request_says_what_a_tick_runs_and_may_look_at_the_tick(request_: object) -> None:
    made = cron("nightly", some_job, "0 3 * * *", on=True, description="At night.", request=request_)  # type: ignore[arg-type]
    assert (made.name, made.job_name, made.description) == ("nightly", "some_job", "At night.")
    with dg.DagsterInstance.ephemeral() as instance, dg.build_schedule_context(instance) as context:
        (asked,) = made.evaluate_tick(context).run_requests or ()
    assert asked.tags["a"] == "b"
