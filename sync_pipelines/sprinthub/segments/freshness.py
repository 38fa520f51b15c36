"""Whether a segment is left behind: its last success is older than its cadence allows, and no run is at work on it.

The policy of the asset cannot see that: it looks at the newest materialization of any segment.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ACTIVE, ERROR, ControlRow

#: How long after a tick a success may come, and how long a run may be at work before it counts as none.
GRACE, LONGEST_RUN = timedelta(hours=2), timedelta(hours=24)


def stale_because(
    row: ControlRow, cadence: Cadence, now: datetime, *, running_since: datetime | None = None
) -> str | None:
    """Why the segment counts as left behind; None for one that does not, or that nobody wants to be run."""
    if row.status not in (ACTIVE, ERROR):
        return None
    if running_since is not None and now - running_since < LONGEST_RUN:
        return None
    if row.last_execution is not None:
        due = cadence.next_after(row.last_execution)
        since = f"its last success began at {row.last_execution:%Y-%m-%d %H:%M} UTC"
    elif row.next_execution is not None and not row.waits_for_person:
        due, since = row.next_execution, "it never succeeded"
    else:
        return "it never succeeded, and no run is planned" if row.waits_for_person else "it never succeeded"
    return since if now - due > GRACE else None
