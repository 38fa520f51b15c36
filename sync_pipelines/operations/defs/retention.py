"""Retention as an asset: each day it reports what was older than its time, and what of it was removed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.operations import retention
from sync_pipelines.operations.retention import Plan, Retention
from sync_pipelines.settings import Settings

RETENTION_KEY = dg.AssetKey(["operations", "retention"])
KEPT_TIME = "personal_data_is_no_older_than_its_time"
STEP = "operations__retention"

retention_job = dg.define_asset_job(
    "retention",
    selection=dg.AssetSelection.assets(RETENTION_KEY),
    description="Remove landed exports and rejected rows that are older than their time.",
)


class RetentionConfig(dg.Config):
    """`only_plan`: show what would go, and remove nothing."""

    only_plan: bool = False


def definitions(
    settings: Settings,
    *,
    reject_folders: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.Definitions:
    """The asset, its check, its job and its daily schedule."""
    policy = Retention(
        ops_url=settings.ops_url,
        store=settings.landing_store,
        landing_days=settings.landing_retention_days,
        rejects_days=settings.rejects_retention_days,
        reject_folders=reject_folders,
    )
    schedule = cron(
        "retention_daily",
        retention_job,
        "30 5 * * *",
        on=settings.automation_is_on,
        description="Exports and rejected rows hold personal data, and nothing of the originals ever went.",
    )
    return dg.Definitions(assets=[_asset(policy, clock)], jobs=[retention_job], schedules=[schedule])


def _asset(policy: Retention, clock: Callable[[], datetime]) -> dg.AssetsDefinition:
    @dg.asset(
        key=RETENTION_KEY,
        description=retention.__doc__,
        group_name="operations",
        kinds={"postgres"},
        owners=["team:operations"],
        check_specs=[
            dg.AssetCheckSpec(
                KEPT_TIME,
                asset=RETENTION_KEY,
                description="Nothing is older than LANDING_RETENTION_DAYS or REJECTS_RETENTION_DAYS allow.",
            )
        ],
        op_tags={"dagster/max_runtime": "3600"},
    )
    def kept_time(context: dg.AssetExecutionContext, config: RetentionConfig) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with failing_in_a_sentence(context):
            plan = policy.plan(clock())
            context.log.info(f"To go: {_sentence(plan)}")
            gone = Plan() if config.only_plan else policy.carry_out(plan)
            context.log.info(f"Gone: {_sentence(gone)}")
            left = policy.plan(clock())
        return dg.MaterializeResult[Any](
            metadata={
                "planned": dg.MetadataValue.md(_table(plan)),
                "only_plan": config.only_plan,
                "exports_removed": len(gone.exports),
                "bytes_removed": gone.bytes,
                "stray_files_removed": len(gone.strays),
                "reject_books_removed": len(gone.reject_books),
                "rejects_removed": sum(gone.rejects.values()),
                "landing_retention_days": policy.landing_days,
                "rejects_retention_days": policy.rejects_days,
            },
            check_results=[_check(left)],
        )

    return kept_time


def _check(left: Plan) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=left.is_empty,
        check_name=KEPT_TIME,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Still there: {_sentence(left)}",
    )


def _sentence(plan: Plan) -> str:
    return "; ".join(plan.sentences()) or "nothing."


def _table(plan: Plan) -> str:
    """The plan as a table. Names in the store hold no personal data."""
    rows = [f"| {one.path} | {one.landed_at:%Y-%m-%d} | {one.bytes} |" for one in plan.exports]
    rows += [f"| {name} | | |" for name in (*plan.strays, *plan.reject_books)]
    rows += [f"| {count} rejected rows of {asset} | | |" for asset, count in plan.rejects.items()]
    return "\n".join(["| what goes | landed | bytes |", "|---|---|---:|", *rows]) if rows else "Nothing."
