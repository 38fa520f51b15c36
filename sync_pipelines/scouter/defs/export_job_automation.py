"""The sensors that obey the control table: pending exports are run, dead ones are taken up again."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from sync_pipelines.lib.alerts import Alert, Channel, send_alert
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run
from sync_pipelines.scouter.defs.automation import JOB, push_job
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.export_jobs.orphans import reap_exports
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.push.job_range import first_day
from sync_pipelines.scouter.push.pipeline import LeadPush

#: How long a run that ended before it could claim its export keeps the next one waiting, at most.
LONGEST_WAIT = timedelta(hours=1)


def pending_sensor(push: LeadPush, days: dg.DailyPartitionsDefinition, *, on: bool) -> dg.SensorDefinition:
    """Request a run for the oldest pending export, whoever wrote it: the old screen, the launchpad, the reaper."""

    @dg.sensor(
        name="scouter_pending_exports",
        job=push_job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description="Runs what is pending in gestao_scouter_export_jobs, one export at a time.",
    )
    def scouter_pending_exports(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if has_unfinished_run(context.instance, JOB):
            return dg.SkipReason("A push is under way.")
        with push.source() as connection:
            waiting = ExportWork(connection).pending()
            refusal = read_configuration(connection).refusal()
            first = first_day(connection, push.zone)
        if not waiting:
            return dg.SkipReason("No export is pending.")
        if refusal:
            return dg.SkipReason(refusal)
        vain, last = _vain_runs(context.instance, waiting[0])
        # A minute after the first that came to nothing, then twice as long each time.
        due = last + min(timedelta(minutes=1) * 2 ** min(vain - 1, 6), LONGEST_WAIT) if last else None
        if due and push.clock() < due:
            return dg.SkipReason(
                f"{vain} runs ended before they could begin the export; the next is at {due}."
            )
        return _request(waiting[0], vain, days.get_partition_keys(), first=first or date.min)

    return scouter_pending_exports


def _vain_runs(instance: dg.DagsterInstance, job: ExportJob) -> tuple[int, datetime | None]:
    """How many runs were requested for the export as it waits now and claimed nothing, and when the last ended.

    The ops database was away, say, or a replay was at work.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=JOB, tags=_tags(job)))
    if not records:
        return 0, None
    last = max(record.end_time or record.create_timestamp.timestamp() for record in records)
    return len(records), datetime.fromtimestamp(last, UTC)


def _tags(job: ExportJob) -> dict[str, str]:
    """The export and the moment since which it waits, by the database's clock: each wait is another."""
    return {"scouter/export_job": job.id, "scouter/waits_since": job.updated_at.astimezone(UTC).isoformat()}


def _request(job: ExportJob, vain: int, known: Sequence[str], first: date) -> dg.RunRequest:
    # The job's own days count; the run's range only shows them, as far as the calendar knows them. To the beginning is
    # to the first lead: each day before it would be an event that says nothing.
    newest = max(known[0], min(job.start_date.isoformat(), known[-1]))
    oldest = max(known[0], min(max(job.end_date or first, first).isoformat(), newest))
    return dg.RunRequest(
        # A key is used once: each attempt, each resume or reset, and each run after one in vain has its own.
        run_key=f"{job.id}:{job.attempts}:{job.updated_at.astimezone(UTC).isoformat()}:{vain}",
        run_config={"ops": {"scouter_leads_export": {"config": {"export_job": job.id}}}},
        tags={
            **_tags(job),
            "dagster/asset_partition_range_start": oldest,
            "dagster/asset_partition_range_end": newest,
        },
    )


def dead_sensor(push: LeadPush, channels: Sequence[Channel] = (), *, on: bool) -> dg.SensorDefinition:
    """Put orphaned exports back to pending, and notify a person."""

    @dg.sensor(
        name="scouter_dead_exports",
        minimum_interval_seconds=60,
        default_status=sensor_status(on),
        description="Takes up exports whose worker is gone; it trusts the lock a worker holds, not a status.",
    )
    def scouter_dead_exports() -> dg.SkipReason:
        with push.source() as connection:
            orphans = reap_exports(connection)
        for one in orphans:
            goes_on = one.status == "pending"
            send_alert(
                Alert(
                    system="scouter",
                    title="exportação interrompida",
                    text=f"A exportação {one.id} terminou sem concluir. "
                    + (
                        "Ela continua de onde parou, sem perder nem repetir leads."
                        if goes_on
                        else "Depois de três tentativas ela foi encerrada: veja as execuções no Dagster e use reset."
                    ),
                    severity="aviso" if goes_on else "erro",
                ),
                channels,
            )
        return dg.SkipReason(f"{len(orphans)} dead exports." if orphans else "No dead export.")

    return scouter_dead_exports
