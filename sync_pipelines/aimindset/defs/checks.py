"""Hourly checks of the recorded backups, apart from the schedule that makes them: it may be what failed."""

from datetime import timedelta

import dagster as dg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup import recorded
from sync_pipelines.aimindset.database import WHAT, connect
from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.backups import open_backup_catalog

CLOCK_ERROR = timedelta(minutes=10)
HOURLY_CHECKS = (
    dg.AssetCheckKey(descriptions.BACKUP_KEY, descriptions.YOUNG),
    dg.AssetCheckKey(descriptions.BACKUP_KEY, descriptions.BACKED),
    dg.AssetCheckKey(descriptions.DRILL_KEY, descriptions.DRILLED),
)


def checks(aimindset: AimindsetPipeline) -> list[dg.AssetChecksDefinition]:
    """The hourly checks of the system."""

    @dg.asset_check(
        asset=descriptions.BACKUP_KEY,
        name=descriptions.YOUNG,
        description="Only proved backups count; a log row that says `backup` does not.",
    )
    def last_proved_backup_is_young() -> dg.AssetCheckResult:
        with open_backup_catalog(aimindset.ops) as catalog:
            newest = catalog.newest_proved(assets.BACKUP)
        age = aimindset.clock() - newest.made_at if newest else None
        return _aged(newest.name if newest else None, age, descriptions.BACKUP_LIMIT)

    @dg.asset_check(
        asset=descriptions.DRILL_KEY,
        name=descriptions.DRILLED,
        description="The newest archive was restored and came back equal in the last eight days.",
    )
    def last_drill_is_young() -> dg.AssetCheckResult:
        with open_backup_catalog(aimindset.ops) as catalog:
            good = [one for one in catalog.drills(assets.DRILL) if one.equal]
        age = aimindset.clock() - good[0].drilled_at if good else None
        return _aged(f"The drill of {good[0].backup_name}" if good else None, age, descriptions.DRILL_LIMIT)

    @dg.asset_check(
        asset=descriptions.BACKUP_KEY,
        name=descriptions.BACKED,
        description=f"The rows of the newest {recorded.NEWEST} proved backups, which anybody may delete or alter in the"
        " database, are those that were proved: counts and digests, read now.",
    )
    def recorded_backups_have_data() -> dg.AssetCheckResult:
        with open_backup_catalog(aimindset.ops) as catalog:
            backups = [backup for backup in catalog.backups(assets.BACKUP) if backup.proved]
        if not backups:
            return dg.AssetCheckResult(passed=False, description="No backup was proved yet.")
        with connect(aimindset.database, read_only=True) as connection, postgres.errors_about(WHAT):
            found = recorded.compare(connection, backups)
        return dg.AssetCheckResult(
            passed=not found.wrong and not found.gone,
            severity=dg.AssetCheckSeverity.ERROR if found.is_serious else dg.AssetCheckSeverity.WARN,
            description=" ".join(found.sentences()),
            metadata={"backups_as_proved": len(found.equal), "backups_without_a_digest": len(found.unknown)},
        )

    return [last_proved_backup_is_young, last_drill_is_young, recorded_backups_have_data]


def _aged(name: str | None, age: timedelta | None, limit: timedelta) -> dg.AssetCheckResult:
    if name is None or age is None:
        return dg.AssetCheckResult(passed=False, description="There is none yet.")
    hours = age.total_seconds() / 3600
    return dg.AssetCheckResult(
        # A date from a clock that ran ahead would look young for ever.
        passed=-CLOCK_ERROR <= age <= limit,
        description=f"{name} is {hours:.1f} hours old; the limit is {limit.total_seconds() / 3600:.0f}.",
        metadata={"age_hours": round(hours, 2)},
    )
