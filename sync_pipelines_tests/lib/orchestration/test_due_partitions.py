"""Which partitions of a toy's table a schedule or sensor starts, over real runs of an instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration.due_partitions import DuePartitions, Tick, due_schedule, due_sensor

NOW = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)
TOYS = dg.DynamicPartitionsDefinition(name="toy")
KEY, TAG = dg.AssetKey(["toys", "state"]), "toys/toy"
DUE = DuePartitions(
    "toy", partitions=TOYS, job="toys", step="toys__state", assets=[KEY], tag=TAG, also={"repairs"}
)


@dg.asset(key=KEY, partitions_def=TOYS)
def state() -> None:
    return


toys = dg.define_asset_job("toys", selection=[state])
repairs = dg.define_asset_job("repairs", selection=[state])
others = dg.define_asset_job("others", selection=[state])
DEFINITIONS = dg.Definitions(assets=[state], jobs=[toys, repairs, others])


@pytest.fixture
def instance(instance_in_folder: dg.DagsterInstance) -> dg.DagsterInstance:
    return instance_in_folder


def under_way(instance: dg.DagsterInstance, job: str = "toys", **tags: str) -> dg.DagsterRun:
    found = DEFINITIONS.resolve_job_def(job)
    return instance.create_run_for_job(found, status=dg.DagsterRunStatus.STARTED, tags=tags)


def ended(instance: dg.DagsterInstance, kind: dg.DagsterEventType, minutes_ago: float) -> None:
    run = under_way(instance, **{"dagster/partition": "a", TAG: "a"})
    event = dg.DagsterEvent(kind.value, run.job_name, message="")
    instance.run_storage.handle_run_event(
        run.run_id, event, update_timestamp=NOW - timedelta(minutes=minutes_ago)
    )


def tick(instance: dg.DagsterInstance, *due: str, since: datetime | None = None, **options: Any) -> Tick:
    given = {"at_work": frozenset, "now": NOW, **options}
    return DUE.tick(instance, dict.fromkeys(due, since), **given)


def rest(ended_at: datetime, deaths: int) -> datetime:
    return ended_at + timedelta(minutes=10 * deaths)


def test_what_is_due_is_started_in_the_order_of_the_table(instance: dg.DagsterInstance) -> None:
    found = tick(instance, "b", "a")
    assert (found.starts, found.keys, found.left_alone) == (["b", "a"], ["b", "a"], [])
    assert tick(instance).skip_sentence() == "No toy is due."


@pytest.mark.parametrize("job", ["toys", "repairs"])
def test_a_run_under_way_keeps_its_partition_from_a_second_one(
    instance: dg.DagsterInstance, job: str
) -> None:
    run = under_way(instance, job, **{"dagster/partition": "a"})
    found = tick(instance, "a", "b")
    assert (found.starts, found.left_alone) == (["b"], ["A run of toy a is under way."])
    instance.report_run_failed(run)
    assert tick(instance, "a", "b").starts == ["a", "b"]


def test_runs_of_other_jobs_do_not_count(instance: dg.DagsterInstance) -> None:
    under_way(instance, "others", **{"dagster/partition": "a"})
    assert tick(instance, "a").starts == ["a"]


def test_a_run_that_does_not_say_what_it_works_on_may_work_on_anything(instance: dg.DagsterInstance) -> None:
    under_way(instance)
    assert tick(instance, "a", "b").starts == []


def test_a_key_whose_lock_is_held_is_left_alone(instance: dg.DagsterInstance) -> None:
    found = tick(instance, "a", "b", at_work=lambda: {"a"})
    assert (found.starts, found.skip_sentence()) == (["b"], "A run of toy a is under way.")


def test_a_partition_whose_last_runs_died_rests_and_a_fair_tick_tries_it(
    instance: dg.DagsterInstance,
) -> None:
    ended(instance, dg.DagsterEventType.RUN_FAILURE, minutes_ago=8)
    ended(instance, dg.DagsterEventType.RUN_FAILURE, minutes_ago=5)
    found = tick(instance, "a", retry_at=rest)
    assert found.skip_sentence() == "The last runs of toy a died; the next is at 06:45:00 UTC."
    assert tick(instance, "a", retry_at=rest, now=NOW + timedelta(minutes=15)).starts == ["a"]
    assert tick(instance, "a").starts == ["a"]


def test_what_the_table_knows_of_and_what_succeeded_does_not_rest(instance: dg.DagsterInstance) -> None:
    ended(instance, dg.DagsterEventType.RUN_FAILURE, minutes_ago=5)
    # Its time was moved to after the failure, and has come.
    assert tick(instance, "a", since=NOW - timedelta(minutes=1), retry_at=rest).starts == ["a"]
    assert tick(instance, "a", since=NOW - timedelta(minutes=9), retry_at=rest).starts == []
    ended(instance, dg.DagsterEventType.RUN_SUCCESS, minutes_ago=1)
    assert tick(instance, "a", retry_at=rest).starts == ["a"]


def test_schedule_and_sensor_add_the_partitions_that_they_start(instance: dg.DagsterInstance) -> None:
    def look(given: dg.DagsterInstance, rests: bool) -> Tick:
        return tick(given, "a", "b", retry_at=rest if rests else None)

    schedule = due_schedule(
        "toys_daily", DUE, look, job=toys, cron="0 6 * * *", zone="UTC", on=True, description=""
    )
    sensor = due_sensor("toys_due", DUE, look, job=toys, on=False, description="")
    repository = dg.Definitions(
        assets=[state], jobs=[toys], schedules=[schedule], sensors=[sensor]
    ).get_repository_def()
    data = repository.get_sensor_def("toys_due").evaluate_tick(
        dg.build_sensor_context(instance=instance, instance_ref=instance.get_ref(), repository_def=repository)
    )
    (added,) = data.dynamic_partitions_requests or ()
    assert list(added.partition_keys) == ["a", "b"]
    assert [one.run_key for one in data.run_requests or []] == [None, None]
    assert instance.get_dynamic_partitions("toy") == []
    ticked = repository.get_schedule_def("toys_daily").evaluate_tick(
        dg.build_schedule_context(instance=instance, scheduled_execution_time=NOW, repository_def=repository)
    )
    assert instance.get_dynamic_partitions("toy") == ["a", "b"]
    assert [one.run_key for one in ticked.run_requests or []] == [f"{key}:{NOW.isoformat()}" for key in "ab"]
    assert {one.tags[TAG] for one in ticked.run_requests or []} == {"a", "b"}
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
