"""The toy system as one piece of the definitions."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from sync_pipelines import partitions, toy
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence, run_partitions
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.pipeline import ReadingsPipeline

#: Steps, and assets whose checks, that notify a person in their own words; the rest is done by `operations`.
NOTIFIES_ITSELF = frozenset[str]()
READINGS = dg.AssetKey(["toy", "readings"])
PROOF = "day_equals_its_source"

load_job = dg.define_asset_job("toy_load", selection=dg.AssetSelection.assets(READINGS))


def definitions(settings: ToySettings) -> dg.Definitions:
    """Called wherever the database is set: what else is missing fails the run, never the definitions of all systems."""
    days = partitions.days(settings.toy_first_day, "UTC")
    return dg.Definitions(
        assets=[readings_asset(days)],
        jobs=[load_job],
        schedules=[
            cron(
                "toy_load_daily",
                load_job,
                "0 6 * * *",
                on=settings.automation_is_on,
                request=lambda: dg.RunRequest(partition_key=days.get_last_partition_key()),
                description="Replaces no pg_cron job.",
            )
        ],
        resources={"readings": ReadingsPipeline.from_settings(settings)},
    )


def readings_asset(days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="toy_readings",
        specs=[
            dg.AssetSpec(
                READINGS,
                group_name="toy",
                description=toy.__doc__,
                kinds={"postgres"},
                partitions_def=days,
                freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26)),
            )
        ],
        check_specs=[dg.AssetCheckSpec(PROOF, asset=READINGS, partitions_def=days)],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def toy_readings(
        context: dg.AssetExecutionContext, readings: dg.ResourceParam[ReadingsPipeline]
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        with failing_in_a_sentence(context):
            yield from run_partitions(
                context,
                [READINGS],
                lambda day: _load(readings, day, context.run.run_id),
                failed_check=dg.AssetCheckKey(READINGS, PROOF),
            )

    return toy_readings


def _load(readings: ReadingsPipeline, day: str, run_id: str) -> Reports:
    loaded = readings.load(date.fromisoformat(day), run_id)
    metadata = {
        keys.ROWS_READ: loaded.read,
        keys.ROWS_LOADED: loaded.changes.written,
        keys.ROWS_UNCHANGED: loaded.changes.unchanged,
        keys.ROWS_DELETED: loaded.changes.deleted,
        keys.ROWS_REJECTED: loaded.rejected,
        keys.DIGEST: loaded.digest,
    }
    check = CheckReport(PROOF, True, f"The digest of {day} is the source's.")
    return {READINGS: PartitionReport(metadata, [check])}
