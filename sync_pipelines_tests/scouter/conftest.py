"""The fixtures of the lead push and of the reverse sync; each module begins with the table that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax
from sync_pipelines_tests.scouter.control_tables import control_plane, control_plane_database
from sync_pipelines_tests.scouter.gestao_scouter import announced, gestao, gestao_template
from sync_pipelines_tests.scouter.installation import Installation, open_installation
from sync_pipelines_tests.scouter.pair import pair, shared_pair
from sync_pipelines_tests.scouter.schemas import alterable, client, fitting, new_postgrest, shared_fitting
from sync_pipelines_tests.scouter.two_way import two_way

__all__ = [
    "alterable",
    "announced",
    "client",
    "control_plane",
    "control_plane_database",
    "fitting",
    "gestao",
    "gestao_template",
    "new_postgrest",
    "pair",
    "shared_fitting",
    "shared_pair",
    "two_way",
]
_numbers = count(1)


@pytest.fixture(scope="session")
def push_templates(postgres_server: PostgresServer) -> dict[str, str]:
    """Names of template databases: a migrated source without leads, a destination of 49 columns without leads."""
    names = {"tab": "template_push_tab", "gestao": "template_push_gestao"}
    url = postgres_server.create_database(names["tab"])
    with psycopg.connect(url) as connection:
        build_tabuladormax(connection, leads=0)
    runner.upgrade(History("tabuladormax"), url)
    with psycopg.connect(postgres_server.create_database(names["gestao"])) as connection:
        build_gestao_scouter(connection, local_leads=False, collision=False)
    return names


@pytest.fixture(scope="session")
def push_ops(postgres_server: PostgresServer, templates: dict[str, str]) -> str:
    """The URL of one ops database for all installations: each empties it, which is quicker than a new one."""
    return postgres_server.create_database("push_ops", template=templates["ops"])


@pytest.fixture(scope="session")
def left_databases() -> list[str]:
    """Databases of earlier installations: the next one drops them, when their sessions have really ended."""
    return []


@pytest.fixture
def installation(
    postgres_server: PostgresServer, push_ops: str, push_templates: dict[str, str], left_databases: list[str]
) -> Iterator[Installation]:
    postgres_server.drop_database(*left_databases)
    left_databases.clear()
    number = next(_numbers)
    urls = {
        side: postgres_server.create_database(f"push_{side}_{number}", template=template)
        for side, template in push_templates.items()
    }
    with open_installation(urls["tab"], urls["gestao"], push_ops) as installation:
        _empty(installation.ops, "ops")
        yield installation
    left_databases += [f"push_{side}_{number}" for side in urls]


def _empty(connection: psycopg.Connection[Any], schema: str) -> None:
    tables = connection.execute("select tablename from pg_tables where schemaname = %s", [schema]).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(schema, name) for (name,) in tables)
    connection.execute(sql.SQL("truncate {} restart identity").format(names))
