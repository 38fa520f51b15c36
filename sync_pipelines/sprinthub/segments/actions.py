"""What a person does with a segment, from the command line or the launchpad: rows of the control table.

Each action is harmless when it is repeated, and says what it found. Raises PermanentError with what to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ACTIVE, ERROR, PAUSED, Control, ControlRow
from sync_pipelines.sprinthub.segments.segment_id import segment_id as checked

_BUSY = "Another command changes the control table of segments at this moment; try again."


@dataclass(frozen=True)
class SegmentActions:
    """The actions over an open connection to the control table."""

    connection: postgres.Connection
    cadence: Cadence

    def add(self, segment_id: int, *, now: datetime, at_once: bool = False) -> str:
        """Add a segment, due at the next tick of the cron or at once; returns what was done."""
        number = checked(segment_id)
        due = now if at_once else self.cadence.next_after(now)
        with self.connection.transaction():
            # The application's table may lack the uniqueness that the migration brings.
            postgres.lock_partition(self.connection, "sprinthub", "control", busy=_BUSY)
            added = self.connection.execute(
                "insert into public.sync_segments_control (segment_id, next_execution, status)"
                " select %(segment)s, %(due)s, 'active' where not exists"
                " (select from public.sync_segments_control where segment_id = %(segment)s)"
                " on conflict do nothing returning segment_id",
                {"segment": number, "due": due},
            ).fetchone()
            if added:
                when = "at once" if at_once else f"at {due:%Y-%m-%d %H:%M} UTC"
                return f"Segment {number} is added; it is due {when}."
            found = f"Segment {number} is there already, with status {self._known(number).status}."
            return f"{found} {self.run_now(number, now=now)}" if at_once else found

    def pause(self, segment_id: int) -> str:
        """No automatic run takes the segment until it is reactivated; a run that goes on is not stopped."""
        row = self._known(segment_id)
        if row.status == PAUSED:
            return f"Segment {row.segment_id} is paused already."
        self._set("status = 'paused'", row)
        return f"Segment {row.segment_id} is paused. A run that goes on at this moment goes to its end."

    def reactivate(self, segment_id: int, *, now: datetime) -> str:
        """Make a segment active again: due at once after an error, after a pause at its own time."""
        row = self._known(segment_id)
        if row.status == ACTIVE:
            return f"Segment {row.segment_id} is active already."
        if row.status == PAUSED and not row.waits_for_person:
            self._set("status = 'active'", row)
        else:
            self._set("status = 'active', next_execution = %(now)s", row, now=now)
        due = self._known(segment_id).next_execution
        when = "at once" if due is None or due <= now else f"at {due:%Y-%m-%d %H:%M} UTC"
        return f"Segment {row.segment_id} is active again; it is due {when}."

    def run_now(self, segment_id: int, *, now: datetime) -> str:
        """Make a segment due at once. A paused one is refused: a pause is a person's decision."""
        row = self._known(segment_id)
        if row.status not in (ACTIVE, ERROR):
            raise PermanentError(
                f"Segment {row.segment_id} has the status {row.status}: reactivate it first, or run it once with"
                f" `sync-pipelines run sprinthub --segment {row.segment_id}`."
            )
        # An error that waited for a person has found one.
        self._set("status = 'active', next_execution = %(now)s", row, now=now)
        return f"Segment {row.segment_id} is due at once."

    def waiting(self) -> list[int]:
        """The segments that wait for a person after an error."""
        rows = Control(self.connection).all()
        return [row.segment_id for row in rows if row.status == ERROR and row.waits_for_person]

    def _known(self, segment_id: int) -> ControlRow:
        number = checked(segment_id)
        row = Control(self.connection).row(number)
        if row is None:
            raise PermanentError(
                f"Segment {number} is not in the control table: `sync-pipelines sprinthub add {number}` adds it."
            )
        return row

    def _set(self, assignments: LiteralString, row: ControlRow, *, now: datetime | None = None) -> None:
        self.connection.execute(
            "update public.sync_segments_control set "
            + assignments
            + ", updated_at = now() where segment_id = %(segment)s",
            {"segment": row.segment_id, "now": now},
        )
