"""Whether a run is still under way, so that a sensor or schedule does not request a second one."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

#: The statuses of a run that has left the queue and may have a worker.
LAUNCHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
UNFINISHED = (dg.DagsterRunStatus.QUEUED, *LAUNCHED)


def has_unfinished_run(
    instance: dg.DagsterInstance, job: str | None = None, *, tags: Mapping[str, str] | None = None
) -> bool:
    """Whether a run of the job, or one with the tags, is queued or under way."""
    wanted = dg.RunsFilter(job_name=job, tags=dict(tags or {}), statuses=list(UNFINISHED))
    return bool(instance.get_run_records(wanted, limit=1))
