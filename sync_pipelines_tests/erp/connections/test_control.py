"""Rows as the application and people leave them: one that cannot be read keeps no other from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.control import read_connections
from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.erp.connections.mark import NAME
from sync_pipelines.erp.outcome import Module
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines_tests.erp.connections.conftest import CREDENTIALS, SERVED, START, Project


def test_a_row_is_read_as_it_stands(project: Project) -> None:
    user = uuid4()
    one = project.put(user_id=user, hours=6, last_sync_at=START, connection_name="Minha Omie")
    row = project.row(one)
    assert (row.id, row.user_id, row.erp_type, row.name) == (one, user, "omie", "Minha Omie")
    assert (row.status, row.last_sync_at, row.next_sync_at) == ("active", START, None)
    assert (row.credentials, row.frequency.total_seconds() / 3600, row.problem) == (CREDENTIALS, 6, None)
    assert row.key == f"omie_{one.hex[:8]}"
    assert "chave-de-teste" not in repr(row)


@pytest.mark.parametrize("modules", [None, [], ["nfe", "empresa", "estoque"], "nfe", {"nfe": True}])
def test_modules_come_in_their_order_and_all_where_none_can_be_read(
    project: Project, modules: object
) -> None:
    one = project.put(sync_config=Jsonb({"modules": modules}))
    known = (Module.COMPANY, Module.INVOICES) if isinstance(modules, list) and modules else tuple(Module)
    assert project.row(one).modules == known


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"sync_config": Jsonb([])}, "its sync_config is no JSON object"),
        ({"sync_config": Jsonb("auto")}, "its sync_config is no JSON object"),
        ({"sync_config": '{"frequency_hours": ' + "9" * 5000 + "}"}, "its sync_config cannot be read"),
        ({"credentials": "9" * 5000}, "its credentials cannot be read"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_due(
    project: Project, columns: dict[str, Any], problem: str
) -> None:
    good = project.put()
    bad = project.put()
    project.set(bad, **columns)
    assert project.row(bad).problem == problem
    assert [row.id for row in project.control.all() if is_due(row, START, SERVED)] == [good]
    with project.runs.execution(bad, run_id="run", only_if_due=True) as work:
        assert work.outcome.skipped == problem


@pytest.mark.parametrize("found", [Jsonb([1]), Jsonb("texto"), Jsonb(None), None, Jsonb({"a": 1})])
def test_a_mark_joins_whatever_is_in_metadata(project: Project, found: object) -> None:
    one = project.put(metadata=found)
    assert is_due(project.row(one), START, SERVED)
    project.fail(one, TransientError("Omie answered 502."))
    ((kept,),) = project.connection.execute("select metadata from erp_connections").fetchall()
    assert kept.pop(NAME)["cause"] == "transient"
    assert kept in ({}, {"a": 1}, {"previous": [1]}, {"previous": "texto"})
    with project.runs.execution(one, run_id="run"):
        pass
    assert project.connection.execute("select metadata from erp_connections").fetchone() == (kept,)


@pytest.mark.parametrize("moment", ["-infinity", "infinity", "0044-03-15 BC", "294276-01-01Z"])
def test_a_time_that_python_does_not_hold_is_read_as_one_that_it_does(project: Project, moment: str) -> None:
    one = project.put(next_sync_at=moment, last_sync_at=moment, created_at=moment)
    row = project.row(one)
    assert isinstance(row.next_sync_at, datetime)
    is_past = row.next_sync_at < START
    assert is_due(row, START, SERVED) is is_past
    with project.runs.execution(one, run_id="run"):
        pass
    after = project.row(one).next_sync_at
    assert after is not None
    assert after > START
    assert (after == row.next_sync_at) is not is_past


def test_a_connection_is_named_by_its_uuid_or_its_key(project: Project) -> None:
    one = project.put()
    for name in (str(one), one.hex, str(one).upper(), project.row(one).key, f" {project.row(one).key} "):
        assert project.control.named(name).id == one
    with pytest.raises(PermanentError, match="No connection has the UUID or key 'omie'"):
        project.control.named("omie")


def test_a_key_that_two_connections_have_is_refused(project: Project) -> None:
    start = uuid4().hex[:8]
    for rest in (1, 2):
        project.connection.execute(
            "insert into erp_connections (id, user_id, erp_type, connection_name) values (%s, %s, 'omie', 'x')",
            (f"{start}{rest:024x}", uuid4()),
        )
    with pytest.raises(PermanentError, match="the key of 2 connections"):
        project.control.named(f"omie_{start}")


def test_a_failed_read_is_no_empty_list(project: Project) -> None:
    project.connection.execute("alter table erp_connections rename to gone")
    with pytest.raises(SyncError, match="the erp database: relation"):
        read_connections(project.url)
