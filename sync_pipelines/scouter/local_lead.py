"""Whether a row of Gestão Scouter is another lead than ours: its own sequence meets the numbers of the CRM."""

from __future__ import annotations

from sync_pipelines.scouter.mapping.column_types import TIMESTAMPTZ
from sync_pipelines.scouter.push.stored_value import as_stored
from sync_pipelines.scouter.sync_source import PUSHED, normalize


def is_local(
    sync_source: str | None, *, created_here: str | None, created_there: str | None, is_new: bool
) -> bool:
    """By who wrote the row and when the lead was made, on both sides; `is_new`: it was never synced."""
    if normalize(sync_source or "") == PUSHED:
        return False
    if created_here is None or created_there is None:
        # Ours may have no time of creation, and a lead that we know is ours unless that time says otherwise.
        return is_new
    # A lead of an older export has no `sync_source` of ours, but the time of creation of the CRM.
    return not is_same_moment(created_there, created_here)


def is_same_moment(one: str | None, other: str | None) -> bool:
    """Whether two times of creation are known and are one."""
    if one is None or other is None:
        return False
    try:
        return one == other or as_stored(one, TIMESTAMPTZ) == as_stored(other, TIMESTAMPTZ)
    except ValueError:
        return False
