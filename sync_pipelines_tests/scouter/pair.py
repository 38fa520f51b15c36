"""TabuladorMax, Gestão Scouter and the ops database, joined by a push that does only what the tests need.

| database | what is in it at the start of a test |
|---|---|
| TabuladorMax (`leads`) | 60 leads, the newest of 2025-10-21 12:00 in Brazil, LEAD among them and NOWHERE not |
| Gestão Scouter (`gestao`) | 49 columns, no leads; `push` brings some there |
| ops | an empty inbox, no last-synced state |
"""

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
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION, body_sql, hash_sql
from sync_pipelines.scouter.reverse.drain import Drain, source_types
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

NEWEST = datetime(2025, 10, 21, 15, tzinfo=UTC)
DESTINATION = "https://gestao.example"
LEAD = 558_028
NOWHERE = 999_999


@dataclass
class Pair:
    """Both sides and what joins them."""

    ops_url: str
    leads_url: str
    ops: psycopg.Connection[Any]
    leads: psycopg.Connection[Any]
    gestao: psycopg.Connection[Any]
    mapping: FieldMapping

    def push(self, *ids: int) -> None:
        """Write these leads there, as the push does, and record their last-synced state."""
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

    def drain(self, at_most: int | None = None, **options: Any) -> DrainReport:
        drain = Drain(
            ops_url=self.ops_url,
            tabuladormax_url=self.leads_url,
            mapping=self.mapping,
            destination=DESTINATION,
        )
        return replace(drain, **options).run("run", at_most=at_most)

    def reverse_sync(self) -> ReverseSync:
        """As the installation has it, with this pair's mapping."""
        return ReverseSync(ops_url=self.ops_url, tabuladormax_url=self.leads_url, push=Push(self.mapping))

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
        """Of these leads those that the push would send: another content or date than their last-synced state."""
        known = {
            row[0]: row[1:]
            for row in self.ops.execute("select lead_id, content_hash, updated_at from ops.lead_exchanges")
        }
        statement = sql.SQL(
            "select id, {}, updated_at from public.leads as lead where id = any(%s) order by id"
        )
        rows = self.leads.execute(statement.format(hash_sql(self.mapping)), [list(ids)]).fetchall()
        return [row[0] for row in rows if known.get(row[0]) != row[1:]]


@dataclass
class Push:
    """A push, and its schema doctor, for which both sides have just the columns of the mapping."""

    mapping: FieldMapping
    destination: str = DESTINATION

    def doctor(self) -> Push:
        return self

    def examine_push(self, _connection: object) -> SchemaReport:
        return SchemaReport(
            mapping=self.mapping,
            verdicts=(),
            suspects=(),
            source_types={},
            destination_columns={},
            suggested_sql=(),
            checked_at=NEWEST,
        )


@pytest.fixture(scope="session")
def shared_pair(postgres_server: PostgresServer, templates: dict[str, str]) -> Iterator[Pair]:
    ops_url = postgres_server.create_database("reverse_ops", template=templates["ops"])
    leads_url, gestao_url = (
        postgres_server.create_database(f"reverse_{side}") for side in ("leads", "gestao")
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
        yield Pair(ops_url=ops_url, leads_url=leads_url, ops=ops, leads=leads, gestao=gestao, mapping=mapping)


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    """Both sides as they were, without any last-synced state."""
    shared_pair.ops.execute("truncate ops.inbox, ops.lead_exchanges")
    shared_pair.gestao.execute("truncate public.leads")
    shared_pair.leads.execute(
        "truncate public.leads, public.sync_events; insert into public.leads select * from kept.leads;"
        " delete from public.commercial_projects where name = 'Seletiva nova'"
    )
    return replace(shared_pair)


def settings_of(pair: Pair, **given: Any) -> Settings:
    values = {
        "scouter_way_back": True,
        "ops_database_url": pair.ops_url,
        "tabuladormax_database_url": pair.leads_url,
        "gestao_scouter_url": DESTINATION,
    }
    return read_settings(None, **(values | given))
