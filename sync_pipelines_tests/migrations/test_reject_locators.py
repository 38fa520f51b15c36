"""Revision 0006 of ops: rejects of before get a locator, and old queries still find their columns."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS

OLD_REJECT = (
    "insert into ops.rejects (asset, run_id, source_row, column_name, value, rule, reason, raw)"
    " values ('hitss/dre_lines', 'old', 12, 'Valor', '1.234,56', 'amount', 'no number', '{}')"
)


def test_old_rejects_get_a_locator_and_keep_row_and_column(new_database: Callable[[str | None], str]) -> None:
    url = new_database("ops")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table ops.rejects drop column locator")
        connection.execute("alter table ops.rejects alter column source_row set not null")
        connection.execute(OLD_REJECT)
        connection.execute("update ops.alembic_version set version_num = '0005'")
    for _ in range(2):
        runner.upgrade(OPS, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(OLD_REJECT)  # a process of the old version that is still at work
        found = connection.execute("select locator, source_row, column_name from ops.rejects order by id")
        assert found.fetchall() == [({"row": 12, "column": "Valor"}, 12, "Valor"), ({}, 12, "Valor")]
