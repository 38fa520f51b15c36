"""What we remember of a segment beside the control table: its newest list, and a full refresh that is under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sync_pipelines.lib import postgres

Fence = Callable[[postgres.Connection], None]


class SegmentState(NamedTuple):
    """A row of `sync_private.segments`. Details older than `full_since` are to be read again."""

    listed_at: datetime | None = None
    gate: str | None = None
    full_since: datetime | None = None


@dataclass(frozen=True)
class SegmentStates:
    """The states of segments over an open connection."""

    connection: postgres.Connection

    def read(self, segment_id: int) -> SegmentState:
        row = self.connection.execute(
            "select listed_at, gate, full_since from sync_private.segments where segment_id = %s",
            (segment_id,),
        ).fetchone()
        return SegmentState(*row) if row else SegmentState()

    def begin_full(self, segment_id: int, now: datetime, fence: Fence) -> datetime:
        """Remember that all details are to be read again; returns since when, which an earlier run may have said.

        A full refresh that died goes on where it stopped.
        """
        with self.connection.transaction():
            fence(self.connection)
            row = self.connection.execute(
                "insert into sync_private.segments as s (segment_id, full_since) values (%s, %s)"
                " on conflict (segment_id) do update set full_since = coalesce(s.full_since, excluded.full_since)"
                " returning full_since",
                (segment_id, now),
            ).fetchone()
        assert row is not None
        since: datetime = row[0]
        return since

    def end_full(self, segment_id: int, fence: Fence) -> None:
        """The full refresh is done."""
        with self.connection.transaction():
            fence(self.connection)
            self.connection.execute(
                "update sync_private.segments set full_since = null where segment_id = %s and full_since is not null",
                (segment_id,),
            )


def gate_of(segment: Mapping[str, Any] | None) -> str | None:
    """What the CRM says of a segment that changes with its leads; None if it does not say both."""
    total, updated = (segment or {}).get("totalLeads"), (segment or {}).get("lastLeadUpdate")
    return None if total is None or updated is None else f"{total} {updated}"


def is_gate_shut(state: SegmentState, gate: str | None, *, now: datetime, trusted: timedelta) -> bool:
    """Whether the list may be left unread: the gate is as it was when the list was read, not long ago."""
    return (
        gate is not None
        and gate == state.gate
        and state.listed_at is not None
        and now - state.listed_at < trusted
    )
