"""The sensor that alerts of failed runs, and what it finds out about one in Dagster."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from sync_pipelines.lib.alerts import once, send_alert
from sync_pipelines.lib.orchestration.partition_runs import failure_sentence
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.failed_runs import FailedRun, LastGood, NextTry

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_BY_HAND = "sync/launched_by"


def failure_alert(alerting: Alerting, *, on: bool) -> dg.SensorDefinition:
    """A sensor that turns failed runs into alerts, except where the failed steps notify a person themselves.

    With the ops database the same sentence of a job goes out once a day: a month that waits for a person fails every
    two hours.
    """

    @dg.run_failure_sensor(
        name="failed_run_alert",
        default_status=sensor_status(on),
        # A run of the command line, also one that was killed there, belongs to no code location.
        monitor_all_code_locations=True,
        description="An alert for a failed run, with the sentence of its failure; the same one once a day.",
    )
    def failed_run_alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        failures = context.get_step_failure_events()
        if failures and all(event.step_key in alerting.notified_elsewhere for event in failures):
            return dg.SkipReason("The step notified a person itself.")
        failed = read_failed_run(
            context.instance,
            context.dagster_run,
            context.repository_def,
            failures=failures,
            detail=sentences_of(failures) or context.failure_event.message or "sem mensagem",
            now=alerting.clock(),
        )
        day = f"{alerting.clock():%Y-%m-%d}"
        kind = hashlib.sha256(failed.detail.encode()).hexdigest()[:16]
        with once(
            alerting.ops_url, f"job/{failed.job}", day, kind=kind, run_id=failed.run_id
        ) as notification:
            if not notification.due:
                return dg.SkipReason("An alert with the same sentence of this job went out today already.")
            notification.done = send_alert(failed.alert(alerting), alerting.channels)
        return None

    return failed_run_alert


def sentences_of(failures: Sequence[dg.DagsterEvent]) -> str:
    """The technical sentences of the failed steps."""
    return " ".join(failure_sentence(event.step_failure_data) for event in failures)


def failed_partitions_of(failures: Sequence[dg.DagsterEvent]) -> tuple[str, ...]:
    """The partitions that a run over a range names as those that failed; its others are done."""
    found: set[str] = set()
    for event in failures:
        failure = event.step_failure_data.user_failure_data
        named = failure.metadata.get("failed_partitions") if failure else None
        if isinstance(named, dg.JsonMetadataValue) and isinstance(named.data, list):
            found |= {str(partition) for partition in named.data}
    return tuple(sorted(found))


def read_failed_run(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    repository: dg.RepositoryDefinition | None,
    *,
    failures: Sequence[dg.DagsterEvent] = (),
    detail: str,
    now: datetime,
) -> FailedRun:
    """The facts of a failed run. `repository` is None where its code location is not known."""
    assets = _assets(instance, run)
    one = run.tags.get("dagster/partition")
    first, last = (run.tags.get(name) for name in _RANGE)
    partitions = failed_partitions_of(failures) or ((one,) if one else ())
    return FailedRun(
        run_id=run.run_id,
        job=run.job_name,
        failed_at=now,
        detail=detail,
        assets=[asset.to_user_string() for asset in assets],
        partitions=partitions,
        partition_range=(first, last) if first and last else None,
        last_good=_last_good(instance, assets, partitions),
        next_try=_next_try(repository, run.job_name, now) if repository else None,
        knows_schedules=repository is not None,
        by_hand=_BY_HAND in run.tags,
    )


def _assets(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.AssetKey]:
    """What the run was to materialize; if it never came so far, what it was asked for."""
    planned = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    keys = {event.asset_key for entry in planned if (event := entry.dagster_event) and event.asset_key}
    return sorted(keys or set(run.asset_selection or ()))


def _last_good(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], partitions: Sequence[str]
) -> LastGood | None:
    newest = [found for asset in assets if (found := _newest(instance, asset, partitions))]
    return min(newest, key=lambda one: one.moment, default=None)


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: Sequence[str]) -> LastGood | None:
    wanted = dg.AssetRecordsFilter(asset, asset_partitions=list(partitions) or None)
    for record in instance.fetch_materializations(wanted, limit=1).records:
        moment = datetime.fromtimestamp(record.timestamp, UTC)
        return LastGood(asset.to_user_string(), record.partition_key, moment)
    return None


def _next_try(repository: dg.RepositoryDefinition, job: str, now: datetime) -> NextTry | None:
    """The next tick of a running schedule of the job, or else a running sensor that requests it."""
    ticks = [
        (moment, schedule.name)
        for schedule in repository.schedule_defs
        if schedule.job_name == job and schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        for moment in _next_ticks(schedule, now)
    ]
    if ticks:
        moment, name = min(ticks)
        return NextTry(name, moment)
    for sensor in repository.sensor_defs:
        is_on = sensor.default_status is dg.DefaultSensorStatus.RUNNING
        if is_on and any(target.job_name == job for target in sensor.targets):
            return NextTry(sensor.name, None)
    return None


def _next_ticks(schedule: dg.ScheduleDefinition, now: datetime) -> Iterator[datetime]:
    crons = schedule.cron_schedule
    for line in [crons] if isinstance(crons, str) else crons:
        ticks = dg.TimeWindowPartitionsDefinition(
            start=now - timedelta(days=366),
            fmt="%Y-%m-%d %H:%M",
            cron_schedule=line,
            timezone=schedule.execution_timezone or "UTC",
        )
        window = ticks.get_next_partition_window(now, respect_bounds=False)
        if window is not None:
            yield window.start
