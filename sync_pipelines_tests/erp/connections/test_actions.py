"""What people do with connections, from the launchpad and from the command line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.actions import ConnectionActions
from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines_tests.erp.connections.conftest import SERVED, START, Project


def test_auto_sync_off_and_on_leaves_the_rest_of_the_configuration(project: Project) -> None:
    actions = ConnectionActions(project.connection)
    one = project.put(
        sync_config=Jsonb({"modules": ["nfe"], "frequency_hours": 6, "auto_sync": True}), next_sync_at=START
    )
    key = project.row(one).key
    off = f"Auto-sync of {key} is off. A sync that goes on at this moment goes to its end."
    assert actions.auto_sync(key, on=False, now=START) == off
    row = project.row(one)
    assert row.sync_config == {"modules": ["nfe"], "frequency_hours": 6, "auto_sync": False}
    assert row.next_sync_at is None
    assert actions.auto_sync(key, on=False, now=START) == f"Auto-sync of {key} is off already."
    on = actions.auto_sync(str(one), on=True, now=START)
    assert on == f"Auto-sync of {key} is on; its next sync is at 2026-11-23 06:00 UTC."
    assert project.row(one).auto_sync
    assert project.row(one).next_sync_at == START + timedelta(hours=6)
    later = actions.auto_sync(key, on=True, now=START + timedelta(hours=1))
    assert later == f"Auto-sync of {key} is on already; its next sync is at 2026-11-23 06:00 UTC."


def test_auto_sync_of_a_row_without_configuration_or_of_one_that_cannot_be_read(project: Project) -> None:
    actions = ConnectionActions(project.connection)
    empty = project.put(sync_config=Jsonb({}), status="pending")
    assert "Its status is pending" in actions.auto_sync(str(empty), on=True, now=START)
    assert project.row(empty).sync_config == {"auto_sync": True}
    broken = project.put(sync_config=Jsonb([1]))
    with pytest.raises(PermanentError, match="its sync_config is no JSON object; correct it"):
        actions.auto_sync(str(broken), on=False, now=START)
    with pytest.raises(PermanentError, match="No connection has the UUID or key"):
        actions.auto_sync("omie_ffffffff", on=False, now=START)


def test_a_reviewed_connection_is_due_at_once_and_no_success_yet(project: Project) -> None:
    actions = ConnectionActions(project.connection)
    one = project.put()
    project.fail(one, RefusedError("Omie refused the key.", 401))
    assert [row.id for row in actions.waiting()] == [one]
    key = project.row(one).key
    assert actions.reviewed(key, now=START) == f"Connection {key} is reviewed; it is due at once."
    row = project.row(one)
    assert (row.status, row.next_sync_at, row.metadata) == ("error", START, {})
    assert row.status_message == "Revisada: será sincronizada na próxima execução."
    assert actions.waiting() == []
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        assert work.is_due
    assert actions.reviewed(key, now=START) == f"Connection {key} is active: it does not wait for anybody."


def test_a_review_obeys_the_switch_and_the_status(project: Project) -> None:
    actions = ConnectionActions(project.connection)
    off = project.put(auto_sync=False, status="error")
    assert f"`sync-pipelines run erp --connection {off}`" in actions.reviewed(str(off), now=START)
    assert project.row(off).next_sync_at is None
    with pytest.raises(PermanentError, match="is inactive: activate it in the application first"):
        actions.reviewed(str(project.put(status="inactive")), now=START)


def test_sync_now_ignores_time_switch_and_error_but_not_inactive(project: Project) -> None:
    actions = ConnectionActions(project.connection)
    later = START + timedelta(hours=9)
    for one in (project.put(next_sync_at=later), project.put(auto_sync=False), project.put(status="pending")):
        assert not is_due(project.row(one), START, SERVED)
        assert actions.sync_now(str(one), now=START) == f"Connection {project.row(one).key} is due at once."
        assert is_due(project.row(one), START, SERVED)
    with pytest.raises(PermanentError, match="is inactive"):
        actions.sync_now(str(project.put(status="inactive")), now=START)
