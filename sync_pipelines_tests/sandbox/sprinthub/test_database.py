"""The `oficialmed` database (contract of SprintHub, section 5): its columns, what it was left with, the demo's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sync_pipelines.sandbox.sprinthub.database import add_control
from sync_pipelines.sandbox.sprinthub.demo import EMPTY, LARGE, MIDDLE, PAUSED, SMALL, demo_tenant
from sync_pipelines.sandbox.sprinthub.part import PART

Project = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def demo_url(postgres_server: Any) -> str:
    """The database of a small demo."""
    url: str = postgres_server.create_database("sprinthub_demo")
    [database] = PART.databases
    assert database.build is not None
    with psycopg.connect(url) as connection:
        database.build(connection, {"segment_leads": 250.0})
    return url


@pytest.fixture
def demo(demo_url: str) -> Iterator[Project]:
    with psycopg.connect(demo_url) as connection:
        yield connection


def value(project: Project, query: str) -> Any:
    row = project.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_the_leads_have_80_columns_and_those_that_came_later(demo: Project) -> None:
    columns = demo.execute(
        "select column_name from information_schema.columns where table_name = 'leads' order by ordinal_position"
    ).fetchall()
    assert len(columns) == 86
    assert [name for (name,) in columns[80:]] == [
        *("segmento", "enviado_callix", "data_envio_callix", "callix_id", "status_callix", "id_sprinthub"),
    ]


def test_it_holds_what_the_former_sync_left(demo: Project) -> None:
    leads = value(demo, "select count(*) from api.leads")
    assert 700 < leads < 860
    assert value(demo, "select count(*) from api.leads where firstname is not null") < leads / 10
    assert value(demo, "select count(*) from api.leads where jsonb_typeof(user_access) = 'string'") == leads
    assert value(demo, "select count(*) from api.leads where enviado_callix and callix_id is not null") > 50
    assert value(demo, "select count(*) from api.leads where qualificacao_callix = 'interessado'") > 0
    assert value(demo, "select count(*) from api.leads where segmento is null") == 0
    assert value(demo, "select count(*) from segmento_lead") > 0
    assert value(demo, "select bool_and(status = 'success') from sync_segments_logs") is True


def test_each_segment_has_one_row_of_control_and_is_due(demo: Project) -> None:
    control = demo.execute(
        "select segment_id, status from sync_segments_control where next_execution is null order by segment_id"
    ).fetchall()
    assert control == [
        *((SMALL, "active"), (EMPTY, "active"), (LARGE, "active"), (MIDDLE, "active"), (PAUSED, "paused")),
    ]


def test_whoever_has_the_public_key_can_change_leads(demo: Project) -> None:
    demo.execute("set local role anon")
    assert demo.execute("update api.leads set city = 'x' where id = 2001").rowcount == 1
    demo.rollback()


def test_a_segment_can_stand_there_twice(demo: Project) -> None:
    add_control(demo, SMALL)
    assert value(demo, f"select count(*) from sync_segments_control where segment_id = {SMALL}") == 2
    demo.rollback()


def test_the_demos_tenant_is_the_one_that_the_database_was_made_for(demo: Project) -> None:
    tenant = demo_tenant(250)
    sizes = {segment: len(tenant.visible(segment)) for segment in sorted(tenant.segments)}
    assert sizes == {SMALL: 90, EMPTY: 0, LARGE: 250, MIDDLE: 401, PAUSED: 120}
    assert len(tenant.everybody()) == sum(sizes.values()) - 1
    stored = {lead for (lead,) in demo.execute("select id from api.leads")}
    assert stored < set(tenant.everybody())


def test_a_large_demo_has_the_same_leads_in_the_other_segments() -> None:
    small, large = demo_tenant(250), demo_tenant(2_500)
    for segment in (SMALL, MIDDLE, PAUSED):
        assert small.visible(segment) == large.visible(segment)
