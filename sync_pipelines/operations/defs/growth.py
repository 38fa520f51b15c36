"""The sizes as an asset, so that Dagster plots them over time, with two checks."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.operations import growth
from sync_pipelines.operations.growth import DatabaseSize
from sync_pipelines.settings import Settings

GROWTH_KEY = dg.AssetKey(["operations", "growth"])
DATABASES = "databases_stay_below_their_limit"
STORE = "landing_store_stays_below_its_limit"

growth_job = dg.define_asset_job(
    "growth",
    selection=dg.AssetSelection.assets(GROWTH_KEY),
    description="Measure databases and landing store.",
)


def definitions(settings: Settings) -> dg.Definitions:
    """The asset, its checks, its job and its daily schedule."""

    @dg.asset(
        key=GROWTH_KEY,
        description=growth.__doc__,
        group_name="operations",
        kinds={"postgres"},
        owners=["team:operations"],
        check_specs=[
            dg.AssetCheckSpec(
                DATABASES, asset=GROWTH_KEY, description="A warning from 80 % of DATABASE_LIMIT_MB."
            ),
            dg.AssetCheckSpec(
                STORE, asset=GROWTH_KEY, description="A warning from 80 % of LANDING_LIMIT_MB."
            ),
        ],
        op_tags={"dagster/max_runtime": "600"},
    )
    def measured_growth(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with failing_in_a_sentence(context):
            sizes = growth.measure_databases(growth.configured_databases(settings))
            store = growth.measure_store(settings.landing_store)
        return dg.MaterializeResult[Any](
            metadata={
                **{f"{size.name}_mb": size.megabytes for size in sizes if size.problem is None},
                "landing_store_mb": store,
                "largest_tables": dg.MetadataValue.md(_table(sizes)),
            },
            check_results=[
                _databases_check(sizes, settings.database_limit_mb),
                _store_check(store, settings),
            ],
        )

    schedule = cron(
        "growth_daily",
        growth_job,
        "0 5 * * *",
        on=settings.automation_is_on,
        description="Nothing of the originals was ever pruned, and a full database turns read-only.",
    )
    return dg.Definitions(assets=[measured_growth], jobs=[growth_job], schedules=[schedule])


def _databases_check(sizes: Sequence[DatabaseSize], limit: int) -> dg.AssetCheckResult:
    problems = [size.problem for size in sizes if size.problem]
    verdicts = {size.name: growth.verdict(size.megabytes, limit) for size in sizes}
    worst = "error" if problems or "error" in verdicts.values() else "warn"
    large = [f"{size.name} {size.megabytes} MB" for size in sizes if verdicts[size.name]]
    return dg.AssetCheckResult(
        passed=not problems and not large,
        check_name=DATABASES,
        severity=dg.AssetCheckSeverity.WARN if worst == "warn" else dg.AssetCheckSeverity.ERROR,
        description=" ".join([*problems, *large]) + f" (the limit is {limit} MB)"
        if problems or large
        else f"All are below {limit} MB.",
    )


def _store_check(megabytes: float, settings: Settings) -> dg.AssetCheckResult:
    found = growth.verdict(megabytes, settings.landing_limit_mb)
    return dg.AssetCheckResult(
        passed=found is None,
        check_name=STORE,
        severity=dg.AssetCheckSeverity.WARN if found == "warn" else dg.AssetCheckSeverity.ERROR,
        description=f"{megabytes} MB of {settings.landing_limit_mb}.",
    )


def _table(sizes: Sequence[DatabaseSize]) -> str:
    rows = [
        f"| {size.name} | {table.name} | {table.bytes / growth.MEGABYTE:.1f} | {table.rows} |"
        for size in sizes
        for table in size.largest
    ]
    return "\n".join(["| database | table | MB | rows (estimate) |", "|---|---|---:|---:|", *rows])
