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
from sync_pipelines_tests.scouter.house import LeadHouse, opened_house

_numbers = count(1)


@pytest.fixture(scope="session")
def shared_fitting(
    postgres_server: PostgresServer, templates: dict[str, str], push_templates: dict[str, str]
) -> Iterator[LeadHouse]:
    wanted = {"tab": push_templates["tab"], "gestao": push_templates["gestao"], "ops": templates["ops"]}
    urls = {
        side: postgres_server.create_database(f"fitting_{side}", template=template)
        for side, template in wanted.items()
    }
    with opened_house(urls["tab"], urls["gestao"], urls["ops"]) as house:
        yield house


@pytest.fixture
def fitting(shared_fitting: LeadHouse) -> Iterator[LeadHouse]:
    """Both sides fit, nothing is known yet, and no fault is on."""
    shared_fitting.ops.execute("truncate ops.schema_reports")
    shared_fitting.tab.execute("truncate public.gestao_scouter_field_mappings")
    yield replace(shared_fitting)
    shared_fitting.face.reload_polls = 0
    shared_fitting.face.clear()


@pytest.fixture
def alterable(
    fitting: LeadHouse, postgres_server: PostgresServer, push_templates: dict[str, str]
) -> Iterator[LeadHouse]:
    """The fitting with a destination and a face of its own, whose schema may be changed."""
    name = f"alterable_{next(_numbers)}"
    url = postgres_server.create_database(name, template=push_templates["gestao"])
    with PostgrestFake(url) as face, psycopg.connect(url, autocommit=True) as gestao:
        house = replace(fitting, face=face, gestao=gestao)
        house.use(gestao_scouter_url=face.url, gestao_scouter_service_key=SecretStr(face.service_key))
        yield house
    postgres_server.drop_database(name)


@pytest.fixture
def client(fitting: LeadHouse) -> Iterator[PostgrestClient]:
    with fitting.push.client(fitting.settings) as made:
        yield made


@pytest.fixture
def new_face() -> Iterator[Callable[..., PostgrestFake]]:
    """Serve a database by another face."""
    with ExitStack() as stack:

        def make(connection: psycopg.Connection[Any], **options: Any) -> PostgrestFake:
            return stack.enter_context(PostgrestFake(url_of(connection), **options))

        yield make


def url_of(connection: psycopg.Connection[Any]) -> str:
    info = connection.info
    password = f":{info.password}" if info.password else ""
    return f"postgresql://{info.user}{password}@{info.host}:{info.port}/{info.dbname}"


def served_by(house: LeadHouse, face: PostgrestFake) -> SchemaDoctor:
    house.use(gestao_scouter_url=face.url, gestao_scouter_service_key=SecretStr(face.service_key))
    return house.push.doctor()


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
