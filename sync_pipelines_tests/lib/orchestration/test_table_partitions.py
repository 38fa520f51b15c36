"""Partitions kept equal to a table: what is added and removed, and what an unfinished run keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import dagster as dg
import pytest

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.orchestration.table_partitions import (
    Difference,
    add_missing,
    difference,
    table_partitions_sensor,
    unfinished_targets,
)

PETS = dg.DynamicPartitionsDefinition(name="pet")
VISITS = dg.AssetKey(["toy", "visits"])
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def visit() -> None:
    pass


@dg.job
def other() -> None:
    pass


@dg.asset(key=VISITS)
def visits() -> None:
    pass


def ranged(first: str, last: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def compared(instance: dg.DagsterInstance, *wanted: str) -> Difference:
    return difference(instance, PETS, wanted, jobs={"visit"}, assets={VISITS})


def tick(instance: dg.DagsterInstance, read: Callable[[], list[str]]) -> dg.SensorExecutionData:
    """One evaluation of the sensor, whose changes are made as the daemon makes them."""
    sensor = table_partitions_sensor(
        "toy_pets", PETS, read, jobs={"visit"}, assets={VISITS}, on=False, description=""
    )
    data = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    for request in data.dynamic_partitions_requests:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return data


def test_the_partitions_become_equal_to_the_table_in_its_order(instance: dg.DagsterInstance) -> None:
    data = tick(instance, lambda: ["9", "4", "9", "7"])
    assert instance.get_dynamic_partitions("pet") == ["9", "4", "7"]
    assert data.skip_message == "3 added: 9, 4, 7."
    data = tick(instance, lambda: ["4", "8"])
    assert instance.get_dynamic_partitions("pet") == ["4", "8"]
    assert data.skip_message == "1 added: 8. 2 removed: 9, 7."
    assert tick(instance, lambda: ["8", "4"]).skip_message == "The partitions are equal to the table."


def test_an_empty_table_has_no_partitions(instance: dg.DagsterInstance) -> None:
    tick(instance, lambda: ["1"])
    tick(instance, list)
    assert instance.get_dynamic_partitions("pet") == []


def test_a_failed_read_fails_the_tick_and_changes_nothing(instance: dg.DagsterInstance) -> None:
    tick(instance, lambda: ["1", "2"])

    def read() -> list[str]:
        raise TransientError("the table is away.")

    with pytest.raises(TransientError, match="the table is away"):
        tick(instance, read)
    assert instance.get_dynamic_partitions("pet") == ["1", "2"]


@pytest.mark.parametrize(
    ("tags", "held"),
    [
        ({"dagster/partition": "2"}, ["2"]),
        ({"dagster/partition": "2|2025-08-01"}, ["2"]),
        ({"dagster/partition": "2025-08-01|3"}, ["3"]),
        (ranged("2", "3"), ["2", "3"]),
        (ranged("3", "3"), ["3"]),
        (ranged("2|2025-08-01", "2|2025-09-01"), ["2"]),
        (ranged("5", "3"), ["1", "2", "3", "4"]),
        (ranged("3", "2"), []),
        ({}, ["1", "2", "3", "4"]),
        ({"dagster/partition": "5"}, []),
    ],
)
def test_what_an_unfinished_run_targets_stays(
    instance: dg.DagsterInstance, tags: Mapping[str, str], held: list[str]
) -> None:
    """A range one of whose ends is no key any more may be any key; so may a run that does not say."""
    add_missing(instance, PETS, "1234")
    instance.create_run_for_job(visit, status=STARTED, tags=tags)
    found = compared(instance)
    assert list(found.held) == held
    assert list(found.gone) == [key for key in "1234" if key not in held]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_what_a_finished_run_targeted_goes(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    add_missing(instance, PETS, "1")
    instance.create_run_for_job(visit, status=status, tags={"dagster/partition": "1"})
    assert compared(instance) == Difference(gone=("1",))


def test_a_key_that_was_held_goes_with_the_end_of_its_run(instance: dg.DagsterInstance) -> None:
    tick(instance, lambda: ["1", "2"])
    run = instance.create_run_for_job(visit, status=STARTED, tags={"dagster/partition": "2"})
    data = tick(instance, lambda: ["1"])
    assert data.skip_message == "1 gone from the table, but a run is at work on them: 2."
    assert instance.get_dynamic_partitions("pet") == ["1", "2"]
    instance.report_run_failed(run)
    tick(instance, lambda: ["1"])
    assert instance.get_dynamic_partitions("pet") == ["1"]


def test_runs_of_other_jobs_hold_nothing_but_a_persons_run_of_the_asset_does(
    instance: dg.DagsterInstance,
) -> None:
    add_missing(instance, PETS, "12")
    instance.create_run_for_job(other, status=STARTED, tags={"dagster/partition": "1"})
    assert compared(instance).held == ()
    by_hand = dg.Definitions(assets=[visits]).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(
        by_hand, status=STARTED, tags={"dagster/partition": "2"}, asset_selection=frozenset({VISITS})
    )
    assert compared(instance).held == ("2",)


def test_only_missing_keys_are_added(instance: dg.DagsterInstance) -> None:
    assert add_missing(instance, PETS, ["1", "1", "2"]) == ("1", "2")
    assert add_missing(instance, PETS, ["2", "3"]) == ("3",)
    assert add_missing(instance, PETS, []) == ()
    assert instance.get_dynamic_partitions("pet") == ["1", "2", "3"]


def test_several_runs_target_what_each_does(instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(visit, status=STARTED, tags={"dagster/partition": "1"})
    instance.create_run_for_job(visit, status=STARTED, tags=ranged("3", "4"))
    targets = unfinished_targets(instance, ["1", "2", "3", "4"], jobs={"visit"}, assets=())
    assert [targets.has(key) for key in "1234"] == [True, False, True, True]
