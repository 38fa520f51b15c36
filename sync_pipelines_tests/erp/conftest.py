"""The fixtures of the ERP sync: the project `erp` migrated, an ops database.

| fixture | what is in it at the start of a test |
|---|---|
| `erp` | an owner's connection: all tables of the application, migrated, without rows |
| `ops` | an owner's connection to an empty ops database |
| `erp_url`, `ops_url` | where they are |
| `syncs` | sessions of syncs over both, for the account that a test makes |
| `installed` | the vendors' fakes, the functions, and the pipeline over all of these, on a clock |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records import open_records
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.database import build_erp
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.installation import Installed, installation

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


@pytest.fixture
def syncs(erp_url: str, ops_url: str, tmp_path: Path) -> Iterator[Syncs]:
    """Sessions over `erp`, with a store below the test's folder."""
    with (
        postgres.connect(erp_url, what="the erp database") as connection,
        open_records(ops_url) as records,
    ):
        yield Syncs(connection, records, tmp_path / "landing")


@pytest.fixture
def installed(erp_url: str, ops_url: str, tmp_path: Path) -> Iterator[Installed]:
    with installation(erp_url, ops_url, tmp_path) as made:
        yield made
