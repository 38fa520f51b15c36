"""Ticks of the sensors that obey the control table: what they request, and when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from sync_pipelines import partitions
from sync_pipelines.lib.alerts import Alert, Channel
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.scouter.defs import definitions
from sync_pipelines.scouter.defs.automation import JOB
from sync_pipelines.scouter.defs.export_job_automation import dead_sensor, pending_sensor
from sync_pipelines.scouter.export_jobs.orphans import MAX_ATTEMPTS
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines_tests.scouter.dagster_runs import launch
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
AWAY = "postgresql://x:senha-longa@127.0.0.1:1/tab"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(
    installation: Installation, instance: dg.DagsterInstance, push: LeadPush | None = None
) -> dg.RunRequest | str:
    """What one evaluation of the sensor requests, or why it skips."""
    days = partitions.days(installation.settings.scouter_first_day, installation.settings.sync_timezone)
    answer = pending_sensor(push or installation.push, days, on=False)(
        dg.build_sensor_context(instance=instance)
    )
    if isinstance(answer, dg.RunRequest):
        return answer
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message
    return answer.skip_message


def requested(
    installation: Installation, instance: dg.DagsterInstance, push: LeadPush | None = None
) -> dg.RunRequest:
    request = tick(installation, instance, push)
    assert isinstance(request, dg.RunRequest), request
    return request


def reap(installation: Installation, channels: tuple[Channel, ...] = ()) -> str:
    answer = dead_sensor(installation.push, channels, on=False)()
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def remember(
    installation: Installation,
    instance: dg.DagsterInstance,
    request: dg.RunRequest,
    status: dg.DagsterRunStatus,
) -> dg.DagsterRun:
    """A run of that request in the instance, as the daemon enters it, without its ever working."""
    job = definitions.definitions(installation.settings, installation.push).resolve_job_def(JOB)
    return instance.create_run_for_job(job, status=status, tags=request.tags)


def die(installation: Installation, job_id: str) -> None:
    with psycopg.connect(
        installation.settings.require("tabuladormax_database_url"), autocommit=True
    ) as session:
        ExportWork(session).claim(job_id, "gone")
    installation.tab.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [job_id])
    ExportWork(installation.tab).release(job_id)


def test_a_pending_export_is_requested_over_its_days(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = control_plane.create(DAY, DAY - timedelta(days=3))
    request = requested(control_plane, instance)
    assert request.tags == {
        "scouter/export_job": job_id,
        "scouter/waits_since": control_plane.job(job_id).updated_at.astimezone(UTC).isoformat(),
        "dagster/asset_partition_range_start": "2025-10-18",
        "dagster/asset_partition_range_end": "2025-10-21",
    }
    assert request.run_config == {"ops": {"scouter_leads_export": {"config": {"export_job": job_id}}}}


@pytest.mark.parametrize(
    ("newest", "oldest", "shown"),
    [
        (DAY, None, ("2025-01-01", "2025-10-21")),
        (DAY, date(2019, 1, 1), ("2025-01-01", "2025-10-21")),
        (date(2020, 5, 1), date(2020, 1, 1), ("2025-01-01", "2025-01-01")),
    ],
)
def test_days_that_the_calendar_does_not_know_are_not_shown(
    control_plane: Installation,
    instance: dg.DagsterInstance,
    newest: date,
    oldest: date | None,
    shown: tuple[str, str],
) -> None:
    control_plane.create(newest, oldest)
    tags = requested(control_plane, instance).tags
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == shown


def test_what_is_requested_runs_as_that_export_and_is_not_requested_again(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    installation.leads(range(3), NOON)
    job_id = installation.create(DAY, DAY)
    request = requested(installation, instance)
    config = request.run_config["ops"]["scouter_leads_export"]["config"]
    done = launch(installation, instance, JOB, tags=request.tags, ops={"scouter_leads_export": config})
    assert done.result.success
    assert installation.counters(job_id) == ("completed", 3, 3, 0)
    assert tick(installation, instance) == "No export is pending."


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_while_a_push_is_under_way_nothing_is_requested(
    control_plane: Installation, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    control_plane.create(DAY, DAY)
    remember(control_plane, instance, requested(control_plane, instance), status=status)
    assert tick(control_plane, instance) == "A push is under way."


def test_the_oldest_export_goes_first_and_what_stands_still_does_not_go(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    for status, age in (("paused", 9), ("pending", 2), ("pending", 5), ("completed", 8), ("failed", 7)):
        control_plane.tab.execute(
            "insert into public.gestao_scouter_export_jobs (status, start_date, created_at)"
            " values (%s, '2025-10-21', now() - make_interval(hours => %s))",
            [status, age],
        )
    waiting = [job.id for job in control_plane.actions().pending()]
    assert len(waiting) == 2
    assert requested(control_plane, instance).tags["scouter/export_job"] == waiting[0]


def test_an_export_that_is_resumed_or_reset_is_requested_under_another_key(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = control_plane.create(DAY, DAY)
    keys = [requested(control_plane, instance).run_key]
    control_plane.actions().pause(job_id)
    assert tick(control_plane, instance) == "No export is pending."
    control_plane.actions().resume(job_id)
    keys.append(requested(control_plane, instance).run_key)
    control_plane.actions().reset(job_id)
    keys.append(requested(control_plane, instance).run_key)
    assert len(set(keys)) == 3
    assert all(key and key.startswith(job_id) for key in keys)
    # An export that nobody touched keeps its key: the daemon launches it once.
    assert requested(control_plane, instance).run_key == keys[-1]


def test_a_run_that_could_not_begin_its_export_is_repeated_under_another_key_and_ever_later(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    control_plane.create(DAY, DAY)
    request = requested(control_plane, instance)
    keys = [request.run_key]
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        run = remember(control_plane, instance, request, status=dg.DagsterRunStatus.FAILURE)
        (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
        due = record.create_timestamp.astimezone(UTC) + timedelta(minutes=minutes)
        told = tick(control_plane, instance, at(control_plane, due - timedelta(seconds=1)))
        assert "ended before they could begin" in str(told)
        request = requested(control_plane, instance, at(control_plane, due))
        keys.append(request.run_key)
    assert len(set(keys)) == len(keys)
    # What a person resumes does not wait for what was in vain before.
    control_plane.actions().pause(request.tags["scouter/export_job"])
    control_plane.actions().resume(request.tags["scouter/export_job"])
    assert requested(control_plane, instance, at(control_plane, due)).run_key not in keys


def at(installation: Installation, moment: datetime) -> LeadPush:
    return replace(installation.push, clock=lambda: moment)


def test_an_export_whose_worker_is_gone_is_reaped_and_requested_again(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    job_id = control_plane.create(DAY, DAY)
    first = requested(control_plane, instance).run_key
    die(control_plane, job_id)
    assert tick(control_plane, instance) == "No export is pending."
    assert reap(control_plane) == "1 dead exports."
    assert reap(control_plane) == "No dead export."
    again = requested(control_plane, instance)
    assert again.tags["scouter/export_job"] == job_id
    assert again.run_key != first


def test_a_person_hears_of_each_interruption_and_of_the_end(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    heard: list[Alert] = []

    def ear(alert: Alert) -> str:
        heard.append(alert)
        return "ear"

    for _ in range(MAX_ATTEMPTS):
        die(control_plane, job_id)
        reap(control_plane, (ear,))
    assert len(heard) == MAX_ATTEMPTS
    assert [alert.severity for alert in heard] == ["aviso", "aviso", "erro"]
    assert all(job_id in alert.text for alert in heard)
    assert "continua de onde parou" in heard[0].text
    assert "encerrada" in heard[-1].text


@pytest.mark.parametrize("switch", ["active", "sync_enabled"])
def test_where_the_integration_is_switched_off_nothing_is_requested_and_the_tick_says_so(
    control_plane: Installation, instance: dg.DagsterInstance, switch: str
) -> None:
    control_plane.create(DAY, DAY)
    control_plane.tab.execute(f"update public.gestao_scouter_config set {switch} = false".encode())
    assert "Config > Integrações" in str(tick(control_plane, instance))
    control_plane.tab.execute(f"update public.gestao_scouter_config set {switch} = true".encode())
    assert requested(control_plane, instance).run_key


def test_a_database_that_is_away_fails_the_ticks_and_is_not_taken_for_an_empty_table(
    control_plane: Installation, instance: dg.DagsterInstance
) -> None:
    gone = replace(control_plane.push, source_url=AWAY, ops_url=AWAY)
    with pytest.raises(SyncError) as pending:
        tick(control_plane, instance, gone)
    with pytest.raises(SyncError) as dead:
        dead_sensor(gone, on=False)()
    assert "senha-longa" not in f"{pending.value} {dead.value}"


def test_a_table_that_is_gone_fails_the_ticks_in_a_sentence(
    installation: Installation, instance: dg.DagsterInstance
) -> None:
    installation.tab.execute("drop table public.gestao_scouter_export_jobs cascade")
    with pytest.raises(SyncError, match="gestao_scouter_export_jobs"):
        tick(installation, instance)
    with pytest.raises(SyncError, match="gestao_scouter_export_jobs"):
        reap(installation)


@pytest.mark.parametrize("start", ["infinity", "20225-10-21", "-infinity", "0044-03-15 BC"])
def test_an_export_with_a_date_that_python_does_not_hold_keeps_no_other_back(
    installation: Installation, instance: dg.DagsterInstance, start: str
) -> None:
    installation.leads(range(3), NOON)
    installation.tab.execute(
        "insert into public.gestao_scouter_export_jobs (status, start_date, created_at)"
        " values ('pending', %s, now() - interval '1 day')",
        [start],
    )
    request = requested(installation, instance)
    config = request.run_config["ops"]["scouter_leads_export"]["config"]
    done = launch(installation, instance, JOB, tags=request.tags, ops={"scouter_leads_export": config})
    job = installation.job(config["export_job"])
    assert (job.status, done.result.success) in {("paused", False), ("completed", True)}
    assert job.status == "completed" or "está no futuro" in (job.pause_reason or "")
    assert installation.export(DAY, DAY).status == "completed"
    assert len(installation.actions().newest()) == 2
