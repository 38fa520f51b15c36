"""The lead push and the reverse sync, as Dagster definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.lib.alerts import Channel
from sync_pipelines.scouter.defs import (
    automation,
    checks,
    descriptions,
    export_assets,
    export_job_automation,
    export_jobs,
    reverse_assets,
    reverse_automation,
    schema_assets,
    schema_jobs,
)
from sync_pipelines.scouter.defs.conflict_jobs import scouter_choose_conflicts
from sync_pipelines.scouter.defs.replay_jobs import scouter_replay_errors, scouter_replay_inbox
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.settings.scouter import ScouterSettings

NOTIFIES_ITSELF = frozenset[str]()


def definitions(
    settings: ScouterSettings, push: LeadPush | None = None, channels: Sequence[Channel] | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors; `push` replaces the real clock and network."""
    leads = push or LeadPush.from_settings(settings)
    on = settings.automation_is_on
    days = partitions.days(settings.scouter_first_day, settings.sync_timezone)
    push_definitions = dg.Definitions(
        assets=[
            *descriptions.external_specs(),
            schema_assets.scouter_schema,
            export_assets.export_asset(days, descriptions.freshness(settings)),
        ],
        asset_checks=[*checks.checks(leads), checks.comparison(leads)],
        jobs=[
            automation.push_job,
            automation.checks_job,
            automation.compare_job,
            export_jobs.forget_errors_job,
            scouter_replay_errors,
            *export_jobs.export_jobs(),
            *schema_jobs.schema_jobs(),
        ],
        schedules=automation.schedules(leads, days, on=on, hourly=settings.scouter_hourly_push),
        sensors=[
            export_job_automation.pending_sensor(leads, days, on=on),
            export_job_automation.dead_sensor(
                leads, settings.alert_channels if channels is None else channels, on=on
            ),
        ],
        resources={"push": leads},
    )
    if not settings.scouter_way_back:
        return push_definitions
    reverse_sync = ReverseSync.from_settings(settings, push=leads)
    return dg.Definitions.merge(push_definitions, reverse_sync_definitions(settings, reverse_sync))


def reverse_sync_definitions(
    settings: ScouterSettings,
    reverse_sync: ReverseSync,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.Definitions:
    """Asset, checks, jobs, sensor and schedule of the reverse sync, which SCOUTER_WAY_BACK switches on."""
    on = settings.automation_is_on
    return dg.Definitions(
        assets=[reverse_assets.leads_inbound],
        jobs=[reverse_automation.inbound_job, scouter_replay_inbox, scouter_choose_conflicts],
        sensors=[reverse_automation.inbox_sensor(reverse_sync, clock, on=on)],
        schedules=[reverse_automation.inbox_schedule(settings.sync_timezone, on=on)],
        resources={"reverse_sync": reverse_sync},
    )
