"""The run of one segment: its lock, its log row, its line in the control table, its alerts.

The lock is a session's in the database that is written; it and the lock of the log row are held by one connection. A
process that dies leaves an open log row, which the reaper or the next run closes, and the segment due. Log row and
control table are written in one transaction at the end, so neither says what the other does not.

A connection that is lost frees the lock while the work goes on over others. Therefore each transaction that writes
calls `SegmentWork.fence`: it passes while the log row is open, and whoever takes the segment over closes it first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import LiteralString, Self

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.run_log import Execution, open_execution
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segments import sentences
from sync_pipelines.sprinthub.segments.alerting import SegmentAlerts
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.segment_id import segment_id as checked
from sync_pipelines.sprinthub.segments.steward import (
    NotDueError,
    SegmentBusyError,
    SegmentSteward,
    is_open,
    lost,
)
from sync_pipelines.sprinthub.segments.tables import OFICIALMED, SEGMENT_LOG

#: Several transactions of a run may pass the fence at once, and none while its row is being closed.
_FENCE: LiteralString = "select from public.sync_segments_logs where id = %s and status = 'running' for share"
logger = logging.getLogger(__name__)


@dataclass
class SegmentWork:
    """A run that goes on. The pipeline fills `outcome`; when `is_due` is False there is nothing to do."""

    outcome: SegmentOutcome
    run_id: str
    started: datetime
    opened: Execution | None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_due(self) -> bool:
        return self.opened is not None

    @property
    def segment_id(self) -> int:
        return self.outcome.segment_id

    def fence(self, connection: postgres.Connection) -> None:
        """Call first in every transaction that writes: it commits only while this run has the segment.

        Raises SegmentBusyError when the row of this run is closed: its lock was lost and the reaper or another run took
        over. Whoever closes the row waits for the end of a transaction that has passed.
        """
        assert self.opened is not None
        if not is_open(connection, self.opened, _FENCE):
            raise lost(self.segment_id)

    def keep_lock(self) -> None:
        """Call now and then: takes the lock again when the server has forgotten its session.

        Raises SegmentBusyError if another run has it by now. A database that does not answer is no reason to stop here:
        the next write finds out.
        """
        with self._guard:
            try:
                if self.opened is not None:
                    self.opened.database.do(lambda connection: connection.execute("select 1"))
            except SegmentBusyError:
                raise
            except SyncError as error:
                logger.warning("The lock of segment %s could not be looked at: %s", self.segment_id, error)


@dataclass(frozen=True)
class SegmentRuns:
    """Runs of segments in one database."""

    url: str = field(repr=False)
    cadence: Cadence
    alerts: SegmentAlerts
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: SprinthubSettings) -> Self:
        return cls(
            url=settings.oficialmed_url,
            cadence=Cadence.from_settings(settings),
            alerts=SegmentAlerts.from_settings(settings),
        )

    @contextmanager
    def execution(
        self, segment_id: int, *, run_id: str, only_if_due: bool = False, is_full: bool = False
    ) -> Iterator[SegmentWork]:
        """Around the work on one segment. An exception of the block closes the run as an error, and is raised.

        The run is an error too when leads stayed unread; then nothing is raised: look at `outcome.unread`. With
        `only_if_due` (an automatic run) a segment that is not due any more yields work that is not. Raises
        SegmentBusyError.
        """
        steward = SegmentSteward(
            SegmentOutcome(checked(segment_id)),
            cadence=self.cadence,
            clock=self.clock,
            only_if_due=only_if_due,
            zone=self.alerts.zone,
        )
        with ExitStack() as stack:
            opened = self._open(stack, steward, run_id=run_id, is_full=is_full)
            work = SegmentWork(
                steward.outcome, run_id=run_id, started=steward.started or self.clock(), opened=opened
            )
            try:
                yield work
            except BaseException as error:
                steward.failure = error
                raise
            if opened is not None and work.outcome.unread:
                opened.problem = sentences.reason_of(None, work.outcome).text

    def _open(
        self, stack: ExitStack, steward: SegmentSteward, *, run_id: str, is_full: bool
    ) -> Execution | None:
        """Open the row; None when the segment is not due. Alerts are sent after the row is closed."""
        number = steward.outcome.segment_id
        trigger = "automatic" if steward.only_if_due else "manual"
        execution = open_execution(
            self.url,
            SEGMENT_LOG,
            run_id=run_id,
            what=OFICIALMED,
            started=f"Iniciando a sincronização do segmento {number}.",
            details={"trigger": trigger, "full": is_full},
            columns={"segment_id": number},
            steward=steward,
        )
        after = stack.enter_context(ExitStack())
        try:
            opened = stack.enter_context(execution)
        except NotDueError as error:
            steward.outcome.skipped = str(error)
            return None
        except SegmentBusyError:
            raise
        except SyncError as error:
            self.alerts.not_begun(number, error, run_id=run_id, now=self.clock())
            raise
        after.callback(self._send_alerts, opened, steward)
        return opened

    def _send_alerts(self, opened: Execution, steward: SegmentSteward) -> None:
        """Never raises. A run that a person or a shutdown interrupted is no news to anybody."""
        failure = steward.failure
        if steward.is_lost or not isinstance(failure, Exception | None):
            return
        self.alerts.after_run(
            self.url,
            opened.id,
            reason=sentences.reason_of(failure, steward.outcome),
            waits_for_person=steward.waits_for_person,
            due=steward.due,
            run_id=opened.run_id,
            now=self.clock(),
        )
