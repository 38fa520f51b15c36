"""The mirror as an asset: a month a partition, every month in one run, only what differs is written."""

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field

from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.mirror.adoption import DECISIONS
from sync_pipelines.hitss.mirror.month_mirror import MirrorOutcome
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline, MirrorRun
from sync_pipelines.hitss.mirror.table import DRE
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.accept_config import AcceptConfig
from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence, run_chosen, run_partitions

MIRROR_KEY = descriptions.key_of("dre_mirror")
DESTINATION_KEY = dg.AssetKey(["hitss", "app_financeiro"])
PROOF = "mirror_equals_its_source"
OWN_ROWS = "destination_has_no_rows_of_its_own"
PLACED = "every_source_row_has_a_month"
COLUMNS = "every_source_column_travels"
CHECKS = {
    PROOF: "Count, total and digest of the month are the same in both databases.",
    OWN_ROWS: "Rows that the mirror did not bring stand beside its own; they are never touched (a warning).",
}

DESCRIPTION = """Realizado by month in the second project (`app-financeiro`), a mirror of `dre_hitss`.

Replaces `sync-dre-data-hourly` (pg_cron) and the Edge Function `sync-dre-data`. Key: month; rows keep no number of
the source. Digests of all months are compared in both databases; a month that differs is replaced in one
transaction: no window of hours, no cap of rows, deletes travel. Rows whose `sync_source` is not `fabricio` are the
destination's own. Done means: count, total and digest of the month are equal, compared before the commit."""

#: It runs every two hours, and reports the current month each time.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=6), warn_window=timedelta(hours=4))


class MirrorConfig(AcceptConfig):
    """What a person decides when starting a mirror by hand."""

    words: ClassVar = DECISIONS
    accept: list[str] = Field(
        default_factory=list,
        description="For months that hold rows of both kinds: keep_own_rows leaves the destination's own beside"
        " the mirror, set_aside_own_rows moves them to sync_private.dre_hitss_set_aside.",
    )
    only_changes: bool = Field(
        default=False,
        description="Leave months of the range alone that are equal and proved; the schedule does.",
    )


