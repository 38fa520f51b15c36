"""Schedule and sensors: which connections they start, and when they leave one alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.defs.due_connections import CONNECTION_TAG, STEP
from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.erp.defs.dagster_runs import RANGE, Dagster
from sync_pipelines_tests.erp.installation import Connected

FAILED, SUCCEEDED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS
AWAY = "postgresql://x:senha-longa@127.0.0.1:1/erp"
PARTITION = "dagster/partition"


@pytest.fixture
def instance(instance_in_folder: dg.DagsterInstance) -> dg.DagsterInstance:
    """Schedules and sensors open it by reference, when they ask for partitions."""
    return instance_in_folder


def keys(requests: list[dg.RunRequest] | None) -> list[str | None]:
    return [request.partition_key for request in requests or []]


def ended(
    dagster: Dagster, status: dg.DagsterRunStatus, minutes_ago: float, *, connection: Connected
) -> None:
    """A run of the connection that a sensor requested and that is over."""
    run = dagster.unfinished(**{PARTITION: connection.key, CONNECTION_TAG: connection.key})
    moment = dagster.installed.clock.now - timedelta(minutes=minutes_ago)
    message = "died" if status is FAILED else ""
    event_type = dg.DagsterEventType.RUN_FAILURE if status is FAILED else dg.DagsterEventType.RUN_SUCCESS
    event = dg.DagsterEvent(event_type.value, run.job_name, message=message)
    dagster.instance.run_storage.handle_run_event(run.run_id, event, update_timestamp=moment)


def test_the_daily_tick_starts_every_due_connection_once(dagster: Dagster) -> None:
    installed, now = dagster.installed, dagster.installed.clock.now
    never, past = installed.connect("omie"), installed.connect("bling", next_sync_at=now, last_sync_at=now)
    failed = installed.connect("omie", status="error")
    for columns in ({"status": "inactive"}, {"next_sync_at": now + timedelta(seconds=1)}):
        installed.connect("omie", **columns)
    off = installed.connect("omie")
    installed.set(off, sync_config=Jsonb({"auto_sync": False}))
    installed.connect_unknown(never.user_id)
    data = dagster.schedule("erp_daily")
    # Those that wait longest come first.
    assert keys(data.run_requests) == [never.key, failed.key, past.key]
    assert set(dagster.partitions()) == {never.key, failed.key, past.key}
    request = data.run_requests[0]
    assert request.tags[CONNECTION_TAG] == never.key
    assert request.run_config == {"ops": {STEP: {"config": {"only_if_due": True}}}}
    schedule = dagster.definitions.get_repository_def().get_schedule_def("erp_daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 0 * * *", "UTC")


def test_schedule_and_sensor_never_start_a_connection_twice(dagster: Dagster) -> None:
    one, other = dagster.installed.connect("omie"), dagster.installed.connect("bling")
    assert keys(dagster.sensor("erp_due").run_requests) == [one.key, other.key]
    dagster.unfinished(**{PARTITION: one.key, CONNECTION_TAG: one.key})
    assert keys(dagster.sensor("erp_due").run_requests) == [other.key]
    assert keys(dagster.schedule("erp_daily").run_requests) == [other.key]
    # A run of the UI carries no tag of ours.
    run = dagster.unfinished(**{PARTITION: other.key})
    for tick in (dagster.sensor("erp_due"), dagster.schedule("erp_daily")):
        assert tick.skip_message == (
            f"A run of connection {one.key} is under way. A run of connection {other.key} is under way."
        )
    dagster.instance.report_run_failed(run)
    assert keys(dagster.sensor("erp_due").run_requests) == [other.key]


def test_runs_of_the_invoices_alone_count_as_well(dagster: Dagster) -> None:
    ones = [dagster.installed.connect("omie") for _ in range(3)]
    dagster.sensor("erp_connections")
    order = dagster.partitions()
    ends = [f"{key}|2026-11-01" for key in order[:2]]
    dagster.unfinished("erp_invoices", **dict(zip(RANGE, ends, strict=True)))
    assert keys(dagster.sensor("erp_due").run_requests) == [order[2]]
    assert sorted(order) == sorted(one.key for one in ones)


def test_a_connection_that_a_process_works_on_is_left_alone(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie")
    with dagster.sync.runs.execution(one.id, run_id="elsewhere"):
        for tick in (dagster.sensor("erp_due"), dagster.schedule("erp_daily")):
            assert tick.skip_message == f"A run of connection {one.key} is under way."


def test_a_connection_whose_runs_die_rests_longer_each_time(dagster: Dagster) -> None:
    """A run that died left `next_sync_at` as it was, so the connection stays due."""
    clock = dagster.installed.clock
    one = dagster.installed.connect("omie", next_sync_at=clock.now - timedelta(minutes=30))
    ended(dagster, FAILED, 1, connection=one)
    said = dagster.sensor("erp_due").skip_message
    assert said == f"The last runs of connection {one.key} died; the next is at 00:14:03 UTC."
    clock.advance(minutes=14)
    assert keys(dagster.sensor("erp_due").run_requests) == [one.key]
    ended(dagster, FAILED, 0, connection=one)
    clock.advance(minutes=29)
    assert not dagster.sensor("erp_due").run_requests
    clock.advance(minutes=1)
    assert keys(dagster.sensor("erp_due").run_requests) == [one.key]
    # The day's own tick is a fair try whatever happened before.
    ended(dagster, FAILED, 0, connection=one)
    assert keys(dagster.schedule("erp_daily").run_requests) == [one.key]
    ended(dagster, SUCCEEDED, 0, connection=one)
    assert keys(dagster.sensor("erp_due").run_requests) == [one.key]


def test_the_partitions_are_equal_to_the_table(dagster: Dagster) -> None:
    ones = [dagster.installed.connect("omie", status="inactive") for _ in range(3)]
    # A sync that its connection's ERP does not have yet is shown all the same.
    dagster.installed.connect_unknown(ones[0].user_id)
    dagster.sensor("erp_connections")
    assert len(dagster.partitions()) == 4
    run = dagster.unfinished(**{PARTITION: ones[1].key})
    dagster.installed.erp.execute(
        "delete from public.erp_connections where id = any(%s)", [[ones[1].id, ones[2].id]]
    )
    dagster.sensor("erp_connections")
    assert ones[2].key not in dagster.partitions()
    assert ones[1].key in dagster.partitions()
    dagster.instance.report_run_failed(run)
    dagster.sensor("erp_connections")
    assert ones[1].key not in dagster.partitions()


@pytest.mark.parametrize("sensor", ["erp_connections", "erp_due"])
def test_a_table_that_is_away_is_no_empty_one(dagster: Dagster, sensor: str) -> None:
    one = dagster.installed.connect("omie")
    dagster.sensor("erp_connections")
    with pytest.raises(SyncError) as failed:
        replace(dagster, url=AWAY).sensor(sensor)
    assert "senha-longa" not in str(failed.value)
    assert dagster.partitions() == [one.key]


def test_an_automatic_run_does_its_connection_and_sets_the_next_time(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie", months=1)
    (request,) = dagster.sensor("erp_due").run_requests or []
    run = dagster.run(
        "erp_sync", partition_key=request.partition_key, run_config=request.run_config, tags=request.tags
    )
    assert run.success
    row = dagster.installed.row(one)
    assert row.last_sync_at is not None
    assert row.next_sync_at == row.last_sync_at + timedelta(hours=24)
    assert dagster.installed.log(one)["sync_type"] == "auto"
    assert dagster.sensor("erp_due").skip_message == "No connection is due."


@pytest.mark.slow
def test_over_a_week_each_connection_is_started_by_its_own_frequency(dagster: Dagster) -> None:
    """Ticks by the hour, the daily one at midnight; a run does not begin before the one before it has ended."""
    installed, clock = dagster.installed, dagster.installed.clock
    hours = {
        installed.connect("omie").id: 24,
        installed.connect("bling").id: 6,
        installed.connect("omie").id: 72,
    }
    for number, every in hours.items():
        installed.erp.execute(
            "update public.erp_connections set sync_config = %s where id = %s",
            [Jsonb({"auto_sync": True, "frequency_hours": every}), number],
        )
    started: dict[str, int] = {}
    runs = dagster.sync.runs
    for hour in range(7 * 24):
        ticks = [dagster.schedule("erp_daily")] if hour % 24 == 0 else []
        requests = [one for tick in (*ticks, dagster.sensor("erp_due")) for one in tick.run_requests or []]
        for request in requests:
            key = str(request.partition_key)
            (number,) = [one for one in hours if one.hex[:8] == key.rpartition("_")[2]]
            with runs.execution(number, run_id=f"{key}-{hour}", only_if_due=True) as work:
                started[key] = started.get(key, 0) + work.is_due
        clock.advance(hours=1)
    assert sorted(started.values()) == [3, 7, 28]
