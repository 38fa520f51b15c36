"""A sensor that says in the daemon's log that everything else is switched off, and why."""

from __future__ import annotations

import logging

import dagster as dg

logger = logging.getLogger(__name__)


def switched_off(sync_env: str) -> dg.SensorDefinition:
    """It alone starts switched on."""
    sentence = (
        f"SYNC_ENV is {sync_env}: all schedules and sensors start switched off, and nothing runs by itself."
        " Set SYNC_ENV=production and start the daemon and the webserver again, or switch on what you want in the UI."
    )

    @dg.sensor(
        name="automation_is_switched_off",
        minimum_interval_seconds=3600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=sentence,
    )
    def automation_is_switched_off() -> dg.SkipReason:
        logger.warning(sentence)
        return dg.SkipReason(sentence)

    return automation_is_switched_off
