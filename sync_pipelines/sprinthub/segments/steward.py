"""What belongs to the log row of a segment's run: the segment's lock, and its line in the control table."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import LiteralString
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, TransientError
from sync_pipelines.lib.records.orphaned_runs import OURS
from sync_pipelines.lib.records.run_log import ENGINE, Execution
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segments import log, sentences
from sync_pipelines.sprinthub.segments.at_work import segment_lock
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import INTERRUPTED, PERSON, WAITS_FOR, Control
from sync_pipelines.sprinthub.segments.tables import SEGMENT_LOG

_CLOSING: LiteralString = (
    "select from public.sync_segments_logs where id = %s and status = 'running' for update"
)
logger = logging.getLogger(__name__)


class SegmentBusyError(TransientError):
    """Another run has the segment: nothing was done, and neither log nor control table were touched."""


class NotDueError(Exception):
    """An automatic run came too late: the reason why the segment is not due."""


@dataclass
class SegmentSteward:
    """What belongs to the log row of a run: the segment's lock, and its line in the control table."""

    outcome: SegmentOutcome
    cadence: Cadence
    clock: Callable[[], datetime]
    only_if_due: bool
    zone: ZoneInfo
    started: datetime | None = None
    failure: BaseException | None = None
    #: When the segment is due next, once the run has ended.
    due: datetime | None = None
    #: Another run has the segment by now: nothing more is written.
    is_lost: bool = False
    _seen: datetime | None = None
    _has_begun: bool = False

    @property
    def waits_for_person(self) -> bool:
        """Neither the token nor the name of the instance cures itself."""
        return isinstance(self.failure, RefusedError)

    def begin(self, connection: postgres.Connection) -> None:
        number = self.outcome.segment_id
        if not postgres.try_lock(connection, segment_lock(number)):
            self.is_lost = self._has_begun
            raise (
                lost(number)
                if self._has_begun
                else SegmentBusyError(
                    f"Segment {number} is being synced by another run; this one did nothing."
                )
            )
        if self._has_begun:
            return
        self.started = self.clock()
        row = Control(connection).row(number)
        if self.only_if_due:
            reason = row.not_due_because(self.started) if row else "it is not in the control table any more"
            if reason:
                raise NotDueError(reason)
        self._seen = row.next_execution if row else None
        _close_dead_runs(connection, number)
        self._has_begun = True

    def end(self, connection: postgres.Connection, execution: Execution, status: str) -> None:
        self.is_lost = self.is_lost or not is_open(connection, execution, _CLOSING)
        if self.is_lost:
            raise lost(self.outcome.segment_id)
        control, number = Control(connection), self.outcome.segment_id
        execution.details = _stats(self.outcome)
        if status == SEGMENT_LOG.success:
            assert self.started is not None
            due = self.cadence.next_after(self.started)
            self.due = control.succeed(number, started=self.started, due=due, seen=self._seen)
            execution.message = sentences.success(self.outcome)
        elif not isinstance(self.failure, Exception | None):
            # Whoever interrupts a run starts it again: the segment stays as due as it was.
            execution.details |= {INTERRUPTED: True}
            execution.message = sentences.interruption(self.failure)
        else:
            self.due = control.fail(number, due=self._retry_at(connection), seen=self._seen)
            execution.details |= {WAITS_FOR: PERSON if self.waits_for_person else None}
            execution.message = sentences.failure(
                sentences.reason_of(self.failure, self.outcome),
                self.due,
                self.zone,
                waits_for_person=self.waits_for_person,
            )
        # An aborted run has counted a part of the leads only.
        rate = self.outcome.success_rate if self.failure is None else None
        if rate is not None:
            execution.success_rate = Decimal(str(rate)).quantize(Decimal("0.0001"), ROUND_FLOOR)

    def _retry_at(self, connection: postgres.Connection) -> datetime | None:
        """None when a person has to act first."""
        if self.waits_for_person:
            return None
        errors = 1 + log.consecutive_errors(connection, self.outcome.segment_id)
        asked = self.failure.retry_after if isinstance(self.failure, TransientError) else None
        return self.cadence.retry_at(self.clock(), errors, asked=asked)


def lost(number: int) -> SegmentBusyError:
    return SegmentBusyError(
        f"The lock of segment {number} was lost with its connection, and its run was closed or taken over meanwhile:"
        " this one writes nothing more. What was committed stays."
    )


def is_open(connection: postgres.Connection, execution: Execution, query: LiteralString) -> bool:
    """Whether the row of a run is still open; it stays so until the transaction ends."""
    return connection.execute(query, (execution.id,)).fetchone() is not None


def _close_dead_runs(connection: postgres.Connection, number: int) -> None:
    """Close open rows of the segment whose process is gone: we hold the lock that a living one would hold.

    Waits for a write of theirs that has passed its fence.
    """
    closed = connection.execute(
        "update public.sync_segments_logs set status = 'error', message = %s"
        " where segment_id = %s and status = 'running' and stats ->> 'engine' = %s returning id",
        (OURS, number, ENGINE),
    ).fetchall()
    if closed:
        logger.warning("Segment %s: %s orphaned runs were closed.", number, len(closed))


def _stats(outcome: SegmentOutcome) -> dict[str, object]:
    """The original's keys first, then ours."""
    return {
        "totalLeadsInSegment": outcome.leads,
        "processed": outcome.processed,
        "inserted": outcome.inserted,
        "updated": outcome.changed,
        "errors": outcome.errors,
        "unchanged": outcome.unchanged,
        "up_to_date": outcome.up_to_date,
        "entered": outcome.entered,
        "left": outcome.left,
        "rejected": outcome.rejected,
        "unread": outcome.unread,
        "rejected_fields": outcome.rejected_fields,
        "drift": dict(outcome.drift),
        "calls": outcome.calls,
        "bytes": outcome.bytes,
        "wait_seconds": round(outcome.wait_seconds, 3),
        "passes": outcome.passes,
        "pages": outcome.pages_path,
        "digest": outcome.digest,
        "skipped": outcome.skipped,
    }
