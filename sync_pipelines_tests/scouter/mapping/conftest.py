"""The two lead projects in a real server, and what their columns are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping, default_mapping, validated

_COLUMNS = (
    "select attname, format_type(atttypid, atttypmod) from pg_attribute"
    " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped"
)
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
    return validated(default_mapping(*sides), *sides)
