"""Checks of the tables as they are now, beside the checks that each load reports for itself."""

from collections.abc import Iterator, Mapping

import dagster as dg

from sync_pipelines.hitss import databases
from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.dre.foreign_rows import count_foreign_rows
from sync_pipelines.hitss.dre.pipeline import Comparison, DrePipeline
from sync_pipelines.hitss.health import count_unhealthy
from sync_pipelines.hitss.mirror.table import month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records import open_records

#: Check names and the rules of `hitss.health` that they ask.
_HEALTH = {
    "no_execution_failed_in_two_hours": "FAILED_EXECUTIONS",
    "no_execution_runs_for_more_than_an_hour": "STUCK_EXECUTIONS",
}
HEALTH_CHECKS = tuple(dg.AssetCheckKey(descriptions.key_of("dre_hitss"), name) for name in _HEALTH)


def checks(dre: DrePipeline, projects: Mapping[str, str]) -> list[dg.AssetChecksDefinition]:
    """Checks that what is proved is complete and still there. `projects` are URLs by database name."""

    @dg.multi_asset_check(
        name="hitss_tables_as_they_stand",
        description="One look at all four tables, beside the newest workbook.",
        specs=[
            dg.AssetCheckSpec(
                key.name, asset=key.asset_key, description=descriptions.TABLE_CHECK_TEXTS[key.name]
            )
            for key in descriptions.TABLE_CHECKS
        ],
        can_subset=True,
    )
    def hitss_tables_as_they_stand(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with open_records(dre.ops_url) as records:
            found = dre.compare(records)
        with postgres.connect(dre.database_url, what=databases.FABRICIO, read_only=True) as connection:
            foreign = count_foreign_rows(connection)
        for key in descriptions.TABLE_CHECKS:
            if key in context.selected_asset_check_keys:
                yield _verdict(key, found, foreign)

    return [
        hitss_tables_as_they_stand,
        *(_health_check(projects, name, rule) for name, rule in _HEALTH.items()),
    ]


def _verdict(key: dg.AssetCheckKey, found: Comparison | None, foreign: int) -> dg.AssetCheckResult:
    """What the comparison says of one table; one check speaks of all four."""
    if found is None:
        return dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=False,
            description="No usable workbook has been landed yet.",
        )
    pending = found.pending
    asset, everything = key.asset_key.path[-1], key.name == descriptions.EVERY_MONTH
    months = list(pending.problems) if everything else pending.months(asset)
    wrong = [
        f"{month_label(month)}: {name} {sentence}"
        for month in months
        for name, sentence in pending.problems[month].items()
        if everything or name == asset
    ]
    strangers = foreign if asset == "dre_hitss" or everything else 0
    others = [f"{strangers} rows of dre_hitss came from elsewhere"] if strangers else []
    more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
    sentence = "; ".join([*others, *wrong[:5]]) + more
    tables = "all four tables" if everything else asset
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not wrong and not others,
        description=f"{sentence}."
        if sentence
        else f"Every row of {tables} was looked at, and is as it should be.",
        metadata={"months": months, "foreign_rows": strangers, "workbook": found.landing.path},
    )


def _health_check(projects: Mapping[str, str], name: str, rule: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=descriptions.key_of("dre_hitss"),
        name=name,
        description=f"{rule} of the view monitor_health is zero, in each project.",
    )
    def health() -> dg.AssetCheckResult:
        try:
            found = {what: count_unhealthy(url, what, rule) for what, url in projects.items()}
        except SyncError as error:
            return dg.AssetCheckResult(passed=False, description=str(error))
        return dg.AssetCheckResult(
            passed=not any(found.values()),
            description="; ".join(f"{count} in {what}" for what, count in found.items()) + ".",
            metadata={what.replace(" ", "_"): count for what, count in found.items()},
        )

    return health
