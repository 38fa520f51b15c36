"""TabuladorMax, Gestão Scouter and the ops database, joined by the real push and the real drain.

| database | what is in it at the start of a test |
|---|---|
| TabuladorMax (`leads`) | 60 leads, the newest of 2025-10-21 12:00 in Brazil, LEAD among them and NOWHERE not |
| Gestão Scouter (`gestao`) | 49 columns, no leads, served by `postgrest`; `push` brings some there |
| ops | an empty inbox, no last-synced state |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines.scouter.lead import TOPIC, Position
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION
from sync_pipelines.scouter.probe import no_probe
from sync_pipelines.scouter.push.batch import Stage
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.parts import PushParts
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.reverse.inbox_drain import InboxDrain
from sync_pipelines.scouter.reverse.live_columns import source_types
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

NEWEST = datetime(2025, 10, 21, 15, tzinfo=UTC)
LEAD = 558_028
NOWHERE = 999_999
_TABLES = {
    "ops": "ops.inbox, ops.lead_exchanges, ops.page_writes",
    "gestao": "public.leads",
    "leads": "public.leads, public.sync_events, sync_private.lead_conflicts, sync_private.leads_merged",
}


@dataclass
class Pair:
    """Both sides and what joins them, by their owners' connections. `mapping` is the default one."""

    ops_url: str
    leads_url: str
    ops: psycopg.Connection[Any]
    leads: psycopg.Connection[Any]
    gestao: psycopg.Connection[Any]
    postgrest: PostgrestFake
    mapping: FieldMapping

    @property
    def lead_push(self) -> LeadPush:
        """The push of this installation, which waits for nobody."""
        return replace(LeadPush.from_settings(settings_of(self), sleep=lambda _seconds: None), wait_seconds=0)

    @property
    def destination(self) -> str:
        return self.lead_push.destination.label

    def push(self, *ids: int, probe: Callable[[Any], object] = no_probe, **client: Any) -> list[int]:
        """Send those of these leads that need it, as a push does, and prove them; which were accepted.

        `probe` is called at the drain's moments, and when the leads were `looked` at, `sent` and `proved`.
        """
        push, sent = replace(self.lead_push, probe=probe), list[int]()
        push = replace(
            push, destination=replace(push.destination, options={**push.destination.options, **client})
        )
        with ExitStack() as stack:
            ops = stack.enter_context(push.alone())
            source = stack.enter_context(push.source())
            there = stack.enter_context(push.destination.client())
            report = replace(push.doctor().examine(self.mapping), mapping=self.mapping)
            parts = PushParts(push, stack, report, client=there, ops=ops, run_id="push")
            if drain := parts.drain(ops, source):
                drain.settle()
            reader = parts.reader(source)
            batcher = parts.batcher(reader, PushOptions())
            prover = parts.prover(batcher.last_synced)
            for batch in batcher.batches([Position(None, one) for one in ids], lambda _: Stage("forward")):
                probe("looked")
                outcome = Sender(there, self.mapping.columns).send(batch)
                probe("sent")
                found = prover.prove(outcome.accepted)
                probe("proved")
                assert (outcome.rejected, found.holds) == ([], True), found.sentence()
                sent += [lead.id for lead in outcome.accepted]
        return sorted(sent)

    def there(self, number: int = LEAD) -> dict[str, Any]:
        """The lead as Gestão Scouter announces it."""
        return _row(self.gestao, number)

    def here(self, number: int = LEAD) -> dict[str, Any]:
        return _row(self.leads, number)

    def edit(self, number: int = LEAD, **columns: Any) -> None:
        """A change in TabuladorMax, whose own trigger dates it."""
        _update(self.leads, number, columns)

    def edit_there(self, number: int = LEAD, **columns: Any) -> dict[str, Any]:
        """A change in Gestão Scouter, whose application dates it; the row as it is announced."""
        _update(self.gestao, number, {"updated_at": datetime.now(UTC), **columns})
        return self.there(number)

    def announced(self, number: int = LEAD, **fields: Any) -> dict[str, Any]:
        """The lead as it would be announced with these fields, which its row does not have."""
        return self.there(number) | {"updated_at": datetime.now(UTC).isoformat()} | fields

    def receive(self, *leads: dict[str, Any], source: str = "gestaoscouter", key: str = "lead") -> None:
        Inbox(self.ops, TOPIC).add_many(
            Arrival(str(lead["id"]), source, json.dumps({key: lead, "source": "gestao_scouter"}))
            for lead in leads
        )

    def inbox_drain(self) -> InboxDrain:
        push = self.lead_push
        return InboxDrain(
            ops_url=self.ops_url,
            tabuladormax_url=self.leads_url,
            mapping=self.mapping,
            destination=push.destination.label,
            client_factory=push.destination.client,
        )

    def drain(self, at_most: int | None = None, **options: Any) -> DrainReport:
        return replace(self.inbox_drain(), **options).run("run", at_most=at_most)

    def apart(self, number: int = LEAD) -> list[str]:
        """The fields in which the two sides of a lead differ."""
        with self.inbox_drain().open("look") as drain:
            read, ids = drain.statements.fields.read, {"ids": [number]}
            (((_, there, _),), _) = drain.row_hashes(drain.rows([number]))
            (here, *_) = drain.leads.execute(drain.statements.lock_leads, ids).fetchall()
        mine, theirs = read(here[1]), read(there)
        return [name for name, value in mine.items() if theirs[name] != value]

    def reverse_sync(self) -> ReverseSync:
        """As the installation has it."""
        return ReverseSync.from_settings(settings_of(self), push=self.lead_push)

    @property
    def decided(self) -> list[tuple[str, str | None]]:
        return self.ops.execute("select status, reason from ops.inbox order by id").fetchall()

    @property
    def events(self) -> list[tuple[Any, ...]]:
        """What the drain wrote into the audit trail."""
        return self.leads.execute(
            "select event_type, direction, lead_id, status, error_message, fields_synced_count"
            " from public.sync_events order by created_at, lead_id"
        ).fetchall()

    @property
    def conflicts(self) -> list[tuple[Any, ...]]:
        return self.leads.execute(
            "select lead_id, field, here_value, there_value, kept, reason from sync_private.lead_conflicts order by id"
        ).fetchall()


