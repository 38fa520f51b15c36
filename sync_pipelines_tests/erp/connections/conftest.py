"""A migrated project with connections of one user a connection, their runs on a clock, and the mails that they sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.alerting import ConnectionAlerts
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.execution import ConnectionRuns, ConnectionWork
from sync_pipelines.lib.alerts import Alert
from sync_pipelines.sandbox.erp.database import add_connection

#: Midnight in UTC, as a scheduler starts a run: 21:00 of the day before in Brasília.
START = datetime(2026, 11, 23, 0, 0, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
SERVED = frozenset({"omie", "bling"})
CREDENTIALS = {"app_key": "chave-de-teste-0001", "app_secret": "segredo-de-teste-0001"}


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Project:
    """The database with the connections, their runs, and the mails that they sent."""

    url: str
    ops: str
    connection: psycopg.Connection[Any]
    clock: Clock = field(default_factory=Clock)
    sent: list[Alert] = field(default_factory=list)

    @property
    def runs(self) -> ConnectionRuns:
        alerts = ConnectionAlerts([self._take], ZoneInfo("America/Sao_Paulo"), self.ops)
        return ConnectionRuns(self.url, SERVED, alerts, clock=self.clock)

    @property
    def control(self) -> Control:
        return Control(self.connection)

    def put(
        self,
        erp_type: str = "omie",
        *,
        user_id: UUID | None = None,
        hours: object = 24,
        auto_sync: object = True,
        **columns: Any,
    ) -> UUID:
        """Add a connection, of a new user where none is given."""
        given = {"credentials": CREDENTIALS, **columns}
        given.setdefault("sync_config", Jsonb({"frequency_hours": hours, "auto_sync": auto_sync}))
        return add_connection(self.connection, user_id or uuid4(), erp_type, **given)

    def row(self, connection_id: UUID) -> ErpConnection:
        found = self.control.row(connection_id)
        assert found is not None
        return found

    def set(self, connection_id: UUID, **columns: object) -> None:
        """Change columns as the application's screen does."""
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)
        query = f"update public.erp_connections set {assignments} where id = %(id)s"
        self.connection.execute(query.encode(), {**columns, "id": connection_id})

    def fail(self, connection_id: UUID, error: BaseException, *, only_if_due: bool = False) -> None:
        """A sync that ends with an error."""
        runs = self.runs
        with (
            suppress(type(error)),
            runs.execution(connection_id, run_id="run", only_if_due=only_if_due) as work,
        ):
            assert work.is_due
            raise error

    def logged(self, columns: str = "status::text") -> list[Any]:
        """The columns of every log row, oldest first; values alone when there is one column."""
        query = f"select {columns} from public.erp_sync_logs order by started_at"
        rows = self.connection.execute(query.encode()).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def die(self, work: ConnectionWork) -> None:
        """Lose the session as a killed process does, and wait until the server has freed its locks."""
        assert work.opened is not None
        pid = work.opened.connection.info.backend_pid
        work.opened.connection.close()
        gone = "select not exists (select from pg_locks where pid = %s)"
        while self.connection.execute(gone, (pid,)).fetchone() != (True,):
            pass

    def _take(self, alert: Alert) -> str:
        self.sent.append(alert)
        return "the test"


@pytest.fixture
def project(erp: psycopg.Connection[Any], erp_url: str, ops_url: str) -> Iterator[Project]:
    yield Project(erp_url, ops_url, erp)
