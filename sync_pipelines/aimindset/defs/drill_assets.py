"""The restore drill as an asset: weekly, without partitions, with the time to restore as a trend."""

from typing import Any

import dagster as dg

from sync_pipelines.aimindset.archive.drill import drill
from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.defs.descriptions import ARCHIVE_KEY, DRILL_KEY
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.postgres.scratch import scratch_database
from sync_pipelines.lib.records.backups import open_backup_catalog
from sync_pipelines.lib.redaction import redacted_exception


@dg.asset(
    key=DRILL_KEY,
    deps=[dg.AssetDep(ARCHIVE_KEY, partition_mapping=dg.LastPartitionMapping())],
    group_name=descriptions.GROUP,
    description=descriptions.DRILL_DESCRIPTION,
    kinds={"postgres"},
    owners=[descriptions.OWNER],
    pool="aimindset_drill",
    check_specs=[
        dg.AssetCheckSpec(
            descriptions.CAME_BACK, asset=DRILL_KEY, description="Rows and digests are those of the manifest."
        )
    ],
    freshness_policy=descriptions.WEEKLY,
    op_tags={"dagster/max_runtime": "7200"},
)
def restore_drill(
    context: dg.AssetExecutionContext, aimindset: dg.ResourceParam[AimindsetPipeline]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Restore the newest proved archive into a scratch database and compare it."""
    with failing_in_a_sentence(context), open_backup_catalog(aimindset.ops) as catalog:
        try:
            report = drill(
                aimindset.archive.archives,
                catalog,
                lambda: scratch_database(aimindset.scratch),
                run_id=context.run.run_id,
            )
        except Exception as error:
            _log_failed(context, str(error) if isinstance(error, SyncError) else redacted_exception(error))
            raise
    restored = report.restored
    gibibytes = restored.raw_bytes / (1 << 30)
    return dg.MaterializeResult[Any](
        metadata={
            "archive": report.backup.name,
            keys.ROWS_READ: restored.rows,
            keys.ROWS_LOADED: restored.rows,
            keys.BYTES: restored.raw_bytes,
            keys.PROVED: True,
            keys.DURATION: round(report.seconds, 2),
            "seconds_to_restore": round(restored.seconds, 3),
            "seconds_per_gib": round(restored.seconds / gibibytes, 1) if gibibytes else 0.0,
            "columns_restored_as_text": list(restored.as_text),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=True,
                check_name=descriptions.CAME_BACK,
                description=f"{restored.rows} rows came back as they were archived.",
            )
        ],
    )


def _log_failed(context: dg.AssetExecutionContext, sentence: str) -> None:
    """Without an evaluation the UI says of the check only that its step failed."""
    if dg.AssetCheckKey(DRILL_KEY, descriptions.CAME_BACK) in context.selected_asset_check_keys:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=DRILL_KEY,
                check_name=descriptions.CAME_BACK,
                passed=False,
                severity=dg.AssetCheckSeverity.ERROR,
                description=sentence,
            )
        )
