"""The requirement's monitoring queries as views: what they count, and who may read them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.history import History
from sync_pipelines_tests.migrations.databases import FABRICIO, HITSS, connected, rows, run, wrong

NewDatabase = Callable[[str | None], str]
VIEWS = ("monitor_executions_24h", "monitor_errors_24h", "monitor_hourly_7d", "monitor_health")
EXECUTIONS = """
    insert into automation_executions (status, started_at, completed_at, records_processed) values
        ('failed', now() - interval '1 hour', now(), 0),
        ('failed', now() - interval '3 hours', now(), 0),
        ('running', now() - interval '2 hours', null, 0),
        ('running', now() - interval '1 minute', null, 0),
        ('completed', now() - interval '10 minutes', now() - interval '9 minutes', 100),
        ('completed', now() - interval '2 days', now() - interval '2 days' + interval '30 seconds', 50),
        ('completed', now() - interval '8 days', now() - interval '8 days', 1)
"""


def test_the_health_view_counts_what_failed_and_what_is_stuck(new_database: NewDatabase) -> None:
    url = new_database("hitss")
    assert rows(url, "select sum(count) from monitor_health") == [(0,)]

    run(url, EXECUTIONS)

    assert rows(url, "select type, count, message from monitor_health order by type") == [
        ("FAILED_EXECUTIONS", 1, "1 execuções falharam nas últimas 2 horas"),
        ("STUCK_EXECUTIONS", 1, "1 execuções travadas há mais de 1 hora"),
    ]


def test_the_dashboards_queries_look_back_as_far_as_the_requirement_says(new_database: NewDatabase) -> None:
    url = new_database("fabricio")
    run(
        url,
        EXECUTIONS,
        "insert into system_logs (level, message, created_at) values ('ERROR', 'now', now()),"
        " ('ERROR', 'long ago', now() - interval '25 hours'), ('INFO', 'harmless', now())",
    )

    assert dict(rows(url, "select status, total from monitor_executions_24h")) == {
        "failed": 2,
        "running": 2,
        "completed": 1,
    }
    assert rows(url, "select message from monitor_errors_24h") == [("now",)]
    assert rows(
        url, "select execucoes, media_registros, duracao_media_segundos::integer from monitor_hourly_7d"
    ) == [(1, 100, 60), (1, 50, 30)]


@pytest.mark.parametrize("history", [FABRICIO, HITSS])
def test_a_view_shows_nobody_more_than_the_table_behind_it(
    history: History, new_database: NewDatabase
) -> None:
    url = new_database(history.name)
    run(url, EXECUTIONS)

    with connected(url) as connection:

        def total(role: str, view: str) -> int:
            with connection.transaction(force_rollback=True):
                connection.execute(f"set local role {role}".encode())
                row = connection.execute(f"select count(*) from {view}".encode()).fetchone()
                return int(row[0]) if row else 0

        assert [total("service_role", view) for view in VIEWS] == [3, 0, 2, 2]
        assert total("authenticated", "monitor_executions_24h") == 3
        refused = [("anon", view) for view in VIEWS] + [("authenticated", "monitor_errors_24h")]
        for role, view in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                total(role, view)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("drop view monitor_hourly_7d", "view public.monitor_hourly_7d is missing (read with the rights of"),
        (
            "alter view monitor_errors_24h reset (security_invoker)",
            "view public.monitor_errors_24h is read with the rights of its owner instead of",
        ),
        ("grant select on monitor_health to anon", "anon may select on public.monitor_health, and should do"),
        (
            "revoke select on monitor_health from service_role",
            "service_role may do nothing on public.monitor_health, and should select",
        ),
    ],
)
def test_a_view_that_a_later_hand_changed_is_found_and_put_back(
    damage: str, sentence: str, new_database: NewDatabase
) -> None:
    url = new_database("hitss")
    run(url, damage)
    assert any(found.startswith(sentence) for found in wrong(HITSS, url))

    runner.upgrade(HITSS, url)

    assert wrong(HITSS, url) == []


def test_a_database_from_before_the_views_gets_them(new_database: NewDatabase) -> None:
    url = new_database("fabricio")
    run(
        url,
        *(f"drop view {view}" for view in VIEWS),
        "update sync_private.alembic_version set version_num = '0001'",
        "insert into dre_hitss (execution_id) values ('r')",
    )

    steps = inspection.plan(FABRICIO, url).steps
    assert [step for step in steps if not step.startswith(("grant ", "revoke "))] == [
        *(f"create or replace view public.{view}" for view in VIEWS),
        "record revision 0002 in sync_private.alembic_version",
    ]

    runner.upgrade(FABRICIO, url)
    assert wrong(FABRICIO, url) == []
    assert rows(url, "select count(*) from dre_hitss") == [(1,)]
