"""A sync of one connection: its lock, its log row, the connection's own row, its alert.

The lock is a session's in the application's database; it and the lock of the log row are held by one connection to it.
A process that dies leaves an open log row, which the reaper or the next sync closes, and the connection due.

A session that is lost frees the lock while the work goes on over others. Therefore each transaction that writes calls
`ConnectionWork.fence`: it passes while the log row is open, and whoever takes the connection over closes it first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import LiteralString, Self
from uuid import UUID

from sync_pipelines.erp.connections import log, sentences
from sync_pipelines.erp.connections.alerting import ConnectionAlerts
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.scope import Scope
from sync_pipelines.erp.connections.steward import (
    ConnectionBusyError,
    ConnectionSteward,
    NotDueError,
    UnusableConnectionError,
    is_open,
    lost,
)
from sync_pipelines.erp.connections.tables import ERP, SYNC_LOG
from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.records.run_log import Execution, open_execution
from sync_pipelines.settings.erp import ErpSettings

#: Several transactions of a sync may pass the fence at once, and none while its row is being closed.
_FENCE: LiteralString = "select from public.erp_sync_logs where id = %s and status = 'running' for share"
_OWNER: LiteralString = "select user_id, company_id from public.erp_connections where id = %s"
logger = logging.getLogger(__name__)


@dataclass
class ConnectionWork:
    """A sync that goes on. The pipeline fills `outcome`; when `is_due` is False there is nothing to do."""

    outcome: SyncOutcome
    run_id: str
    started: datetime
    opened: Execution | None
    _steward: ConnectionSteward = field(repr=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_due(self) -> bool:
        return self.opened is not None

    @property
    def connection(self) -> ErpConnection:
        """The row as it was at the start; only of a sync that is due."""
        assert self._steward.connection is not None
        return self._steward.connection

    def record(self) -> None:
        """Write the counts so far, so that a killed process leaves true ones. Call it after each module."""
        assert self.opened is not None
        self.opened.processed, self.opened.failed = self.outcome.records_synced, self.outcome.records_failed
        self.opened.advance()

    def fence(self, connection: postgres.Connection) -> None:
        """Call first in every transaction that writes: it commits only while this sync has the connection.

        Raises ConnectionBusyError when the row of this sync is closed: its lock was lost and the reaper or another run
        took over. Whoever closes the row waits for the end of a transaction that has passed. Raises TransientError when
        the connection was given to another user or company: rows would be of the former one.
        """
        assert self.opened is not None
        if not is_open(connection, self.opened, _FENCE):
            raise lost(self.connection)
        one = self.connection
        if connection.execute(_OWNER, (one.id,)).fetchone() != (one.user_id, one.company_id):
            raise TransientError(
                f"The user or the company of connection {one.key} was changed during its sync, which therefore writes"
                " nothing more. The next sync writes for the new one."
            )

    def keep_lock(self) -> None:
        """Call now and then: takes the lock again when the server has forgotten its session.

        Raises ConnectionBusyError if another run has it by now. A database that does not answer is no reason to stop
        here: the next write finds out.
        """
        with self._guard:
            try:
                if self.opened is not None:
                    self.opened.database.do(lambda connection: connection.execute("select 1"))
            except ConnectionBusyError:
                raise
            except SyncError as error:
                logger.warning(
                    "The lock of connection %s could not be looked at: %s", self.connection.key, error
                )


@dataclass(frozen=True)
class ConnectionRuns:
    """Syncs of connections in one database; `served` are the values of `erp_type` that have an adapter."""

    url: str = field(repr=False)
    served: Collection[str]
    alerts: ConnectionAlerts
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_settings(cls, settings: ErpSettings, served: Collection[str]) -> Self:
        return cls(url=settings.erp_url, served=served, alerts=ConnectionAlerts.from_settings(settings))

    @contextmanager
    def execution(
        self,
        connection_id: UUID,
        *,
        run_id: str,
        only_if_due: bool = False,
        modules: Collection[Module] | None = None,
        months: Collection[date] | None = None,
    ) -> Iterator[ConnectionWork]:
        """Around the work on one connection. An exception of the block closes the sync as an error, and is raised.

        Without one it is an error if a module failed (`outcome.failed`), `cancelled` if all were skipped. With
        `only_if_due` (an automatic run) a connection that is not due any more yields work that is not. `modules` and
        `months` are what was asked for: a part of the planned sync leaves the time of the planned one.

        Raises ConnectionBusyError; UnusableConnectionError for a connection that a person named and that is inactive,
        gone or without an adapter; SyncError where the end could not be written.
        """
        steward = ConnectionSteward(
            SyncOutcome(connection_id),
            clock=self.clock,
            served=self.served,
            zone=self.alerts.zone,
            scope=Scope(modules, has_months=months is not None, is_automatic=only_if_due),
        )
        opened: Execution | None = None
        try:
            with ExitStack() as stack:
                opened = self._open(stack, steward, run_id=run_id)
                work = ConnectionWork(
                    steward.outcome,
                    run_id=run_id,
                    started=steward.started or self.clock(),
                    opened=opened,
                    _steward=steward,
                )
                try:
                    yield work
                except BaseException as error:
                    steward.failure = error
                    raise
                if opened is not None:
                    opened.problem, opened.is_idle = steward.problem, steward.is_idle
        except Exception as error:
            if opened is not None and not steward.is_lost:
                self._close_alone(opened, steward, error)
            raise
        finally:
            self._send_alert(opened, steward, run_id=run_id)

    def _open(self, stack: ExitStack, steward: ConnectionSteward, *, run_id: str) -> Execution | None:
        """Open the row; None when the connection is not due."""
        execution = open_execution(
            self.url,
            SYNC_LOG,
            run_id=run_id,
            what=ERP,
            started="Iniciando a sincronização.",
            details=steward.scope.details,
            columns=steward.columns,
            steward=steward,
        )
        try:
            return stack.enter_context(execution)
        except NotDueError as error:
            steward.outcome.skipped = str(error)
            return None
        except (ConnectionBusyError, UnusableConnectionError):
            raise
        except SyncError as error:
            self.alerts.not_begun(steward.outcome.connection_id, error, run_id=run_id, now=self.clock())
            raise

    def _close_alone(self, opened: Execution, steward: ConnectionSteward, error: Exception) -> None:
        """After an error: where the database did not take the end of the sync, its row says so all the same."""
        detail = sentences.detail_of(error)
        if steward.failure is None:
            # The work went to its end, and its end was rejected: that is the failure.
            steward.failure, detail = error, sentences.unwritten(detail)
        if log.close_alone(self.url, opened.id, detail):
            # The connection's row was not written either: it is as due as it was.
            steward.due = self.clock()

    def _send_alert(self, opened: Execution | None, steward: ConnectionSteward, *, run_id: str) -> None:
        """Never raises. A sync that a person or a shutdown interrupted is no news to anybody."""
        connection, failure = steward.connection, steward.failure
        if opened is None or connection is None or steward.is_lost or not steward.has_failed:
            return
        if not isinstance(failure, Exception | None):
            return
        self.alerts.after_sync(
            self.url,
            connection,
            steward.outcome,
            reason=sentences.reason_of(failure, steward.outcome, connection),
            due=steward.due,
            run_id=run_id,
            now=self.clock(),
        )
