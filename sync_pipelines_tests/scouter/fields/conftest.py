"""The two lead projects in a real server, and what their columns are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.sandbox.postgres import PostgresServer
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines.scouter.fields import rendering
from sync_pipelines.scouter.fields.mapping import Mapping, default_mapping, validated

_numbers = count(1)
_COLUMNS = (
    "select attname, format_type(atttypid, atttypmod) from pg_attribute"
    " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped"
)
Database = psycopg.Connection[Any]


@pytest.fixture(scope="session")
def lead_templates(postgres_server: PostgresServer) -> dict[str, str]:
    """Names of template databases: a source with 300 leads, an empty destination of 49 columns."""
    with psycopg.connect(postgres_server.create_database("template_doctor_source")) as connection:
        build_tabuladormax(connection, leads=300)
    with psycopg.connect(postgres_server.create_database("template_doctor_destination")) as connection:
        build_gestao_scouter(connection, local_leads=False, collision=False)
    return {"source": "template_doctor_source", "destination": "template_doctor_destination"}


@pytest.fixture
def new_lead_database(
    postgres_server: PostgresServer, lead_templates: dict[str, str]
) -> Iterator[Callable[[str], str]]:
    """Make a `source` or a `destination`; returns its URL. All are dropped at the end."""
    made: list[str] = []

    def make(side: str) -> str:
        made.append(f"doctor_{side}_{next(_numbers)}")
        return postgres_server.create_database(made[-1], template=lead_templates[side])

    yield make
    for name in made:
        postgres_server.drop_database(name)


@pytest.fixture
def source_url(new_lead_database: Callable[[str], str]) -> str:
    return new_lead_database("source")


@pytest.fixture
def destination_url(new_lead_database: Callable[[str], str]) -> str:
    return new_lead_database("destination")


@pytest.fixture
def source(source_url: str) -> Iterator[Database]:
    with postgres.connect(source_url, what="TabuladorMax", session=rendering.SESSION) as connection:
        yield connection


@pytest.fixture
def destination(destination_url: str) -> Iterator[Database]:
    """As PostgREST's own sessions are, but in a zone in which nobody would look at UTC."""
    zone = {"TimeZone": "America/Sao_Paulo"}
    with postgres.connect(destination_url, what="Gestão Scouter", session=zone) as connection:
        yield connection


def columns(database: Database) -> dict[str, str]:
    """The types of the columns of leads, by name."""
    return dict(database.execute(_COLUMNS).fetchall())


@pytest.fixture
def mapping(source: Database, destination: Database) -> Mapping:
    """The default mapping of the two."""
    sides = columns(source), columns(destination)
    return validated(default_mapping(*sides), *sides)
