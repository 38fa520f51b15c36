"""Ticks of the sensor that loads changed months: what it requests, what it does not, and when it gives up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.defs import changed_months
from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.defs.changed_months import MAX_ATTEMPTS
from sync_pipelines.hitss.defs.descriptions import key_of
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres import lock_key
from sync_pipelines.partitions import months
from sync_pipelines.sandbox.hitss.mutations import area_head_changed, realizado_restated
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, run
from sync_pipelines_tests.hitss.defs.test_dre_assets import Launched, launch

SENSOR = "hitss_changed_months"
DATABASES = {
    "fabricio_database_url": "postgresql://db/fabricio",
    "ops_database_url": "postgresql://db/ops",
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(house: House, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """The runs that one evaluation of the sensor requests; none where it skips, which it must explain."""
    partitions = months(house.settings.first_month, house.settings.sync_timezone)
    sensor = changed_months.changed_months_sensor(house.dre, partitions, on=False)
    # As the daemon does: what a sensor answers is checked only there.
    answer = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert answer.run_requests or answer.skip_message
    return list(answer.run_requests or ())


def ends(request: dg.RunRequest) -> tuple[str, str]:
    tags = request.tags
    return tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]


def obey(house: House, instance: dg.DagsterInstance, request: dg.RunRequest) -> Launched:
    """Run what was requested, as the daemon would."""
    assets = [key.path[-1] for key in request.asset_selection or ()]
    return launch(house, instance, "hitss_load", months=ends(request), assets=assets)


def remember(
    house: House,
    instance: dg.DagsterInstance,
    request: dg.RunRequest,
    status: dg.DagsterRunStatus,
) -> None:
    """A run of that request in the instance, as the daemon enters it, without its ever working."""
    job = system.definitions(house.settings, house.dre).resolve_job_def("hitss_load")
    tags = {**request.tags, "dagster/sensor_name": SENSOR, "dagster/run_key": str(request.run_key)}
    instance.create_run_for_job(job, status=status, tags=tags)


def test_without_a_workbook_there_is_nothing_to_request(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    assert tick(short, instance) == []


def test_the_first_workbook_is_requested_whole_in_one_range(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    short.dre.download("first")
    (request,) = tick(short, instance)
    assert ends(request) == (MONTHS[0], MONTHS[-1])
    assert request.asset_selection is None
    assert request.tags["sync/workbook"] == "1"
    assert obey(short, instance, request).result.success
    assert tick(short, instance) == []


def test_only_the_months_that_changed_are_requested_a_range_without_gaps_each(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    run(short)
    rows = realizado_restated(realizado_restated(short.hitss.rows, "6/2025"), "8/2025")
    short.hitss.serve_rows(rows)
    short.dre.download("changed")
    requests = tick(short, instance)
    assert [ends(request) for request in requests] == [
        ("2025-06-01", "2025-06-01"),
        ("2025-08-01", "2025-08-01"),
    ]
    assert len({request.run_key for request in requests}) == 2
    assert all(obey(short, instance, request).result.success for request in requests)
    assert tick(short, instance) == []


def test_new_people_alone_are_loaded_into_the_lines_only(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    run(short)
    short.hitss.serve_rows(area_head_changed(short.hitss.rows))
    short.dre.download("people")
    (request,) = tick(short, instance)
    assert ends(request) == (MONTHS[0], MONTHS[-1])
    assert request.asset_selection == [key_of("dre_lines")]
    loaded = obey(short, instance, request)
    assert loaded.result.success
    assert loaded.materialized("dre_hitss") == {}
    assert tick(short, instance) == []


def test_the_same_content_in_another_file_requests_nothing(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    run(short)
    short.dre.download("again")
    assert tick(short, instance) == []


def test_a_month_that_fails_is_requested_again_and_then_left_to_a_person(
    short: House, instance: dg.DagsterInstance
) -> None:
    run(short)
    short.hitss.serve_rows(realizado_restated(short.hitss.rows, "7/2025"))
    short.dre.download("changed")
    keys = []
    with psycopg.connect(short.settings.require("fabricio_database_url")) as other:
        # Whatever holds the month's lock makes it fail, and only it.
        other.execute("select pg_advisory_lock(%s)", (lock_key("hitss", "2025-07-01"),))
        while requests := tick(short, instance):
            (request,) = requests
            assert ends(request) == ("2025-07-01", "2025-07-01")
            keys.append(request.run_key)
            assert "Another run is loading 2025-07" in obey(short, instance, request).failure
            remember(short, instance, request, status=dg.DagsterRunStatus.FAILURE)
            assert len(keys) <= MAX_ATTEMPTS
    assert len(set(keys)) == len(keys) == MAX_ATTEMPTS


def test_a_new_workbook_is_a_new_reason_to_try(short: House, instance: dg.DagsterInstance) -> None:
    run(short)
    short.hitss.serve_rows(realizado_restated(short.hitss.rows, "3/2025"))
    for night in range(2):
        short.dre.download(f"night {night}")
        for request in tick(short, instance):
            remember(short, instance, request, status=dg.DagsterRunStatus.FAILURE)
            obey(short, instance, request)
    assert len(instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": SENSOR}))) in {0, 2}


def test_a_run_that_died_before_its_first_month_is_requested_under_another_key(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    """A run key that has been used is never launched again, whatever became of its run."""
    short.dre.download("first")
    (first,) = tick(short, instance)
    remember(short, instance, first, status=dg.DagsterRunStatus.FAILURE)
    (second,) = tick(short, instance)
    assert ends(second) == ends(first)
    assert second.run_key != first.run_key


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_nothing_is_requested_while_a_requested_load_is_unfinished(
    short: House,
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
) -> None:
    short.dre.download("first")
    (request,) = tick(short, instance)
    remember(short, instance, request, status=status)
    assert tick(short, instance) == []


def test_a_night_without_a_daemon_heals_by_itself(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    run(short)
    for month in ("7/2025", "8/2025"):
        short.hitss.serve_rows(realizado_restated(short.hitss.rows, month))
        short.dre.download(f"night {month}")
    (request,) = tick(short, instance)
    assert ends(request) == ("2025-07-01", "2025-08-01")
    assert obey(short, instance, request).result.success
    assert tick(short, instance) == []


@pytest.mark.parametrize("table", ["sync_private.dre_lines", "dre_hitss", "dre_orcado", "dre_summary"])
def test_what_others_did_to_a_table_is_requested_and_repaired(
    short: House, instance: dg.DagsterInstance, table: str
) -> None:
    run(short)
    for harm in (
        "delete from {} where competencia = '2025-03-01'",
        "update {} set competencia = '2025-03-02' where competencia = '2025-03-01'",
    ):
        short.fabricio.execute(harm.format(table))  # type: ignore[call-overload]
        (request,) = tick(short, instance)
        assert ends(request) == ("2025-03-01", "2025-03-01")
        assert obey(short, instance, request).result.success
        assert tick(short, instance) == []


def test_a_month_that_is_damaged_again_is_requested_under_another_key(
    short: House, instance: dg.DagsterInstance
) -> None:
    run(short)
    keys = []
    for _ in range(2):
        short.fabricio.execute("delete from dre_orcado where competencia = '2025-03-01'")
        (request,) = tick(short, instance)
        keys.append(request.run_key)
        obey(short, instance, request)
    assert len(set(keys)) == 2


def test_the_tables_are_looked_at_when_something_happened_and_every_five_minutes(
    short: House, instance: dg.DagsterInstance
) -> None:
    run(short)
    now = [datetime(2025, 8, 20, 12, tzinfo=UTC)]
    partitions = months(short.settings.first_month, short.settings.sync_timezone)
    sensor = changed_months.changed_months_sensor(
        replace(short.dre, clock=lambda: now[0]), partitions, on=False
    )
    cursor: list[str | None] = [None]

    def said() -> str:
        answer = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor[0]))
        cursor[0] = answer.cursor or cursor[0]
        return answer.skip_message or "requested"

    assert "Every row of the four tables was looked at" in said()
    short.fabricio.execute("delete from dre_orcado where competencia = '2025-03-01'")
    assert "Nothing landed or was loaded since the tables were looked at (12:00 UTC)" in said()
    now[0] += changed_months.LOOK_EVERY
    assert said() == "requested"


def test_an_unreachable_database_fails_the_tick_with_a_sentence_and_no_password(
    short: House,
    instance: dg.DagsterInstance,
) -> None:
    nowhere = read_settings(
        None, **{**DATABASES, "ops_database_url": "postgresql://ops:senha-longa@127.0.0.1:1/ops"}
    )
    with pytest.raises(SyncError, match="the ops database") as caught:
        tick(replace(short, dre=DrePipeline.from_settings(nowhere)), instance)
    assert "senha-longa" not in str(caught.value)


def test_a_month_that_a_guard_stops_waits_for_a_person(short: House, instance: dg.DagsterInstance) -> None:
    run(short)
    short.hitss.fault("realizado_restated", month="1/2025")
    report = short.dre.download("restated")
    assert list(report.validation.review.months) == ["2025-01-01"]
    assert tick(short, instance) == []
