"""Checks that look at the backups as they stand, by something else than the schedule that makes them."""

from datetime import timedelta

import dagster as dg

from sync_pipelines.aimindset.archive import drill
from sync_pipelines.aimindset.backup import recorded
from sync_pipelines.aimindset.backup.coverage import WHAT
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.pipeline import ASSET, AimindsetPipeline
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.backups import open_backup_catalog

CLOCK_ERROR = timedelta(minutes=10)
STANDING_CHECKS = (
    dg.AssetCheckKey(descriptions.BACKUP_KEY, descriptions.YOUNG),
    dg.AssetCheckKey(descriptions.BACKUP_KEY, descriptions.BACKED),
    dg.AssetCheckKey(descriptions.DRILL_KEY, descriptions.DRILLED),
)


def checks(aimindset: AimindsetPipeline) -> list[dg.AssetChecksDefinition]:
    """The standing checks of the system."""
    settings = aimindset.settings

    @dg.asset_check(
        asset=descriptions.BACKUP_KEY,
        name=descriptions.YOUNG,
        description="Only proved backups count; a log row that says `backup` does not.",
    )
    def last_proved_backup_is_young() -> dg.AssetCheckResult:
        with open_backup_catalog(settings.ops_url) as catalog:
            newest = catalog.newest_proved(ASSET)
        age = aimindset.clock() - newest.made_at if newest else None
        return _aged(newest.name if newest else None, age, descriptions.BACKUP_LIMIT)

    @dg.asset_check(
        asset=descriptions.DRILL_KEY,
        name=descriptions.DRILLED,
        description="The newest archive was restored and came back equal in the last eight days.",
    )
    def last_drill_is_young() -> dg.AssetCheckResult:
        with open_backup_catalog(settings.ops_url) as catalog:
            good = [one for one in catalog.drills(drill.ASSET) if one.equal]
        age = aimindset.clock() - good[0].drilled_at if good else None
        return _aged(f"The drill of {good[0].backup_name}" if good else None, age, descriptions.DRILL_LIMIT)

    @dg.asset_check(
        asset=descriptions.BACKUP_KEY,
        name=descriptions.BACKED,
        description=f"The rows of the newest {recorded.NEWEST} proved backups, which anybody may delete or alter in the"
        " database, are those that were proved: counts and digests, read now.",
    )
    def recorded_backups_have_data() -> dg.AssetCheckResult:
        with open_backup_catalog(settings.ops_url) as catalog:
            copies = [copy for copy in catalog.backups(ASSET) if copy.proved]
        if not copies:
            return dg.AssetCheckResult(passed=False, description="No backup was proved yet.")
        url = settings.aimindset_url
        with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
            found = recorded.look(connection, copies)
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
        # What a clock that ran ahead has dated would look young for ever.
        passed=-CLOCK_ERROR <= age <= limit,
        description=f"{name} is {hours:.1f} hours old; the limit is {limit.total_seconds() / 3600:.0f}.",
        metadata={"age_hours": round(hours, 2)},
    )
