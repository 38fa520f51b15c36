"""Both lead projects and a PostgREST, for the tests of the schemas.

| fixture | TabuladorMax | Gestão Scouter | what a test may change |
|---|---|---|---|
| `fitting` | migrated, no leads, no presets | 49 columns, no leads, shared | settings, presets, faults of PostgREST |
| `alterable` | that of `fitting` | 49 columns, no leads, its own | the schema too |
| `client` | – | a client of that of `fitting` | – |
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.schema.doctor import SchemaDoctor
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines_tests.scouter.installation import Installation, open_installation

_numbers = count(1)


@pytest.fixture(scope="session")
def shared_fitting(
    postgres_server: PostgresServer, templates: dict[str, str], push_templates: dict[str, str]
) -> Iterator[Installation]:
    wanted = {"tab": push_templates["tab"], "gestao": push_templates["gestao"], "ops": templates["ops"]}
    urls = {
        side: postgres_server.create_database(f"fitting_{side}", template=template)
        for side, template in wanted.items()
    }
    with open_installation(urls["tab"], urls["gestao"], urls["ops"]) as installation:
        yield installation


@pytest.fixture
def fitting(shared_fitting: Installation) -> Iterator[Installation]:
    """Both sides fit, nothing is known yet, and no fault is on."""
    shared_fitting.ops.execute("truncate ops.schema_reports")
    shared_fitting.tab.execute("truncate public.gestao_scouter_field_mappings")
    yield replace(shared_fitting)
    shared_fitting.postgrest.reload_polls = 0
    shared_fitting.postgrest.clear()


@pytest.fixture
def alterable(
    fitting: Installation, postgres_server: PostgresServer, push_templates: dict[str, str]
) -> Iterator[Installation]:
    """The fitting with a destination and a PostgREST of its own, whose schema may be changed."""
    name = f"alterable_{next(_numbers)}"
    url = postgres_server.create_database(name, template=push_templates["gestao"])
    with PostgrestFake(url) as postgrest, psycopg.connect(url, autocommit=True) as gestao:
        installation = replace(fitting, postgrest=postgrest, gestao=gestao)
        installation.use(
            gestao_scouter_url=postgrest.url, gestao_scouter_service_key=SecretStr(postgrest.service_key)
        )
        yield installation
    postgres_server.drop_database(name)


@pytest.fixture
def client(fitting: Installation) -> Iterator[PostgrestClient]:
    with fitting.push.destination.client() as made:
        yield made


@pytest.fixture
def new_postgrest() -> Iterator[Callable[..., PostgrestFake]]:
    """Serve a database by another fake PostgREST."""
    with ExitStack() as stack:

        def make(connection: psycopg.Connection[Any], **options: Any) -> PostgrestFake:
            return stack.enter_context(PostgrestFake(url_of(connection), **options))

        yield make


def url_of(connection: psycopg.Connection[Any]) -> str:
    info = connection.info
    password = f":{info.password}" if info.password else ""
    return f"postgresql://{info.user}{password}@{info.host}:{info.port}/{info.dbname}"


def served_by(installation: Installation, postgrest: PostgrestFake) -> SchemaDoctor:
    installation.use(
        gestao_scouter_url=postgrest.url, gestao_scouter_service_key=SecretStr(postgrest.service_key)
    )
    return installation.push.doctor()


def found(report: SchemaReport, *levels: str) -> dict[str, str]:
    """The rules by column, of these levels."""
    return {one.field: one.rule for one in report.verdicts if one.level in (levels or ("error",))}


@dataclass
class Clock:
    now: datetime = datetime(2025, 10, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def token(**payload: object) -> str:
    parts = ({"alg": "HS256"}, payload)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
        + ".x"
    )
