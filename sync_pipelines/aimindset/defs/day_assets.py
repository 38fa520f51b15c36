"""The assets of a day: the backup and the archive, which share a snapshot."""

import time
from collections.abc import Iterator
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.guards import GUARDS
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.defs import day_checks, descriptions
from sync_pipelines.aimindset.defs.day_metadata import archive_metadata, backup_metadata
from sync_pipelines.aimindset.defs.descriptions import ARCHIVE_KEY, BACKUP_KEY
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib.orchestration.accept_config import AcceptConfig
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence

_ASSETS = {BACKUP_KEY: assets.BACKUP, ARCHIVE_KEY: assets.ARCHIVE}


class DayConfig(AcceptConfig):
    """What a person decides when starting a backup by hand."""

    words: ClassVar = GUARDS
    force: bool = Field(default=False, description="Make another copy although today's is there and proved.")
    accept: list[str] = Field(
        default_factory=list,
        description=f"What you know of and accept, any of: {', '.join(GUARDS)}.",
    )


def day_assets(days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Backup and archive as one multi-asset: the archive reads the snapshot that the backup copies."""

    @dg.multi_asset(
        name="aimindset_day",
        specs=_specs(days),
        check_specs=day_checks.specs(),
        can_subset=True,
        pool="aimindset",
        op_tags={"dagster/max_runtime": "3600"},
    )
    def aimindset_day(
        context: dg.AssetExecutionContext, config: DayConfig, aimindset: dg.ResourceParam[AimindsetPipeline]
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        started = time.monotonic()
        wanted = [key for key in _ASSETS if key in context.selected_asset_keys]
        with failing_in_a_sentence(context):
            day = aimindset.run(
                context.run.run_id,
                context.partition_key,
                wanted=[_ASSETS[key] for key in wanted],
                force=config.force,
                accepted=config.accepted(),
                log=context.log.info,
            )
        seconds = time.monotonic() - started
        for key in wanted:
            if _ASSETS[key] in day.problems:
                day_checks.log_failed(context, key, day)
                continue
            if key == BACKUP_KEY:
                metadata = backup_metadata(day, seconds)
            else:
                metadata = archive_metadata(day, aimindset.archive.archives)
            yield dg.MaterializeResult[Any](
                asset_key=key, metadata=metadata, check_results=day_checks.results(context, key, day)
            )
        if day.problems:
            raise dg.Failure(_problem_sentence(day), allow_retries=False)

    return aimindset_day


def _problem_sentence(day: Day) -> str:
    alert = f" Alert: {day.delivery.by or 'only in the log'}." if day.delivery else ""
    return " ".join(f"{asset}: {error}" for asset, error in day.problems.items()) + alert


def _specs(days: dg.DailyPartitionsDefinition) -> list[dg.AssetSpec]:
    return [
        _spec(
            BACKUP_KEY,
            descriptions.BACKUP_DESCRIPTION,
            descriptions.FUNCTION_KEY,
            kinds={"postgres"},
            days=days,
        ),
        _spec(
            ARCHIVE_KEY,
            descriptions.ARCHIVE_DESCRIPTION,
            descriptions.DATABASE_KEY,
            kinds={"zstd"},
            days=days,
        ),
    ]


def _spec(
    key: dg.AssetKey,
    description: str,
    upstream: dg.AssetKey,
    kinds: set[str],
    days: dg.DailyPartitionsDefinition,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=[upstream],
        group_name=descriptions.GROUP,
        description=description,
        kinds=kinds,
        owners=[descriptions.OWNER],
        tags={"personal_data": "true"},
        partitions_def=days,
        freshness_policy=descriptions.DAILY,
    )
