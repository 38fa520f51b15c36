"""A project's database with its run log, rows that dead processes left in it, and alerts that are kept."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.alerts import Alert
from sync_pipelines.lib.records.orphaned_runs import WatchedProject


@pytest.fixture
def project(new_database: Callable[[str | None], str]) -> WatchedProject:
    return WatchedProject(
        system="hitss", what="the fabricio database", url=new_database("fabricio"), run_log=EXECUTIONS
    )


def leave_open(project: WatchedProject, age: str, engine: str | None) -> str:
    """A row that says `running` and whose lock nobody holds."""
    with psycopg.connect(project.url, autocommit=True) as connection:
        row = connection.execute(
            "insert into automation_executions (status, started_at, execution_details)"
            " values ('running', now() - %s::interval, jsonb_strip_nulls(jsonb_build_object("
            "'engine', %s::text, 'run_id', 'dead'))) returning id::text",
            (age, engine),
        ).fetchone()
    assert row is not None
    return str(row[0])


def states(project: WatchedProject) -> dict[str, str]:
    with psycopg.connect(project.url) as connection:
        return dict(connection.execute("select id::text, status from automation_executions").fetchall())


def tick(sensor: dg.SensorDefinition) -> str:
    """What a sensor that requests nothing says."""
    with dg.DagsterInstance.ephemeral() as instance:
        answer = sensor(dg.build_sensor_context(instance=instance))
    if isinstance(answer, dg.SensorResult):
        answer = answer.skip_reason
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sync_pipelines.alerts"]


def collect(sent: list[Alert]) -> Callable[[Alert], str]:
    """A channel that takes everything."""

    def take(alert: Alert) -> str:
        sent.append(alert)
        return "the test"

    return take
