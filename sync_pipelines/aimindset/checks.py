"""Checks that look at the backups as they stand, by something else than the schedule that makes them."""

from datetime import timedelta

import dagster as dg

from sync_pipelines.aimindset import catalogue, drill
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.aimindset.coverage import WHAT
from sync_pipelines.aimindset.daily import ASSET, AimindsetBackups
from sync_pipelines.lib import postgres
from sync_pipelines.lib.copies import open_copy_book

CLOCK_ERROR = timedelta(minutes=10)
STANDING_CHECKS = (
    dg.AssetCheckKey(catalogue.BACKUP_KEY, catalogue.YOUNG),
    dg.AssetCheckKey(catalogue.BACKUP_KEY, catalogue.BACKED),
    dg.AssetCheckKey(catalogue.DRILL_KEY, catalogue.DRILLED),
)


def checks(aimindset: AimindsetBackups) -> list[dg.AssetChecksDefinition]:
    """The standing checks of the system."""
    settings = aimindset.settings

    @dg.asset_check(
        asset=catalogue.BACKUP_KEY,
        name=catalogue.YOUNG,
        description="Only proved backups count; a log row that says `backup` does not.",
    )
    def last_proved_backup_is_young() -> dg.AssetCheckResult:
        with open_copy_book(settings.require("ops_database_url")) as book:
            newest = book.newest_proved(ASSET)
        age = aimindset.clock() - newest.made_at if newest else None
        return _aged(newest.name if newest else None, age, catalogue.BACKUP_LIMIT)

    @dg.asset_check(
        asset=catalogue.DRILL_KEY,
        name=catalogue.DRILLED,
        description="The newest archive was restored and came back equal in the last eight days.",
    )
    def last_drill_is_young() -> dg.AssetCheckResult:
        with open_copy_book(settings.require("ops_database_url")) as book:
            good = [one for one in book.drills(drill.ASSET) if one.equal]
        age = aimindset.clock() - good[0].drilled_at if good else None
        return _aged(f"The drill of {good[0].copy_name}" if good else None, age, catalogue.DRILL_LIMIT)

    @dg.asset_check(
        asset=catalogue.BACKUP_KEY,
        name=catalogue.BACKED,
        description="The newest proved backup still has its rows in the database, where anybody may delete them.",
    )
    def recorded_backups_have_data() -> dg.AssetCheckResult:
        with open_copy_book(settings.require("ops_database_url")) as book:
            newest = book.newest_proved(ASSET)
        if newest is None:
            return dg.AssetCheckResult(passed=False, description="No backup was proved yet.")
        url = settings.require("aimindset_database_url")
        with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
            row = connection.execute(
                "select (select count(*) from public.backup_articles where backup_id = %(id)s),"
                " (select count(*) from public.backup_comments where backup_id = %(id)s),"
                " (select count(*) from public.backup_feedbacks where backup_id = %(id)s)",
                {"id": newest.name},
            ).fetchone()
        assert row is not None
        counts = newest.details["counts"]
        wanted = [counts[key] for key in ("articles_count", "comments_count", "feedbacks_count")]
        return dg.AssetCheckResult(
            passed=list(row) == wanted,
            description=f"{newest.name}: of {wanted} articles, comments and feedbacks, {list(row)} are there.",
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