def mirror_asset(months: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The mirror as a multi-asset of one, because a run may leave months of its range without an event."""

    @dg.multi_asset(
        name="hitss_dre_mirror",
        specs=[_spec(months)],
        check_specs=_check_specs(months),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="hitss_mirror",
        op_tags={"dagster/max_runtime": "3600"},
    )
    def hitss_dre_mirror(
        context: dg.AssetExecutionContext, config: MirrorConfig, mirror: dg.ResourceParam[MirrorPipeline]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
        failed_check = dg.AssetCheckKey(MIRROR_KEY, PROOF)
        with (
            failing_in_a_sentence(context),
            mirror.open(context.run.run_id, config.accepted()) as run,
        ):
            if config.only_changes:
                chosen = sorted({*run.pending, context.partition_keys[-1]})
                yield from run_chosen(
                    context,
                    MIRROR_KEY,
                    chosen,
                    work=lambda month: _mirror(run, month),
                    failed_check=failed_check,
                )
            else:
                yield from run_partitions(
                    context, [MIRROR_KEY], lambda month: _mirror(run, month), failed_check=failed_check
                )
            yield _placed(run)
            yield _columns(run)

    return hitss_dre_mirror


def _check_specs(months: dg.MonthlyPartitionsDefinition) -> list[dg.AssetCheckSpec]:
    of_month = [
        dg.AssetCheckSpec(name, asset=MIRROR_KEY, description=text, partitions_def=months)
        for name, text in CHECKS.items()
    ]
    return [
        *of_month,
        dg.AssetCheckSpec(
            PLACED,
            asset=MIRROR_KEY,
            description="Rows without a month cannot be mirrored and are counted.",
        ),
        dg.AssetCheckSpec(
            COLUMNS,
            asset=MIRROR_KEY,
            description="Columns of the source that are not mirrored are named (a warning).",
        ),
    ]


def destination_spec() -> dg.AssetSpec:
    """The application that reads the mirror, so that the lineage ends with the screen that people see."""
    return dg.AssetSpec(
        DESTINATION_KEY,
        group_name="hitss",
        deps=[MIRROR_KEY],
        kinds={"api"},
        owners=[descriptions.OWNER],
        description="The application of the second project, which reads the mirrored DRE.",
    )


def _spec(months: dg.MonthlyPartitionsDefinition) -> dg.AssetSpec:
    columns = descriptions.published_columns(column.name for column in DRE.columns)
    lineage = {name: [("hitss/dre_hitss", name)] for name in columns}
    columns |= {
        "sync_source": (
            "character varying(50)",
            "fabricio for mirrored rows; anything else is the destination's own",
        ),
        "last_sync_at": ("timestamptz", "the source's snapshot that the row came from"),
        "sync_hash": ("character varying(64)", "md5 of the row as it was last exchanged"),
    }
    return dg.AssetSpec(
        MIRROR_KEY,
        deps=[descriptions.key_of("dre_hitss")],
        group_name="hitss",
        description=DESCRIPTION,
        metadata=table_definition("public.dre_hitss", columns, lineage),
        kinds={"postgres"},
        owners=[descriptions.OWNER],
        partitions_def=months,
        freshness_policy=FRESHNESS,
        skippable=True,
    )


def _mirror(run: MirrorRun, month: str) -> Reports:
    outcome = run.mirror(month)
    changes, proof = outcome.changes, outcome.proof
    rows = int(proof.destination["rows"])
    metadata: dict[str, Any] = {
        keys.ROWS_READ: int(proof.source["rows"]),
        keys.ROWS_LOADED: changes.written,
        keys.ROWS_UNCHANGED: rows - changes.written,
        keys.ROWS_DELETED: changes.deleted,
        keys.ROWS_REJECTED: 0,
        keys.ROW_COUNT: rows,
        keys.PROVED: proof.holds,
        keys.DURATION: round(outcome.seconds, 3),
        keys.DIGEST: proof.destination["digest"],
        "total": _number(proof.destination["total"]),
        "own_rows_of_the_destination": outcome.own_rows,
        "rows_adopted": outcome.adopted.adopted,
        "rows_set_aside": outcome.adopted.set_aside + outcome.annotated,
    }
    return {MIRROR_KEY: PartitionReport(metadata, _checks(outcome))}


def _number(total: str) -> float | str:
    """A total for the UI; NaN, which no JSON knows, as its text."""
    value = float(total)
    return value if math.isfinite(value) else total


def _checks(outcome: MirrorOutcome) -> Sequence[CheckReport]:
    changes = outcome.changes
    written = (
        f"{changes.written} rows written, {changes.deleted} deleted"
        if changes.touched
        else "nothing to write"
    )
    sides = (
        "Both sides are equal" if int(outcome.proof.source["rows"]) else "Neither side has rows of the month"
    )
    return (
        CheckReport(PROOF, outcome.proof.holds, f"{sides}; {written}."),
        CheckReport(
            name=OWN_ROWS,
            passed=not outcome.own_rows,
            description=f"{outcome.own_rows} rows of the destination's own stand beside the mirror's.",
            severity=dg.AssetCheckSeverity.WARN,
        ),
    )


def _placed(run: MirrorRun) -> dg.AssetCheckResult:
    unplaced = run.databases.unplaced
    return dg.AssetCheckResult(
        asset_key=MIRROR_KEY,
        check_name=PLACED,
        passed=not unplaced,
        description=f"{unplaced} rows of the source have neither competencia nor a periodo such as 8/2025."
        if unplaced
        else "All rows of the source have a month.",
        metadata={"rows_without_a_month": unplaced},
    )


def _columns(run: MirrorRun) -> dg.AssetCheckResult:
    columns = run.databases.uncopied
    return dg.AssetCheckResult(
        asset_key=MIRROR_KEY,
        check_name=COLUMNS,
        passed=not columns,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The source has columns that are not mirrored: {', '.join(columns)}. Take one up in"
        " hitss/mirror/table.py with a migration of both projects, or remove it."
        if columns
        else "Every column of the source is mirrored, or belongs to each side alone.",
        metadata={"columns": list(columns)},
    )
