"""What belongs to the log row of a sync: the lock of its connection, and the connection's own row.

Both rows are written in one transaction at the end, so that neither says what the other does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import LiteralString
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections import log, sentences
from sync_pipelines.erp.connections.at_work import connection_lock
from sync_pipelines.erp.connections.connection import ACTIVE, ERROR, INACTIVE, ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.due import next_sync_at, not_due_because
from sync_pipelines.erp.connections.mark import Mark, is_requested, used_credentials
from sync_pipelines.erp.connections.scope import Scope
from sync_pipelines.erp.connections.tables import SYNC_LOG
from sync_pipelines.erp.outcome import SyncOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.run_log import Execution

_CLOSING: LiteralString = "select from public.erp_sync_logs where id = %s and status = 'running' for update"


class ConnectionBusyError(TransientError):
    """Another run has the connection: nothing was done, and neither log nor connection were touched."""


class UnusableConnectionError(PermanentError):
    """A person named a connection that is not to be synced: nothing was done. The sentence says what to do."""


class NotDueError(Exception):
    """An automatic run came too late: the reason why the connection is not due."""


@dataclass
class ConnectionSteward:
    """What belongs to the log row of a sync: the lock of its connection, and the connection's own row."""

    outcome: SyncOutcome
    clock: Callable[[], datetime]
    served: Collection[str]
    zone: ZoneInfo
    scope: Scope
    #: Columns of the log row that stand in the connection's; filled before the row is inserted.
    columns: dict[str, object] = field(default_factory=dict)
    #: The row at the start.
    connection: ErpConnection | None = None
    started: datetime | None = None
    failure: BaseException | None = None
    #: When the connection is due next, once the sync has ended.
    due: datetime | None = None
    #: Another run has the connection by now: nothing more is written.
    is_lost: bool = False

    @property
    def has_failed(self) -> bool:
        return self.failure is not None or bool(self.outcome.failed)

    @property
    def is_idle(self) -> bool:
        """Whether the sync went to its end, and there was nothing that it could do."""
        return self.failure is None and self.outcome.is_all_skipped

    @property
    def problem(self) -> str | None:
        """Why a sync that went to its end is no success."""
        if self.is_idle:
            return sentences.nothing_synced(self.outcome)
        if self.connection is None or not self.outcome.failed:
            return None
        return sentences.reason_of(None, self.outcome, self.connection).text

    def begin(self, session: postgres.Connection) -> None:
        number = self.outcome.connection_id
        has_begun = self.connection is not None
        if not postgres.try_lock(session, connection_lock(number)):
            self.is_lost = has_begun
            raise (
                lost(self.connection)
                if self.connection
                else ConnectionBusyError(
                    f"Connection {number} is being synced by another run; this one did nothing."
                )
            )
        if has_begun:
            return
        self.started = self.clock()
        found = self._usable(Control(session).row(number), self.started)
        self.columns |= {
            "connection_id": found.id,
            "user_id": found.user_id,
            "company_id": found.company_id,
            "sync_type": "auto" if self.scope.is_automatic and not is_requested(found) else "manual",
        }
        log.close_dead(session, number)
        self.connection = found

    def _usable(self, found: ErpConnection | None, now: datetime) -> ErpConnection:
        number = self.outcome.connection_id
        if self.scope.is_automatic:
            if found is None:
                raise NotDueError("it is not in the table of connections any more")
            if reason := not_due_because(found, now, self.served):
                raise NotDueError(reason)
            return found
        if found is None:
            raise UnusableConnectionError(
                f"Connection {number} is not in the table: `sync-pipelines erp list` shows all."
            )
        if found.status == INACTIVE:
            raise UnusableConnectionError(
                f"Connection {found.key} is inactive: activate it in the application first."
            )
        if found.erp_type not in self.served:
            raise UnusableConnectionError(
                f"Connection {found.key}: there is no adapter for {found.erp_type} yet."
            )
        return found

    def end(self, session: postgres.Connection, execution: Execution, status: str) -> None:
        assert self.connection is not None
        assert self.started is not None
        # The connection first: whoever deletes it locks in this order too.
        current = Control(session).lock(self.connection.id)
        self.is_lost = self.is_lost or current is None or not is_open(session, execution, _CLOSING)
        if self.is_lost or current is None:
            raise lost(self.connection)
        now = self.clock()
        execution.processed, execution.failed = self.outcome.records_synced, self.outcome.records_failed
        execution.details = log.details_of(self.outcome, (now - self.started).total_seconds())
        if status == SYNC_LOG.success:
            self._succeed(session, current, now)
        elif self.is_idle:
            self._leave(session, current, now)
        elif isinstance(self.failure, Exception | None):
            execution.message = self._fail(session, current, now)
        else:
            # Whoever interrupts a sync starts it again: the connection stays as due as it was.
            execution.message = sentences.interruption(self.failure)

    def _succeed(self, session: postgres.Connection, current: ErpConnection, now: datetime) -> None:
        """Write that the sync succeeded; modules that failed before and were not asked for keep their error."""
        mark, left = Mark.of(current), frozenset[str]()
        if mark is not None and current.status == ERROR and not self.scope.is_whole(current):
            left = mark.modules - self.scope.proved(self.outcome)
        if mark is not None and left:
            self._write(
                session,
                current,
                now,
                status=ERROR,
                message=current.status_message,
                mark=replace(mark, modules=left),
            )
        else:
            self._write(session, current, now, status=ACTIVE, message=None, mark=None)

    def _leave(self, session: postgres.Connection, current: ErpConnection, now: datetime) -> None:
        """Write why nothing was synced; status and mark stay, and what they say a person should do."""
        mark = Mark.of(current)
        says_why = mark is None and self.scope.is_whole(current)
        message = sentences.nothing_synced(self.outcome) if says_why else current.status_message
        self._write(session, current, now, status=current.status, message=message, mark=mark)

    def _fail(self, session: postgres.Connection, current: ErpConnection, now: datetime) -> str:
        """Write that the sync failed; returns what the log row says."""
        assert isinstance(self.failure, Exception | None)
        assert self.connection is not None
        reason, previous = sentences.reason_of(self.failure, self.outcome, current), Mark.of(current)
        modules = frozenset(one.value for one in reason.modules)
        if previous is not None and modules and not self.scope.is_whole(current):
            modules |= previous.modules - self.scope.proved(self.outcome)
        mark = Mark(
            cause=reason.cause.value,
            since=now,
            waits_for_person=reason.waits_for_person,
            credentials=used_credentials(self.connection, current),
            modules=modules,
        )
        self.due = self._next_sync_at(current, now)
        message = sentences.screen(reason, current, due=self.due, zone=self.zone)
        self._write(session, current, now, status=ERROR, message=message, mark=mark.after(previous))
        return sentences.failure(reason, self.outcome, due=self.due, zone=self.zone)

    def _write(
        self,
        session: postgres.Connection,
        current: ErpConnection,
        now: datetime,
        *,
        status: str,
        message: str | None,
        mark: Mark | None,
    ) -> None:
        """Write the connection's row; a status that a person set since the start of the sync stays."""
        assert self.connection is not None
        is_ours = current.status == self.connection.status
        self.due = self._next_sync_at(current, now)
        Control(session).write(
            current.id,
            status=status if is_ours else current.status,
            status_message=message if is_ours else current.status_message,
            last_sync_at=current.last_sync_at if self.has_failed or self.is_idle else self.started,
            next_sync_at=self.due,
            mark=mark,
            keeps_request=not self.scope.is_whole(current),
        )

    def _next_sync_at(self, current: ErpConnection, now: datetime) -> datetime | None:
        assert self.connection is not None
        assert self.started is not None
        if not self.scope.is_whole(current):
            return current.next_sync_at if current.auto_sync else None
        return next_sync_at(
            self.connection, current, started=self.started, now=now, asked=self._seconds_to_wait()
        )

    def _seconds_to_wait(self) -> float:
        """For how long the vendor wants to be left alone."""
        errors = [self.failure, *(one.error for one in self.outcome.failed.values())]
        return max((one.retry_after or 0 for one in errors if isinstance(one, TransientError)), default=0)


def lost(connection: ErpConnection) -> ConnectionBusyError:
    return ConnectionBusyError(
        f"The lock of connection {connection.key} was lost, and its sync was closed or taken over meanwhile, or the"
        " connection was deleted: this sync writes nothing more. What was committed stays."
    )


def is_open(session: postgres.Connection, execution: Execution, query: LiteralString) -> bool:
    """Whether the row of a sync is still open; it stays so until the transaction ends."""
    return session.execute(query, (execution.id,)).fetchone() is not None
