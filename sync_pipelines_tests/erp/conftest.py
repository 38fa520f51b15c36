"""The fixtures of the ERP sync: the project `erp` migrated, an ops database.

| fixture | what is in it at the start of a test |
|---|---|
| `erp` | an owner's connection: all tables of the application, migrated, without rows |
| `ops` | an owner's connection to an empty ops database |
| `erp_url`, `ops_url` | where they are |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.database import build_erp

_numbers = count(1)


@pytest.fixture(scope="session")
def erp_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database without connections."""
    name = "template_erp"
    url = postgres_server.create_database(name)
    with psycopg.connect(url) as connection:
        build_erp(connection)
    runner.upgrade(History("erp"), url)
    return name


@pytest.fixture
def erp_url(postgres_server: PostgresServer, erp_template: str) -> Iterator[str]:
    name = f"erp_{next(_numbers)}"
    yield postgres_server.create_database(name, template=erp_template)
    postgres_server.drop_database(name)


@pytest.fixture
def ops_url(new_database: Callable[[str | None], str]) -> str:
    return new_database("ops")


@pytest.fixture
def erp(erp_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def ops(ops_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(ops_url, autocommit=True) as connection:
        yield connection
