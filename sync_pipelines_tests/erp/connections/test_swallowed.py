"""Triggers of the application that swallow or alter what a sync says of itself: no success, and a mail."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.connections.log import automatic_since, newest_rows
from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.erp.connections.conftest import START, Project

ALTERATIONS = {
    "erp_sync_logs": [
        "return null",
        "new.status = 'cancelled'",
        "new.records_synced = 7",
        "new.completed_at = null",
    ],
    "erp_connections": [
        "return null",
        "new.status = 'pending'",
        "new.next_sync_at = null",
        "new.status_message = ''",
    ],
}


def alter(project: Project, table: str, does: str, *, deferred: bool = False, on: str = "update") -> None:
    """What `does` says happens to the rows that the trigger lets through."""
    project.connection.execute(
        f"create function alters() returns trigger language plpgsql as $$ begin {does}; return new; end $$".encode()
    )
    project.connection.execute(
        f"create trigger alters before {on} on {table} for each row execute function alters()".encode()
    )


@pytest.mark.parametrize(("table", "does"), [(one, does) for one, all in ALTERATIONS.items() for does in all])
def test_an_end_that_is_swallowed_or_altered_is_an_error_with_a_mail(
    project: Project, table: str, does: str
) -> None:
    one = project.put()
    with pytest.raises(SyncError, match="not what was written"), project.runs.execution(one, run_id="r"):
        alter(project, table, f"if new.status <> 'running' then {does}; end if" if "logs" in table else does)
    assert len(project.sent) == 1
    assert project.row(one).last_sync_at is None


def test_an_end_that_a_deferred_trigger_alters_is_an_error(project: Project) -> None:
    one = project.put()
    project.connection.execute(
        "create function alters() returns trigger language plpgsql as $$ begin"
        " update public.erp_sync_logs set records_synced = 7 where id = new.id and records_synced <> 7; return null;"
        " end $$"
    )
    project.connection.execute(
        "create constraint trigger alters after update on erp_sync_logs deferrable initially deferred"
        " for each row when (new.status <> 'running') execute function alters()"
    )
    with pytest.raises(SyncError, match="not what was written"), project.runs.execution(one, run_id="r"):
        pass


def test_a_row_that_is_swallowed_at_the_start_begins_nothing_and_is_said(project: Project) -> None:
    one = project.put()
    alter(project, "erp_sync_logs", "return null", on="insert")
    with pytest.raises(SyncError, match="does not keep a new row"), project.runs.execution(one, run_id="r"):
        raise AssertionError
    assert len(project.sent) == 1


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20225-01-01", "0044-01-01 BC"])
def test_times_that_python_does_not_hold_hide_no_row(project: Project, moment: str) -> None:
    one, two = project.put(), project.put()
    for each in (one, two):
        with project.runs.execution(each, run_id="r", only_if_due=True):
            pass
    project.connection.execute(
        "update erp_sync_logs set started_at = %s, completed_at = %s where connection_id = %s",
        (moment, moment, one),
    )
    project.set(one, created_at=moment)
    assert {row.id for row in project.control.all()} == {one, two}
    assert set(newest_rows(project.connection)) == {one, two}
    assert two in {row.connection_id for row in automatic_since(project.connection, START)}
