"""What no sync can say, by the hour: whether a connection is left behind, and whether today's summary still holds."""

from __future__ import annotations

from datetime import UTC

import dagster as dg

from sync_pipelines.erp.analyses.summary import read_differences
from sync_pipelines.erp.connections.at_work import read_running
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.freshness import stale_because
from sync_pipelines.erp.connections.nightly import read_night
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.due_connections import DueConnections
from sync_pipelines.erp.defs.keys import CONNECTIONS_KEY, CREDITS_KEY
from sync_pipelines.erp.vendors.registry import served_modules
from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.named_verdict import named_verdict

SUMMARY_HOLDS = "todays_summary_still_equals_the_credits"
NIGHT_IS_SHORT = "night_ends_within_30_minutes"
STANDING_CHECKS = (
    dg.AssetCheckKey(CONNECTIONS_KEY, NIGHT_IS_SHORT),
    dg.AssetCheckKey(CONNECTIONS_KEY, descriptions.FRESH),
    dg.AssetCheckKey(CREDITS_KEY, SUMMARY_HOLDS),
)


def checks(due: DueConnections) -> list[dg.AssetChecksDefinition]:
    """The checks that run by the hour."""
    return [_freshness(due), _night(due), _summary(due)]


def _freshness(due: DueConnections) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CONNECTIONS_KEY,
        name=descriptions.FRESH,
        description="The last success of every connection with auto-sync is no older than its frequency allows, or a"
        " sync is at work on it.",
    )
    def every_connection_is_fresh() -> dg.AssetCheckResult:
        with postgres.connect(due.url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
            rows, running = Control(session).all(), read_running(session)
        # A connection of which nothing is served never succeeds, and says why itself.
        now, wanted = due.clock(), [one for one in rows if one.auto_sync and served_modules(one)]
        found = {
            one.key: sentence
            for one in wanted
            if (sentence := stale_because(one, now, served=due.served, running_since=running.get(one.id)))
        }
        return named_verdict(dict(sorted(found.items())), f"Holds for {len(wanted)} connections.")

    return every_connection_is_fresh


def _night(due: DueConnections) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CONNECTIONS_KEY,
        name=NIGHT_IS_SHORT,
        description="The automatic syncs since the last 00:00 UTC ended within 30 minutes; the sentence is the summary"
        " that the requirement's function returned (a warning).",
    )
    def night_ends_within_30_minutes() -> dg.AssetCheckResult:
        now = due.clock().astimezone(UTC)
        night = read_night(due.url, now.replace(hour=0, minute=0, second=0, microsecond=0), now)
        return dg.AssetCheckResult(
            passed=not night.is_long,
            severity=dg.AssetCheckSeverity.WARN,
            description=night.text,
            metadata=night.metadata,
        )

    return night_ends_within_30_minutes


def _summary(due: DueConnections) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=CREDITS_KEY,
        name=SUMMARY_HOLDS,
        description="The summaries that a sync of today rebuilt are still the sums of the users' credits: another"
        " caller of analyze-credits replaces them (a warning; the next sync rebuilds them).",
    )
    def todays_summary_still_equals_the_credits() -> dg.AssetCheckResult:
        with postgres.connect(due.url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
            found = read_differences(session, due.clock().astimezone(UTC).date())
        return named_verdict(
            dict(sorted(found.items())),
            "Every summary of today is the sum of the credits.",
            severity=dg.AssetCheckSeverity.WARN,
        )

    return todays_summary_still_equals_the_credits
