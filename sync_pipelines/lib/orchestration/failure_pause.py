"""How long a sensor leaves a job alone that failed: longer after each failure, never for good."""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg

_FIRST, _LONGEST = timedelta(minutes=1), timedelta(minutes=30)
#: Failures beyond these change nothing: the pause is the longest already.
_COUNTED = 6
_FAILED = {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def paused_until(instance: dg.DagsterInstance, job: str) -> datetime | None:
    """Until when (aware) the job is not requested, by its failures since the last run that succeeded.

    None if the newest run did not fail.
    """
    failures = 0
    ended: datetime | None = None
    for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=_COUNTED):
        if record.dagster_run.status not in _FAILED:
            break
        failures += 1
        ended = ended or record.update_timestamp
    if ended is None:
        return None
    pause: timedelta = min(_FIRST * 2 ** (failures - 1), _LONGEST)
    return ended + pause