def _row(connection: psycopg.Connection[Any], number: int) -> dict[str, Any]:
    row = connection.execute("select to_jsonb(l) from public.leads as l where id = %s", [number]).fetchone()
    assert row is not None
    return dict(row[0])


def _update(connection: psycopg.Connection[Any], number: int, columns: dict[str, Any]) -> None:
    changes = (sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns)
    statement = sql.SQL("update public.leads set {} where id = {}")
    connection.execute(statement.format(sql.SQL(", ").join(changes), sql.Literal(number)), columns)


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
        runner.upgrade(History("tabuladormax"), leads_url)
        build_gestao_scouter(gestao, local_leads=False, collision=False)
        for connection in (leads, gestao):
            for name, value in SESSION.items():
                connection.execute("select set_config(%s, %s, false)", [name, value])
        yield Pair(
            ops_url=ops_url,
            leads_url=leads_url,
            ops=ops,
            leads=leads,
            gestao=gestao,
            postgrest=stack.enter_context(PostgrestFake(gestao_url)),
            mapping=default_mapping(source_types(leads), source_types(gestao)),
        )


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    """Both sides as they were, without any last-synced state."""
    for side, tables in _TABLES.items():
        getattr(shared_pair, side).execute(f"truncate {tables}")
    shared_pair.leads.execute(
        "insert into public.leads select * from kept.leads;"
        " delete from public.commercial_projects where name = 'Seletiva nova'"
    )
    shared_pair.postgrest.clear()
    return replace(shared_pair)


def settings_of(pair: Pair, **given: Any) -> Settings:
    values = {
        "scouter_way_back": True,
        "ops_database_url": pair.ops_url,
        "tabuladormax_database_url": pair.leads_url,
        "gestao_scouter_url": pair.postgrest.url,
        "gestao_scouter_service_key": pair.postgrest.service_key,
    }
    return read_settings(None, **(values | given))
