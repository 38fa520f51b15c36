"""TabuladorMax, Gestão Scouter and the ops database, joined by a push that is only as good as it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION, body_sql, hash_sql
from sync_pipelines.scouter.reverse.inbox import TOPIC
from sync_pipelines.scouter.reverse.load import Drained, drain, source_types

NEWEST = datetime(2025, 10, 21, 15, tzinfo=UTC)
DESTINATION = "https://gestao.example"
LEAD = 558_028
NOWHERE = 999_999


@dataclass
class Box:
    """Both sides and what joins them."""

    ops_url: str
    leads_url: str
    ops: psycopg.Connection[Any]
    leads: psycopg.Connection[Any]
    gestao: psycopg.Connection[Any]
    mapping: FieldMapping

    def push(self, *ids: int) -> None:
        """Bring these leads over there, as the push does, and record the exchange."""
        stamps = {"sync_source": "tabuladormax", "sync_status": "synced", "last_sync_at": datetime.now(UTC)}
        statement = sql.SQL(
            "select lead.id, {}, {}, lead.updated_at from public.leads as lead where id = any(%(ids)s)"
        )
        rows = self.leads.execute(
            statement.format(body_sql(self.mapping), hash_sql(self.mapping)), {"ids": list(ids), **stamps}
        ).fetchall()
        for number, body, content_hash, version in rows:
            self.gestao.execute("delete from public.leads where id = %s", [number])
            self.gestao.execute(
                "insert into public.leads select * from jsonb_populate_record(null::public.leads, %s)",
                [Jsonb(json.loads(body))],
            )
            self.ops.execute(
                "insert into ops.lead_exchanges (destination, lead_id, content_hash, updated_at, direction, run_id)"
                " values (%s, %s, %s, %s, 'pushed', 'push') on conflict (destination, lead_id) do update"
                " set content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = 'pushed'",
                [DESTINATION, number, content_hash, version],
            )

    def there(self, number: int = LEAD) -> dict[str, Any]:
        """The lead as Gestão Scouter would announce it."""
        row = self.gestao.execute(
            "select to_jsonb(l) from public.leads as l where id = %s", [number]
        ).fetchone()
        assert row is not None
        return dict(row[0])

    def here(self, number: int = LEAD) -> dict[str, Any]:
        row = self.leads.execute(
            "select to_jsonb(l) from public.leads as l where id = %s", [number]
        ).fetchone()
        assert row is not None
        return dict(row[0])

    def edited(self, number: int = LEAD, **fields: Any) -> dict[str, Any]:
        """The lead as it is announced after somebody changed it there, later than anything here."""
        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        return self.there(number) | {"sync_source": "gestao_scouter", "updated_at": later} | fields

    def receive(self, *leads: dict[str, Any], source: str = "gestaoscouter", key: str = "lead") -> None:
        Inbox(self.ops, TOPIC).add_many(
            Arrival(str(lead["id"]), source, json.dumps({key: lead, "source": "gestao_scouter"}))
            for lead in leads
        )

    def drain(self, **options: Any) -> Drained:
        options = {"destination": DESTINATION, "run_id": "run", "mapping": self.mapping} | options
        return drain(self.ops_url, self.leads_url, **options)

    @property
    def decided(self) -> list[tuple[str, str | None]]:
        return self.ops.execute("select status, reason from ops.inbox order by id").fetchall()

    @property
    def events(self) -> list[tuple[Any, ...]]:
        return self.leads.execute(
            "select event_type, direction, lead_id, status, error_message, fields_synced_count"
            " from public.sync_events order by created_at, lead_id"
        ).fetchall()

    def would_push(self, *ids: int) -> list[int]:
        """Of these leads those that the push would send: another content or date than at their last exchange."""
        known = {
            row[0]: row[1:]
            for row in self.ops.execute("select lead_id, content_hash, updated_at from ops.lead_exchanges")
        }
        statement = sql.SQL(
            "select id, {}, updated_at from public.leads as lead where id = any(%s) order by id"
        )
        rows = self.leads.execute(statement.format(hash_sql(self.mapping)), [list(ids)]).fetchall()
        return [row[0] for row in rows if known.get(row[0]) != row[1:]]


@pytest.fixture(scope="session")
def shared_box(postgres_server: PostgresServer, templates: dict[str, str]) -> Iterator[Box]:
    ops_url = postgres_server.create_database("way_back_ops", template=templates["ops"])
    leads_url, gestao_url = (
        postgres_server.create_database(f"way_back_{side}") for side in ("leads", "gestao")
    )
    with ExitStack() as stack:
        ops, leads, gestao = (
            stack.enter_context(psycopg.connect(url, autocommit=True))
            for url in (ops_url, leads_url, gestao_url)
        )
        build_tabuladormax(leads, leads=60, newest=NEWEST)
        leads.execute("create schema kept; create table kept.leads as select * from public.leads")
        build_gestao_scouter(gestao, local_leads=False, collision=False)
        for connection in (leads, gestao):
            for name, value in SESSION.items():
                connection.execute("select set_config(%s, %s, false)", [name, value])
        mapping = default_mapping(source_types(leads), source_types(gestao))
        yield Box(ops_url=ops_url, leads_url=leads_url, ops=ops, leads=leads, gestao=gestao, mapping=mapping)


@pytest.fixture
def box(shared_box: Box) -> Box:
    """Both sides as they were, and nothing known of an exchange."""
    shared_box.ops.execute("truncate ops.inbox, ops.lead_exchanges")
    shared_box.gestao.execute("truncate public.leads")
    shared_box.leads.execute(
        "truncate public.leads, public.sync_events; insert into public.leads select * from kept.leads;"
        " delete from public.commercial_projects where name = 'Seletiva nova'"
    )
    return replace(shared_box)
