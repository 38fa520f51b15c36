"""The application's control table of segments, which people edit and we obey: who is due, and why another is not.

A segment is due when it is `active`, or an `error` that does not wait for a person, and its `next_execution` is null or
past. The table has no column for a reason: that an error waits for a person says the segment's newest log row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.segments.segment_id import is_segment_id
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

ACTIVE, PAUSED, ERROR = "active", "paused", "error"
#: Who has to act before an automatic run makes sense, in the stats of a log row.
WAITS_FOR, PERSON = "waits_for", "person"
#: In the stats of a log row: a signal ended the run, which says nothing about the segment.
INTERRUPTED = "interrupted"
# A person may write infinity, which Python does not hold, nor years before 1.
_LAST: LiteralString = (
    "case when last_execution > '9999-12-30Z' then '9999-12-30Z'"
    " when last_execution < '0001-01-02Z' then '0001-01-02Z' else last_execution end"
)
_NEXT: LiteralString = (
    "case when next_execution > '9999-12-30Z' then '9999-12-30Z'"
    " when next_execution < '0001-01-02Z' then '0001-01-02Z' else next_execution end"
)
#: Whether somebody set another time since it was read. Minus infinity was read as the first year: it is no other time,
#: or the segment would be due again for ever.
_SET_MEANWHILE: LiteralString = """
    case when next_execution < '0001-01-02Z' then '0001-01-02Z' else next_execution end is distinct from %(seen)s
"""
_ROWS: LiteralString = f"""
    select control.segment_id, control.status, {_LAST}, {_NEXT}, coalesce(newest.waits_for = 'person', false)
    from public.sync_segments_control as control
    left join lateral (
      select stats ->> 'waits_for' as waits_for from public.sync_segments_logs as log
      where log.segment_id = control.segment_id and log.status <> 'running'
        and stats ->> 'interrupted' is distinct from 'true'
      order by log.id desc limit 1
    ) as newest on true
"""


@dataclass(frozen=True)
class ControlRow:
    """A segment as the control table has it; `waits_for_person` comes from its newest finished log row."""

    segment_id: int
    status: str | None
    last_execution: datetime | None = None
    next_execution: datetime | None = None
    waits_for_person: bool = False

    def is_due(self, now: datetime) -> bool:
        return self.not_due_because(now) is None

    def not_due_because(self, now: datetime) -> str | None:
        """Why no automatic run should take it now; None when it is due."""
        if not is_segment_id(self.segment_id):
            return "its number is no segment's"
        if self.status == PAUSED:
            return "it is paused"
        if self.status not in (ACTIVE, ERROR):
            return f"its status {self.status!r} is none that we know (active, paused, error)"
        if self.status == ERROR and self.waits_for_person:
            return "its last run failed in a way that waits for a person; reactivate it when that is cured"
        if self.next_execution is not None and self.next_execution > now:
            return f"its next run is at {self.next_execution:%Y-%m-%d %H:%M} UTC"
        return None


@dataclass(frozen=True)
class Control:
    """The control table over an open connection. A read that fails raises: it is never an empty list."""

    connection: postgres.Connection

    def all(self) -> list[ControlRow]:
        """Every segment by its number, whatever its status."""
        return self._rows(_ROWS + " order by control.segment_id, control.id")

    def row(self, segment_id: int) -> ControlRow | None:
        """None when the table does not have the segment (any more)."""
        query = _ROWS + " where control.segment_id = %s order by control.id limit 1"
        return next(iter(self._rows(query, segment_id)), None)

    def succeed(
        self, segment_id: int, *, started: datetime, due: datetime, seen: datetime | None
    ) -> datetime | None:
        """Note a success that began at `started`; returns when the segment is due next.

        `seen` is the `next_execution` at the start: another one is a person's wish meanwhile, and stays. So does a
        status that is not ours to end, such as paused. None also when the row is gone.
        """
        return self._end(
            "update public.sync_segments_control set last_execution = %(started)s,"
            " status = case when status in ('active', 'error') then 'active' else status end,"
            f" next_execution = case when {_SET_MEANWHILE} then next_execution"
            " else %(due)s end, updated_at = now()",
            {"segment_id": segment_id, "started": started, "due": due, "seen": seen},
        )

    def fail(self, segment_id: int, *, due: datetime | None, seen: datetime | None) -> datetime | None:
        """Note a failure: what a success wrote stays; `due` is null when the segment waits for a person."""
        return self._end(
            "update public.sync_segments_control set"
            " status = case when status in ('active', 'error') then 'error' else status end,"
            f" next_execution = case when {_SET_MEANWHILE} then next_execution"
            " else %(due)s end, updated_at = now()",
            {"segment_id": segment_id, "due": due, "seen": seen},
        )

    def _end(self, update: LiteralString, values: dict[str, object]) -> datetime | None:
        row = self.connection.execute(
            update + " where segment_id = %(segment_id)s returning " + _NEXT, values
        ).fetchone()
        return row[0] if row else None

    def _rows(self, query: LiteralString, *values: object) -> list[ControlRow]:
        return [
            ControlRow(
                segment_id=number,
                status=status,
                last_execution=last,
                next_execution=due,
                waits_for_person=waits,
            )
            for number, status, last, due, waits in self.connection.execute(query, values)
        ]


def read_segments(url: str) -> list[ControlRow]:
    """All rows, in a session that cannot write. Raises SyncError where they cannot be read."""
    with (
        postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        return Control(connection).all()
