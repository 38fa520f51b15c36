"""Gestão Scouter with a Vault and pg_net, written to as the applications write.

| fixture | `public.leads` | Vault | what is installed |
|---|---|---|---|
| `gestao` | 49 columns, the sandbox's own leads | address and secret of the webhook | nothing |
| `announced` | that of `gestao` | that of `gestao` | the webhook's trigger, or the outbox |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

import sync_pipelines.scouter
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.scouter import net
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter
from sync_pipelines.sandbox.vault import make_vault

SQL = Path(sync_pipelines.scouter.__file__).parent / "sql"
ADDRESS = "https://tabuladormax.example.com/sync-from-gestao-scouter"
SECRET = "only-for-this-webhook"
_numbers = count(1)


@dataclass
class Gestao:
    """The database by its owner's connection; writes go by the service's role, which reads no Vault."""

    url: str
    connection: psycopg.Connection[Any]
    warnings: list[str] = field(default_factory=list)

    def run(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: object) -> Any:
        return self.run(query, *values)[0][0]

    def install(self, name: str) -> None:
        self.connection.execute((SQL / f"{name}.sql").read_bytes())

    def as_service(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.connection.transaction():
            self.connection.execute("set local role service_role")
            return self.run(query, *values)

    def edit(self, lead: int, **columns: object) -> None:
        """A change that a person makes in the application."""
        settings = ", ".join(f"{name} = %s" for name in columns)
        self.as_service(f"update leads set {settings} where id = %s", *columns.values(), lead)

    def push(self, lead: int, nome: str, at: str, source: str = "tabuladormax") -> None:
        """Our upsert, as PostgREST writes it."""
        self.as_service(
            "insert into leads (id, nome, sync_source, sync_status, last_sync_at) values (%s, %s, %s, 'synced', %s)"
            " on conflict (id) do update set nome = excluded.nome, sync_source = excluded.sync_source,"
            " sync_status = excluded.sync_status, last_sync_at = excluded.last_sync_at",
            lead,
            nome,
            source,
            at,
        )


@pytest.fixture(scope="session")
def gestao_template(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database("template_gestao_scouter")
    with psycopg.connect(url) as connection:
        build_gestao_scouter(connection)
        net.install(connection)
    make_vault(url, GESTAO_WEBHOOK_URL=ADDRESS, GESTAO_WEBHOOK_SECRET=SECRET)
    return "template_gestao_scouter"


@pytest.fixture
def gestao(postgres_server: PostgresServer, gestao_template: str) -> Iterator[Gestao]:
    name = f"gestao_scouter_{next(_numbers)}"
    url = postgres_server.create_database(name, template=gestao_template)
    with psycopg.connect(url, autocommit=True) as connection:
        made = Gestao(url, connection)
        connection.add_notice_handler(lambda said: made.warnings.append(str(said.message_primary)))
        yield made
    postgres_server.drop_database(name)


@pytest.fixture(params=["webhook_trigger", "outbox"])
def announced(request: pytest.FixtureRequest, gestao: Gestao) -> Callable[[], list[tuple[str, int]]]:
    """Installs one of the two ways; returns what it has announced since the last call: operation and lead."""
    way = str(request.param)
    gestao.install(way)

    def webhook() -> list[tuple[str, int]]:
        queue = "select body from queue order by id"
        taken = gestao.run(f"with queue as (delete from net.http_request_queue returning *) {queue}")
        read = "select convert_from(%s, 'utf8')::jsonb"
        bodies = [gestao.value(read, body) for (body,) in taken]
        return [(body["operation"], body["lead"]["id"]) for body in bodies]

    def outbox() -> list[tuple[str, int]]:
        found = gestao.run("select change_id, operation, lead from sync_read_lead_changes(0)")
        for change, _, _ in found[-1:]:
            gestao.run("select sync_forget_lead_changes(%s)", change)
        return [(operation, lead["id"]) for _, operation, lead in found]

    return {"webhook_trigger": webhook, "outbox": outbox}[way]
