"""When the DRE runs by itself: the schedule of the download, and where schedules and sensors are on."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from sync_pipelines.definitions import build
from sync_pipelines.hitss.defs.changed_months import SENSOR
from sync_pipelines.systems import read_settings

DATABASES = {
    "fabricio_database_url": "postgresql://db/fabricio",
    "ops_database_url": "postgresql://db/ops",
}


def test_the_schedule_requests_one_download_a_weekday() -> None:
    repository = build(read_settings(None, **DATABASES)).get_repository_def()
    schedule = repository.get_schedule_def("hitss_download_weekdays")
    monday = datetime(2025, 8, 18, 8, tzinfo=UTC)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=monday, repository_def=repository
        )
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert schedule.job_name == "hitss_download"
    assert request.partition_key is None


@pytest.mark.parametrize(("environment", "running"), [("demo", True), ("development", False)])
def test_the_automation_is_on_where_a_person_expects_it(environment: str, running: bool) -> None:
    definitions = build(read_settings(None, sync_env=environment, **DATABASES))
    sensors = [one for one in definitions.sensors or () if one.name != "automation_is_switched_off"]
    assert {sensor.name for sensor in sensors} == {
        SENSOR,
        "dead_run_sweeper",
        "failed_check_alert",
        "failed_run_alert",
    }
    assert {sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors} == {running}
    schedules = list(definitions.schedules or ())
    assert {schedule.name for schedule in schedules} == {
        "hitss_download_weekdays",
        "hitss_checks_daily",
        "hitss_backup_daily",
        "hitss_watch_hourly",
        "growth_daily",
        "retention_daily",
    }
    assert {schedule.default_status is dg.DefaultScheduleStatus.RUNNING for schedule in schedules} == {
        running
    }
