"""Both lead databases in a real server, and the mapping between them.

| fixture | database | `public.leads` |
|---|---|---|
| `source` | TabuladorMax, rolled back after each test | 300 leads, no preset |
| `destination` | Gestão Scouter, rolled back after each test | empty, 49 columns, session in America/Sao_Paulo |
| `mapping` | – | the default mapping of both |
| `presets` | `source` | the presets of the source, none at first |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import validate_mapping
from sync_pipelines.scouter.mapping.presets import Preset, Presets

_COLUMNS = (
    "select attname, format_type(atttypid, atttypmod) from pg_attribute"
    " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped"
)
#: The smallest mapping, and one with a transform.
WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}
PHONE = WHOLE | {"telefone": {"from": ["celular", "telefone_casa"], "transform": "first_non_empty"}}
Database = psycopg.Connection[Any]


@pytest.fixture(scope="session")
def source_url(postgres_server: PostgresServer) -> str:
    """A source with 300 leads."""
    url = postgres_server.create_database("fields_source")
    with psycopg.connect(url) as connection:
        build_tabuladormax(connection, leads=300)
        connection.execute("truncate public.gestao_scouter_field_mappings")
    return url


@pytest.fixture(scope="session")
def destination_url(postgres_server: PostgresServer) -> str:
    """An empty destination of 49 columns."""
    url = postgres_server.create_database("fields_destination")
    with psycopg.connect(url) as connection:
        build_gestao_scouter(connection, local_leads=False, collision=False)
    return url


@pytest.fixture
def source(source_url: str) -> Iterator[Database]:
    """Whatever a test does there is undone."""
    with (
        postgres.connect(source_url, what="TabuladorMax", session=rendering.SESSION) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


@pytest.fixture
def destination(destination_url: str) -> Iterator[Database]:
    """As PostgREST's own sessions are, but in a zone in which nobody would look at UTC."""
    zone = {"TimeZone": "America/Sao_Paulo"}
    with (
        postgres.connect(destination_url, what="Gestão Scouter", session=zone) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


def columns(database: Database) -> dict[str, str]:
    """The types of the columns of leads, by name."""
    return dict(database.execute(_COLUMNS).fetchall())


@pytest.fixture
def mapping(source: Database, destination: Database) -> FieldMapping:
    """The default mapping of the two."""
    sides = columns(source), columns(destination)
    return validate_mapping(default_mapping(*sides), *sides)


@pytest.fixture
def presets(source: Database) -> Presets:
    return Presets(source)


def store_preset(source: Database, name: str, document: Any, is_default: bool | None = None) -> None:
    """A preset as the application's screen writes it."""
    source.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values (%s, %s, %s)",
        [name, Jsonb(document), is_default],
    )


def save_presets(presets: Presets, destination: Database, *made: Preset) -> list[str]:
    return presets.save(made, columns(presets.connection), columns(destination))
