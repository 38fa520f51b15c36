"""Days as partitions of what can only be done today."""

from __future__ import annotations

from datetime import date

from sync_pipelines.lib.failures import PermanentError


def require_today(partition_key: str, today: date, what: str) -> None:
    """Raise PermanentError unless the partition is today's: what a table held on another day is gone."""
    if partition_key == today.isoformat():
        return
    when = "has passed" if partition_key < today.isoformat() else "has not come"
    raise PermanentError(
        f"{partition_key} {when}: {what} can be backed up as it is now only. Launch the partition {today} instead;"
        " a backfill of other days does nothing."
    )
