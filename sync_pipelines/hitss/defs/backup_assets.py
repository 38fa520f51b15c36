"""The DRE's backup as an asset: a day a partition, of which only today's can be made."""

import time
from datetime import timedelta
from typing import Any

import dagster as dg

from sync_pipelines.hitss.backup import load, pipeline
from sync_pipelines.hitss.backup.pipeline import CLOCK_ERROR, BackupPipeline
from sync_pipelines.hitss.backup.prove import verify
from sync_pipelines.hitss.backup.report import BackupReport
from sync_pipelines.hitss.backup.tables import ASSET
from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.lib.archive.retention import DAILY
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.records.backups import open_backup_catalog

BACKUP_KEY = descriptions.key_of("dre_backup")
EQUAL = "backup_equals_its_source"
KEPT = "every_kept_backup_is_as_it_was_proved"
YOUNG = "newest_backup_is_intact_and_younger_than_25_hours"
LIMIT = timedelta(hours=25)
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=25))


def backup_asset(days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=BACKUP_KEY,
        description=pipeline.__doc__,
        group_name="hitss",
        # A day's backup holds every month.
        deps=[dg.AssetDep(descriptions.key_of("dre_hitss"), partition_mapping=dg.AllPartitionMapping())],
        kinds={"postgres"},
        owners=[descriptions.OWNER],
        partitions_def=days,
        pool="hitss_backup",
        check_specs=[
            dg.AssetCheckSpec(
                EQUAL, asset=BACKUP_KEY, description="Rows, total and digest of every month are the source's."
            )
        ],
        freshness_policy=FRESHNESS,
        op_tags={"dagster/max_runtime": "1800"},
    )
    def dre_backup(
        context: dg.AssetExecutionContext, backup: dg.ResourceParam[BackupPipeline]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        started = time.monotonic()
        with failing_in_a_sentence(context):
            report = backup.back_up(context.run.run_id, context.partition_key, notify=context.log.info)
        content = report.backup.content
        return dg.MaterializeResult[Any](
            metadata=_metadata(report, time.monotonic() - started),
            check_results=[
                dg.AssetCheckResult(
                    passed=True,
                    check_name=EQUAL,
                    description=f"{content.rows} rows in {len(content.months)} months, compared before the commit.",
                )
            ],
        )

    return dre_backup


def _metadata(report: BackupReport, seconds: float) -> dict[str, Any]:
    made, plan = report.backup, report.plan
    return {
        "dagster/table_name": f"public.{made.name}",
        keys.ROWS_READ: made.content.rows,
        keys.ROWS_LOADED: made.content.rows,
        keys.ROW_COUNT: made.content.rows,
        keys.BYTES: made.bytes,
        keys.DIGEST: str(made.content.digest),
        keys.PROVED: True,
        keys.DURATION: round(seconds, 2),
        "months": len(made.content.months),
        "backups_kept": len(plan.keep),
        "backups_dropped": list(plan.drop),
        "backups_altered": list(plan.altered),
        "retention": dg.MetadataValue.md("\n".join(f"- {line}" for line in plan.sentences())),
        "backups_of_others_left_alone": list(report.foreign),
        "entered_after_a_crash": list(report.recovered),
    }


def age_check(backup: BackupPipeline) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=BACKUP_KEY,
        name=YOUNG,
        description="The newest proved backup is there, is as it was proved, and was made in the last 25 hours.",
    )
    def newest_backup_is_intact_and_young() -> dg.AssetCheckResult:
        with open_backup_catalog(backup.ops_url) as catalog:
            # A safety copy is young because of a restore, and says nothing of the nightly backup.
            daily = (one for one in catalog.backups(ASSET) if one.proved and one.purpose == DAILY)
            newest = next(daily, None)
        if newest is None:
            return dg.AssetCheckResult(passed=False, description="No backup was proved yet.")
        with load.connect(backup.database_url) as connection:
            wrong = verify(connection, newest)
        age = backup.clock() - newest.made_at
        hours = age.total_seconds() / 3600
        return dg.AssetCheckResult(
            # One from further in the future would look young for ever.
            passed=not wrong and -CLOCK_ERROR <= age <= LIMIT,
            description=f"{newest.name} is {hours:.1f} hours old; {'; '.join(wrong) or 'it is as it was proved'}.",
            metadata={"age_hours": round(hours, 2), "backup": newest.name},
        )

    return newest_backup_is_intact_and_young


def kept_check(backup: BackupPipeline) -> dg.AssetChecksDefinition:
    """Nobody else looks at a backup that is never restored."""

    @dg.asset_check(
        asset=BACKUP_KEY,
        name=KEPT,
        description="The content of every backup that is kept is what was proved when it was made.",
    )
    def every_kept_backup_is_as_it_was_proved() -> dg.AssetCheckResult:
        with (
            open_backup_catalog(backup.ops_url) as catalog,
            load.connect(backup.database_url) as connection,
        ):
            proved = [one for one in catalog.backups(ASSET) if one.proved]
            found = {one.name: verify(connection, one) for one in proved}
        wrong = {name: "; ".join(sentences[:3]) for name, sentences in found.items() if sentences}
        return dg.AssetCheckResult(
            passed=not wrong,
            description="; ".join(f"{name}: {said}" for name, said in wrong.items())
            or f"All {len(found)} backups are as they were proved.",
            metadata={"backups": len(found), "backups_altered": list(wrong)},
        )

    return every_kept_backup_is_as_it_was_proved
