"""Schedules that can be read down as a table, and whether they and the sensors start switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

#: What a schedule requests; it may take the context of its tick.
Request = Callable[..., dg.RunRequest | dg.SkipReason]


def schedule_status(on: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED


def sensor_status(on: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED


def cron(
    name: str,
    job: Any,
    when: str,
    *,
    on: bool,
    description: str,
    zone: str = "UTC",
    request: Request | None = None,
) -> dg.ScheduleDefinition:
    """A schedule of a job by a cron line; `request` says what a tick requests, where that is more than the job.

    The description says which pg_cron job it replaces.
    """
    options: dict[str, Any] = {
        "name": name,
        "job": job,
        "cron_schedule": when,
        "execution_timezone": zone,
        "default_status": schedule_status(on),
        "description": description,
    }
    return dg.schedule(**options)(request) if request else dg.ScheduleDefinition(**options)
