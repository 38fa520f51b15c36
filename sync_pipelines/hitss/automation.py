"""When the DRE runs: the schedule that replaces pg_cron, and the sensor that loads what a download changed."""

from collections.abc import Iterator, Sequence

import dagster as dg

from sync_pipelines.hitss import catalogue
from sync_pipelines.hitss.assets import EXPORT_KEY
from sync_pipelines.hitss.examination import EXPORT
from sync_pipelines.hitss.pending import Pending, contents_of, pending_months
from sync_pipelines.hitss.plan import CHAIN
from sync_pipelines.lib.ledger import Ledger, open_ledger
from sync_pipelines.partitions import contiguous
from sync_pipelines.settings import Settings

#: A month that failed is requested again by the sensor this often for one workbook; then a person decides.
MAX_ATTEMPTS = 3

download_job = dg.define_asset_job(
    "hitss_download",
    selection=dg.AssetSelection.assets(EXPORT_KEY),
    description="Download, keep and look at the HITSS export.",
)
load_job = dg.define_asset_job(
    "hitss_load",
    selection=dg.AssetSelection.assets(*(catalogue.key_of(name) for name in CHAIN)),
    description="Load and prove months from the newest landed workbook.",
)


def download_schedule(status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="hitss_download_weekdays",
        job=download_job,
        cron_schedule="0 8 * * 1-5",
        execution_timezone="UTC",
        default_status=status,
        description="Replaces the pg_cron jobs `hitss-automation-daily` and `dre-automation-daily` (05:00 BRT).",
    )


def changed_months_sensor(
    settings: Settings, months: dg.MonthlyPartitionsDefinition, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """A sensor that compares the newest usable workbook with what is proved, and requests the difference.

    It looks at states and not at events, so a night on which nothing ran heals by itself.
    """

    @dg.sensor(
        name="hitss_changed_months",
        job=load_job,
        minimum_interval_seconds=30,
        default_status=status,
        description="Requests the months whose content in the newest workbook is not what was last proved.",
    )
    def hitss_changed_months(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        unfinished = context.instance.get_run_records(
            dg.RunsFilter(statuses=list(UNFINISHED), tags={"dagster/sensor_name": "hitss_changed_months"}),
            limit=1,
        )
        if unfinished:
            return dg.SkipReason("A load that this sensor requested is still under way.")
        with open_ledger(settings.require("ops_database_url")) as ledger:
            landing = ledger.newest(EXPORT)
            if landing is None:
                return dg.SkipReason("No usable workbook has been landed yet.")
            pending = pending_months(ledger, contents_of(ledger, landing), settings.hitss_empresa)
            attempts = failed_attempts(ledger, landing.id)
        wanted = list(_requests(pending, months.get_partition_keys(), landing.id, attempts))
        # A run that died before its first month left no proof, failed or not: it counts as an attempt too.
        before = [context.instance.get_runs_count(dg.RunsFilter(tags=request.tags)) for request in wanted]
        requests = [
            request._replace(run_key=f"{request.run_key}:{count}")
            for request, count in zip(wanted, before, strict=True)
            if count < MAX_ATTEMPTS
        ]
        if not requests:
            return dg.SkipReason("Every month is as the newest workbook says, or waits for a person.")
        return dg.SensorResult(run_requests=requests)

    return hitss_changed_months


UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def failed_attempts(ledger: Ledger, landed_id: int) -> dict[str, int]:
    """How often each month has failed since a workbook was landed."""
    rows = ledger.connection.execute(
        "select partition_key, count(distinct run_id) from ops.proofs"
        " where asset = 'hitss/dre_lines' and not holds"
        " and proved_at >= (select landed_at from ops.landed_files where id = %s) group by 1",
        (landed_id,),
    ).fetchall()
    return dict(rows)


def _requests(
    pending: Pending, order: Sequence[str], landed_id: int, attempts: dict[str, int]
) -> Iterator[dg.RunRequest]:
    """A range a run, since a range has no gaps; only the lines where only people changed."""
    whole = [catalogue.key_of(name) for name in CHAIN]
    for wanted, selection in ((pending.changed, whole), (pending.refresh, whole[:1])):
        open_months = [month for month in wanted if attempts.get(month, 0) < MAX_ATTEMPTS]
        for first, last in contiguous(open_months, order):
            attempt = max(attempts.get(month, 0) for month in open_months if first <= month <= last)
            yield dg.RunRequest(
                run_key=f"{landed_id}:{len(selection)}:{first}:{last}:{attempt}",
                asset_selection=selection,
                tags={
                    "dagster/asset_partition_range_start": first,
                    "dagster/asset_partition_range_end": last,
                    "sync/workbook": str(landed_id),
                },
            )
