"""The application's two tables as the contract has them (5.3, 5.4), without the uniqueness that they lack; a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.sprinthub.segments.actions import SegmentActions
from sync_pipelines.sprinthub.segments.alerting import SegmentAlerts
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import Control, ControlRow
from sync_pipelines.sprinthub.segments.execution import SegmentRuns

TABLES = """
create table public.sync_segments_control (
    id serial primary key, segment_id integer not null, last_execution timestamptz, next_execution timestamptz,
    status text default 'active', created_at timestamptz default now(), updated_at timestamptz default now()
);
create table public.sync_segments_logs (
    id serial primary key, segment_id integer not null, execution_time timestamptz default now(),
    status text not null, message text, stats jsonb, duration_seconds numeric, success_rate numeric
);
"""
#: Three seconds after the tick, as a scheduler starts a run.
START = datetime(2026, 3, 10, 6, 0, 3, tzinfo=UTC)
TICK = datetime(2026, 3, 11, 6, tzinfo=UTC)
DAILY = Cadence("0 6 * * *", ZoneInfo("UTC"))


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Project:
    """The database with the control table, its runs, and the mails that they sent."""

    url: str
    ops: str
    connection: psycopg.Connection[Any]
    clock: Clock = field(default_factory=Clock)
    sent: list[Alert] = field(default_factory=list)

    @property
    def runs(self) -> SegmentRuns:
        alerts = SegmentAlerts([self._take], ZoneInfo("America/Sao_Paulo"), self.ops)
        return SegmentRuns(self.url, DAILY, alerts, clock=self.clock)

    @property
    def control(self) -> Control:
        return Control(self.connection)

    @property
    def actions(self) -> SegmentActions:
        return SegmentActions(self.connection, DAILY)

    def put(
        self, segment: int, status: str | None = "active", due: object = None, last: object = None
    ) -> None:
        self.connection.execute(
            "insert into sync_segments_control (segment_id, status, next_execution, last_execution)"
            " values (%s, %s, %s, %s)",
            (segment, status, due, last),
        )

    def row(self, segment: int = 7) -> ControlRow:
        found = self.control.row(segment)
        assert found is not None
        return found

    def logged(self, columns: str = "status") -> list[Any]:
        """The columns of every log row, oldest first; values alone when there is one column."""
        query = f"select {columns} from sync_segments_logs order by id"
        rows = self.connection.execute(query.encode()).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def _take(self, alert: Alert) -> str:
        self.sent.append(alert)
        return "the test"


@pytest.fixture
def project(new_database: Callable[[str | None], str]) -> Iterator[Project]:
    url = new_database(None)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        yield Project(url, new_database("ops"), connection)
