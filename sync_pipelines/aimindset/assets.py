"""A day of AIMindset as assets: its backup and its archive, which share a snapshot."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from sync_pipelines.aimindset import archive as archives
from sync_pipelines.aimindset import catalogue
from sync_pipelines.aimindset.backup import GUARDS
from sync_pipelines.aimindset.catalogue import ARCHIVE_KEY, BACKUP_KEY
from sync_pipelines.aimindset.daily import ASSET, AimindsetBackups, Day
from sync_pipelines.lib import metadata as keys
from sync_pipelines.lib.partition_runs import failing_in_a_sentence

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
            _spec(BACKUP_KEY, catalogue.BACKUP_DESCRIPTION, catalogue.FUNCTION_KEY, {"postgres"}, days),
            _spec(ARCHIVE_KEY, catalogue.ARCHIVE_DESCRIPTION, catalogue.DATABASE_KEY, {"zstd"}, days),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                catalogue.PROVED, asset=BACKUP_KEY, description="Counts and digests, before the commit."
            ),
            dg.AssetCheckSpec(
                catalogue.COMPLETE,
                asset=BACKUP_KEY,
                description="Columns that the function does not copy are lost by its restore (a warning).",
            ),
            dg.AssetCheckSpec(
                catalogue.READ_BACK, asset=ARCHIVE_KEY, description="Every file is as its manifest says."
            ),
        ],
        can_subset=True,
        pool="aimindset",
        op_tags={"dagster/max_runtime": "3600"},
    )
    def aimindset_day(
        context: dg.AssetExecutionContext, config: DayConfig, aimindset: dg.ResourceParam[AimindsetBackups]
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
            if _ASSETS[key] not in day.problems:
                yield _backup_result(day, seconds) if key == BACKUP_KEY else _archive_result(day, aimindset)
        if day.problems:
            told = f" Alert: {day.delivery.by or 'only in the log'}." if day.delivery else ""
            sentences = " ".join(f"{asset}: {error}" for asset, error in day.problems.items())
            raise dg.Failure(f"{sentences}{told}", allow_retries=False)

    return aimindset_day


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
        group_name=catalogue.GROUP,
        description=description,
        kinds=kinds,
        owners=[catalogue.OWNER],
        tags={"personal_data": "true"},
        partitions_def=days,
        freshness_policy=catalogue.DAILY,
    )


def _backup_result(day: Day, seconds: float) -> dg.MaterializeResult[Any]:
    if ASSET in day.already:
        copy = day.already[ASSET]
        return _already(BACKUP_KEY, copy.name, copy.rows, [catalogue.PROVED, catalogue.COMPLETE])
    answer = day.backup.answer if day.backup else day.unproved
    assert answer is not None
    proved = day.backup is not None
    gaps = day.look.uncovered if day.look else {}
    lost = "; ".join(f"{table}: {', '.join(columns)}" for table, columns in gaps.items())
    return dg.MaterializeResult[Any](
        asset_key=BACKUP_KEY,
        metadata={
            "backup_id": answer.backup_id,
            keys.ROWS_READ: answer.total,
            keys.ROWS_LOADED: answer.total,
            keys.ROW_COUNT: answer.total,
            keys.PROVED: proved,
            keys.DURATION: round(seconds, 2),
            **dict(answer.counts),
            "locks_held_seconds": round(day.backup.locked_seconds, 3) if day.backup else 0.0,
            "generations_in_the_database": day.generations,
            "uncovered_columns": gaps,
            "notes": [
                *(day.look.notes if day.look else ()),
                *([day.backup.note] if day.backup and day.backup.note else []),
            ],
            "proof": dict(day.backup.proof.destination) if day.backup else {},
        },
        check_results=[
            dg.AssetCheckResult(
                asset_key=BACKUP_KEY,
                passed=proved,
                check_name=catalogue.PROVED,
                severity=dg.AssetCheckSeverity.ERROR if proved else dg.AssetCheckSeverity.WARN,
                description=f"{answer.total} rows in six tables, compared before the commit."
                if proved
                else "Called by RPC, where nothing can be compared before the commit: unproved.",
            ),
            dg.AssetCheckResult(
                asset_key=BACKUP_KEY,
                passed=not gaps,
                check_name=catalogue.COMPLETE,
                severity=dg.AssetCheckSeverity.WARN,
                description=f"In no copy of the function, but in the archive: {lost}."
                if gaps
                else "All columns are copied.",
            ),
        ],
    )


def _archive_result(day: Day, aimindset: AimindsetBackups) -> dg.MaterializeResult[Any]:
    if archives.ASSET in day.already:
        copy = day.already[archives.ASSET]
        return _already(ARCHIVE_KEY, copy.name, copy.rows, [catalogue.READ_BACK])
    archive, plan = day.archive, day.plan
    assert archive is not None
    assert plan is not None
    raw = sum(table.raw_bytes for table in archive.tables)
    return dg.MaterializeResult[Any](
        asset_key=ARCHIVE_KEY,
        metadata={
            "archive": archive.id,
            "where": aimindset.archiver.store.describe(f"{archives.PREFIX}/{archive.id}"),
            keys.ROWS_READ: archive.rows,
            keys.ROWS_LOADED: archive.rows,
            keys.ROW_COUNT: archive.rows,
            keys.BYTES: archive.bytes,
            "raw_bytes": raw,
            "encrypted": archive.encrypted,
            keys.PROVED: True,
            "tables": dg.MetadataValue.md(
                "\n".join(
                    [
                        "| table | rows | bytes | SHA-256 of the rows |",
                        "|---|---:|---:|---|",
                        *(f"| {t.name} | {t.rows} | {t.file_bytes} | {t.sha256} |" for t in archive.tables),
                    ]
                )
            ),
            "retention": dg.MetadataValue.md("\n".join(f"- {line}" for line in plan.sentences())),
            "archives_kept": len(plan.keep),
            "archives_dropped": list(plan.drop),
        },
        check_results=[
            dg.AssetCheckResult(
                asset_key=ARCHIVE_KEY,
                passed=True,
                check_name=catalogue.READ_BACK,
                description=f"{len(archive.tables)} files were read back; they are as the manifest says.",
            )
        ],
    )


def _already(key: dg.AssetKey, name: str, rows: int, checks: list[str]) -> dg.MaterializeResult[Any]:
    """Today's copy is there and proved: nothing was called a second time."""
    return dg.MaterializeResult[Any](
        asset_key=key,
        metadata={keys.ROWS_UNCHANGED: rows, keys.ROW_COUNT: rows, keys.PROVED: True, "already_there": name},
        check_results=[
            dg.AssetCheckResult(
                asset_key=key,
                passed=True,
                check_name=name_of,
                description=f"{name} of today is there and was proved.",
            )
            for name_of in checks
        ],
    )
