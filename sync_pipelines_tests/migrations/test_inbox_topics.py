"""Revision 0007 of ops: what waited before still waits, as a change of a lead."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.history import OPS
from sync_pipelines.scouter.reverse.inbox import open_lead_inbox


def test_what_waited_before_the_topics_is_still_drained(new_database: Callable[[str | None], str]) -> None:
    url = new_database("ops")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop index ops.inbox_by_topic, ops.inbox_by_key")
        connection.execute("alter table ops.inbox drop column topic, drop column key")
        connection.execute("alter table ops.inbox alter column lead_id set not null")
        connection.execute("insert into ops.inbox (source, lead_id, payload) values ('x', 600005, '{}')")
        connection.execute("update ops.alembic_version set version_num = '0006'")
    assert {
        "add column ops.inbox.key text",
        "create index inbox_by_topic on ops.inbox (topic, status, id)",
        "CREATE INDEX inbox_by_key ON ops.inbox USING btree (topic, COALESCE(key, (lead_id)::text), id)",
    } <= set(inspection.plan(OPS, url).steps)
    for _ in range(2):
        runner.upgrade(OPS, url)
    with open_lead_inbox(url) as inbox:
        assert [row.key for row in inbox.take(most=9, most_bytes=99)] == ["600005"]
