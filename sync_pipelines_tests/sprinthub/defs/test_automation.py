"""Schedule and sensors: which segments they start, and when they leave one alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.sprinthub.defs.dagster_runs import NOW, Dagster

FAILED, SUCCEEDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
AWAY = "postgresql://x:senha-longa@127.0.0.1:1/oficialmed"


@pytest.fixture
def instance(instance_in_folder: dg.DagsterInstance) -> dg.DagsterInstance:
    """Schedules and sensors open it by reference, when they ask for partitions."""
    return instance_in_folder


def keys(requests: list[dg.RunRequest] | None) -> list[str | None]:
    return [request.partition_key for request in requests or []]


def ended(dagster: Dagster, status: dg.DagsterRunStatus, minutes_ago: float, *, segment: int = 7) -> None:
    """A run of the segment that a sensor requested and that is over."""
    run = dagster.unfinished(**{"dagster/partition": str(segment), "sprinthub/segment": str(segment)})
    moment = dagster.clock.now - timedelta(minutes=minutes_ago)
    message = "died" if status is FAILED else ""
    event_type = dg.DagsterEventType.RUN_FAILURE if status is FAILED else dg.DagsterEventType.RUN_SUCCESS
    event = dg.DagsterEvent(event_type.value, run.job_name, message=message)
    dagster.instance.run_storage.handle_run_event(run.run_id, event, update_timestamp=moment)


def test_the_daily_tick_starts_every_due_segment_once(dagster: Dagster) -> None:
    dagster.segment(7)
    dagster.segment(8, due=NOW)
    dagster.segment(9, due=NOW + timedelta(seconds=1))
    dagster.segment(10, status="paused")
    dagster.segment(11, status="error")
    data = dagster.schedule("sprinthub_daily")
    assert keys(data.run_requests) == ["7", "8", "11"]
    # Added before the runs, for they name them; the partitions of the others are the sensor's.
    assert dagster.instance.get_dynamic_partitions("segment") == ["7", "8", "11"]
    request = data.run_requests[0]
    assert request.tags["sprinthub/segment"] == "7"
    assert request.run_config == {"ops": {"sprinthub_segments": {"config": {"only_if_due": True}}}}


def test_schedule_and_sensor_never_start_a_segment_twice(dagster: Dagster) -> None:
    dagster.segment(7)
    dagster.segment(8)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7", "8"]
    dagster.unfinished(**{"dagster/partition": "7", "sprinthub/segment": "7"})
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["8"]
    assert keys(dagster.schedule("sprinthub_daily").run_requests) == ["8"]
    # A run of the UI carries no tag of ours.
    dagster.unfinished(**{"dagster/partition": "8"})
    data = dagster.sensor("sprinthub_due")
    assert data.skip_message == "A run of segment 7 is under way. A run of segment 8 is under way."
    assert dagster.schedule("sprinthub_daily").skip_message == data.skip_message


def test_a_range_that_a_person_started_counts(dagster: Dagster) -> None:
    for number in (7, 8, 9):
        dagster.segment(number)
    dagster.sensor("sprinthub_segments")
    dagster.unfinished(
        **{"dagster/asset_partition_range_start": "7", "dagster/asset_partition_range_end": "8"}
    )
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["9"]


def test_a_segment_that_a_process_works_on_is_left_alone_though_no_run_of_dagster_names_it(
    dagster: Dagster,
) -> None:
    dagster.segment(7)
    with dagster.sync.runs.execution(7, run_id="elsewhere"), dagster.sync.runs.execution(8, run_id="named"):
        dagster.sensor("sprinthub_segments")
        assert dagster.instance.get_dynamic_partitions("segment") == ["7", "8"]
        for tick in (dagster.sensor("sprinthub_due"), dagster.schedule("sprinthub_daily")):
            assert tick.skip_message == "A run of segment 7 is under way."
    dagster.sensor("sprinthub_segments")
    assert dagster.instance.get_dynamic_partitions("segment") == ["7"]


def test_an_open_row_of_a_dead_process_keeps_no_segment_from_its_run(dagster: Dagster) -> None:
    dagster.segment(7)
    dagster.oficialmed.execute(
        "insert into public.sync_segments_logs (segment_id, status) values (7, 'running')"
    )
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]


def test_nothing_due_is_a_reason_to_skip(dagster: Dagster) -> None:
    dagster.segment(7, due=NOW + timedelta(hours=1))
    assert dagster.sensor("sprinthub_due").skip_message == "No segment is due."
    assert dagster.schedule("sprinthub_daily").skip_message == "No segment is due."
    dagster.clock.advance(hours=1)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]


def test_a_segment_whose_runs_die_rests_longer_each_time(dagster: Dagster) -> None:
    """A run that died left `next_execution` as it was, so the segment stays due."""
    dagster.segment(7, due=NOW - timedelta(minutes=30))
    ended(dagster, FAILED, minutes_ago=1)
    data = dagster.sensor("sprinthub_due")
    assert data.skip_message == "The last runs of segment 7 died; the next is at 06:44:00 UTC."
    dagster.clock.advance(minutes=14)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]
    ended(dagster, FAILED, minutes_ago=0)
    dagster.clock.advance(minutes=29)
    assert not dagster.sensor("sprinthub_due").run_requests
    dagster.clock.advance(minutes=1)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]
    # The day's own tick is a fair try whatever happened before.
    ended(dagster, FAILED, minutes_ago=0)
    assert keys(dagster.schedule("sprinthub_daily").run_requests) == ["7"]


def test_a_failure_that_the_control_table_knows_does_not_rest_twice(dagster: Dagster) -> None:
    dagster.segment(7, status="error", due=NOW)
    ended(dagster, FAILED, minutes_ago=15)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]


def test_a_success_ends_the_rest(dagster: Dagster) -> None:
    dagster.segment(7, due=NOW - timedelta(hours=2))
    ended(dagster, FAILED, minutes_ago=10)
    ended(dagster, SUCCEEDED, minutes_ago=5)
    assert keys(dagster.sensor("sprinthub_due").run_requests) == ["7"]


def test_the_partitions_follow_the_control_table(dagster: Dagster) -> None:
    for number in (12, 7, 8):
        dagster.segment(number)
    dagster.sensor("sprinthub_segments")
    assert dagster.instance.get_dynamic_partitions("segment") == ["7", "8", "12"]
    run = dagster.unfinished(**{"dagster/partition": "8"})
    dagster.oficialmed.execute("delete from public.sync_segments_control where segment_id in (8, 12)")
    dagster.sensor("sprinthub_segments")
    assert dagster.instance.get_dynamic_partitions("segment") == ["7", "8"]
    dagster.instance.report_run_failed(run)
    dagster.sensor("sprinthub_segments")
    assert dagster.instance.get_dynamic_partitions("segment") == ["7"]


@pytest.mark.parametrize("sensor", ["sprinthub_segments", "sprinthub_due"])
def test_a_control_table_that_is_away_fails_the_tick(dagster: Dagster, sensor: str) -> None:
    dagster.segment(7)
    dagster.sensor("sprinthub_segments")
    away = dagster.settings.model_copy(update={"oficialmed_database_url": AWAY})
    with pytest.raises(SyncError) as failed:
        replace(dagster, settings=away).sensor(sensor)
    assert "senha-longa" not in str(failed.value)
    assert dagster.instance.get_dynamic_partitions("segment") == ["7"]


def test_an_automatic_run_does_its_segment_and_sets_the_next_tick(dagster: Dagster) -> None:
    dagster.segment(7, leads=3)
    (request,) = dagster.sensor("sprinthub_due").run_requests or []
    result = dagster.definitions.resolve_job_def("sprinthub_sync").execute_in_process(
        instance=dagster.instance,
        partition_key=request.partition_key,
        run_config=request.run_config,
        tags=request.tags,
    )
    assert result.success
    status, last, due = dagster.control(7)
    assert status == "active"
    assert (due - last) <= timedelta(days=1)
    assert (due.hour, due.minute, due.second) == (6, 0, 0)


def test_schedule_and_sensors_obey_the_settings(dagster: Dagster) -> None:
    settings = dagster.settings.model_copy(
        update={"sprinthub_cron": "0 8 * * 1-5", "sprinthub_timezone": "America/Sao_Paulo"}
    )
    repository = replace(dagster, settings=settings).definitions.get_repository_def()
    schedule = repository.get_schedule_def("sprinthub_daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 8 * * 1-5", "America/Sao_Paulo")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
