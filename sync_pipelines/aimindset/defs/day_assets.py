"""A day of AIMindset as assets: its backup and its archive, which share a snapshot."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.archive.pipeline import Pruning
from sync_pipelines.aimindset.backup.load import GUARDS
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.defs import day_checks, descriptions
from sync_pipelines.aimindset.defs.descriptions import ARCHIVE_KEY, BACKUP_KEY
from sync_pipelines.aimindset.pipeline import ASSET, AimindsetPipeline
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.records.backups import Backup

_ASSETS = {BACKUP_KEY: ASSET, ARCHIVE_KEY: archives.ASSET}


class DayConfig(dg.Config):
    """What a person decides when starting a backup by hand."""

    force: bool = Field(default=False, description="Make another copy although today's is there and proved.")
    accept: list[str] = Field(
        default_factory=list,
        description=f"What you know of and accept, any of: {', '.join(GUARDS)}.",
    )

    def accepted(self) -> frozenset[str]:
        if unknown := sorted(set(self.accept) - set(GUARDS)):
            raise dg.Failure(
                f"accept names {', '.join(unknown)}; there are {', '.join(GUARDS)}.", allow_retries=False
            )
        return frozenset(self.accept)


def day_assets(days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Backup and archive as one multi-asset: the archive reads the snapshot that the backup copies."""

    @dg.multi_asset(
        name="aimindset_day",
        specs=[
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
        ],
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
                tell=context.log.info,
            )
        seconds = time.monotonic() - started
        for key in wanted:
            if _ASSETS[key] in day.problems:
                day_checks.log_failed(context, key, day)
                continue
            metadata = (
                _backup_metadata(day, seconds) if key == BACKUP_KEY else _archive_metadata(day, aimindset)
            )
            yield dg.MaterializeResult[Any](
                asset_key=key, metadata=metadata, check_results=day_checks.results(context, key, day)
            )
        if day.problems:
            told = f" Alert: {day.delivery.by or 'only in the log'}." if day.delivery else ""
            sentences = " ".join(f"{asset}: {error}" for asset, error in day.problems.items())
            raise dg.Failure(f"{sentences}{told}", allow_retries=False)

    return aimindset_day


#: Under which the metadata of a backup say what has fewer rows than in the last one.
FEWER = "fewer_rows_than_before"


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


def _backup_metadata(day: Day, seconds: float) -> dict[str, Any]:
    if ASSET in day.already:
        return _already(day.already[ASSET])
    answer = day.backup.answer if day.backup else day.unproved
    assert answer is not None
    return {
        "backup_id": answer.backup_id,
        keys.ROWS_READ: answer.total,
        keys.ROWS_LOADED: answer.total,
        keys.ROW_COUNT: answer.total,
        keys.PROVED: day.backup is not None,
        keys.DURATION: round(seconds, 2),
        **dict(answer.counts),
        "locks_held_seconds": round(day.backup.locked_seconds, 3) if day.backup else 0.0,
        "generations_in_the_database": day.generations,
        "uncovered_columns": dict(day.uncovered),
        FEWER: day.fewer,
        "notes": [
            *(day.look.notes if day.look else ()),
            *([day.backup.note] if day.backup and day.backup.note else []),
        ],
        "proof": dict(day.backup.proof.destination) if day.backup else {},
    }


def _archive_metadata(day: Day, aimindset: AimindsetPipeline) -> dict[str, Any]:
    kept = _kept_metadata(day.pruning) if day.pruning else {}
    if archives.ASSET in day.already:
        return {**_already(day.already[archives.ASSET]), **kept}
    archive = day.archive
    assert archive is not None
    rows = [f"| {t.name} | {t.rows} | {t.file_bytes} | {t.sha256} |" for t in archive.tables]
    head = ["| table | rows | bytes | SHA-256 of the rows |", "|---|---:|---:|---|"]
    return {
        "archive": archive.id,
        "where": aimindset.archiver.store.describe(f"{archives.PREFIX}/{archive.id}"),
        keys.ROWS_READ: archive.rows,
        keys.ROWS_LOADED: archive.rows,
        keys.ROW_COUNT: archive.rows,
        keys.BYTES: archive.bytes,
        "raw_bytes": sum(table.raw_bytes for table in archive.tables),
        "encrypted": archive.encrypted,
        keys.PROVED: True,
        "tables": dg.MetadataValue.md("\n".join([*head, *rows])),
        **kept,
    }


def _kept_metadata(pruning: Pruning) -> dict[str, Any]:
    return {
        "retention": dg.MetadataValue.md("\n".join(f"- {line}" for line in pruning.sentences())),
        "archives_kept": len(pruning.plan.keep),
        "archives_damaged": list(pruning.damaged),
        "archives_dropped": list(pruning.plan.drop),
    }


def _already(copy: Backup) -> dict[str, Any]:
    """Today's copy is there and as it was proved: nothing was called a second time."""
    return {
        keys.ROWS_UNCHANGED: copy.rows,
        keys.ROW_COUNT: copy.rows,
        keys.PROVED: True,
        "already_there": copy.name,
        "proved_at": copy.made_at.isoformat(),
    }
