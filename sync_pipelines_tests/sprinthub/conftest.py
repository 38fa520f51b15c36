"""The fixtures of the segments' leads: the CRM on a socket, the project `oficialmed` migrated, an ops database.

| fixture | what is in it at the start of a test |
|---|---|
| `crm` | a tenant without segments, no limit of calls, no faults |
| `oficialmed` | an owner's connection: all tables of the application, migrated, without rows |
| `ops` | an owner's connection to an empty ops database |
| `oficialmed_url`, `ops_url` | where they are |
| `installed` | all of these together, with the pipeline as production builds it |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.sprinthub.database import build_oficialmed
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines_tests.sprinthub.installation import Installed, settings_for

_numbers = count(1)


@pytest.fixture
def crm() -> Iterator[SprinthubFake]:
    with SprinthubFake() as fake:
        yield fake


@pytest.fixture(scope="session")
def oficialmed_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database without leads."""
    name = "template_oficialmed"
    url = postgres_server.create_database(name)
    with psycopg.connect(url) as connection:
        build_oficialmed(connection)
    runner.upgrade(History("oficialmed"), url)
    return name


@pytest.fixture
def oficialmed_url(postgres_server: PostgresServer, oficialmed_template: str) -> Iterator[str]:
    name = f"oficialmed_{next(_numbers)}"
    yield postgres_server.create_database(name, template=oficialmed_template)
    postgres_server.drop_database(name)


@pytest.fixture
def ops_url(new_database: Callable[[str | None], str]) -> str:
    return new_database("ops")


@pytest.fixture
def oficialmed(oficialmed_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(oficialmed_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def ops(ops_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(ops_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def installed(
    crm: SprinthubFake,
    oficialmed: psycopg.Connection[Any],
    ops: psycopg.Connection[Any],
    oficialmed_url: str,
    ops_url: str,
    tmp_path: Path,
) -> Installed:
    return Installed(crm, oficialmed, ops, settings=settings_for(crm, oficialmed_url, ops_url, home=tmp_path))
