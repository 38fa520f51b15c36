"""The definitions of AIMindset: assets, checks, jobs and schedules."""

from __future__ import annotations

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.aimindset.defs import automation, checks, day_assets, descriptions, drill_assets
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.settings.aimindset import AimindsetSettings

#: A failed day of AIMindset is notified once, by its own asset, however often it is tried.
NOTIFIES_ITSELF = frozenset({"aimindset_day"})


def definitions(settings: AimindsetSettings, pipeline: AimindsetPipeline | None = None) -> dg.Definitions:
    """The system's definitions; `pipeline` replaces the one with the real clock and network."""
    aimindset = pipeline or AimindsetPipeline.from_settings(settings)
    days = partitions.days(settings.backups_first_day, descriptions.ZONE)
    return dg.Definitions(
        assets=[*descriptions.external_specs(), day_assets.day_assets(days), drill_assets.restore_drill],
        asset_checks=checks.checks(aimindset),
        jobs=[automation.day_job, automation.drill_job, automation.checks_job],
        schedules=automation.schedules(aimindset.today, on=settings.automation_is_on),
        resources={"aimindset": aimindset},
    )
