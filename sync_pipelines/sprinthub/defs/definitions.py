"""The Dagster definitions of the segments' leads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.defs import (
    automation,
    checks,
    descriptions,
    new_leads,
    segment_assets,
    segment_jobs,
)
from sync_pipelines.sprinthub.defs.due_segments import STEP, DueSegments
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.segment_pool import SegmentPool
from sync_pipelines.sprinthub.segments.cadence import Cadence

#: Every run of a segment mails its failure and the four rules itself, once a day; the hourly checks of `leads` are the
#: same rules. That a segment is left behind stands on the list, so that `operations` mails it.
NOTIFIES_ITSELF = frozenset({STEP, descriptions.LEADS_KEY.to_user_string()})


def _now() -> datetime:
    return datetime.now(UTC)


def definitions(
    settings: SprinthubSettings,
    sync: SegmentSync | None = None,
    *,
    pool: SegmentPool | None = None,
    clock: Callable[[], datetime] = _now,
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors; `sync` replaces the real clock and network.

    `pool` holds segments that the command line has started already.
    """
    cadence, on = Cadence.from_settings(settings), settings.automation_is_on
    due = DueSegments(settings.oficialmed_url, cadence, clock)
    segments = dg.Definitions(
        assets=[
            *descriptions.external_specs(),
            segment_assets.segment_assets(descriptions.freshness(cadence, clock()), pool),
        ],
        asset_checks=checks.checks(due),
        jobs=[automation.sync_job, automation.checks_job, *segment_jobs.segment_jobs(due)],
        schedules=automation.schedules(due, on=on),
        sensors=automation.sensors(due, on=on),
        resources={"sync": sync or SegmentSync.from_settings(settings)},
    )
    return dg.Definitions.merge(segments, new_leads.webhook_definitions(settings, clock=clock))
