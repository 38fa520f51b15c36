"""One embedded server a test session, databases copied from migrated templates, the fake HITSS on a socket."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import hypothesis
import psycopg
import pytest

from sync_pipelines.hitss.dre.extract import export_client
from sync_pipelines.hitss.dre.landed_workbook import parsed_file
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.redaction import REDACTOR
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.aimindset.database import Lineage, build
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

# A test says what is true, not how long it took: the machine may be busy.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

#: The day on which the tests play: the export's newest month is August, closed months end in May.
TODAY = datetime(2025, 8, 20, 12, tzinfo=UTC)
MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes: two workers' servers stay under a quarter of it
ROLES = ("anon", "authenticated", "service_role")
_numbers = count(1)
NewProject = Callable[..., str]


@pytest.fixture(autouse=True)
def no_secrets_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user name that one test registers as a secret must not mask a word in the next one's sentences."""
    monkeypatch.setattr(REDACTOR, "_secrets", frozenset())
    monkeypatch.setattr(REDACTOR, "_pattern", None)


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where it has room: a database is made there in a quarter of the time that a disk takes."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield tmp_path_factory.mktemp("postgres")
        return
    with TemporaryDirectory(prefix="sync_pipelines_tests_", dir=MEMORY, ignore_cleanup_errors=True) as home:
        yield Path(home)


@pytest.fixture(scope="session")
def instance_template(server_home: Path) -> Path:
    """The folder of a Dagster instance without runs: to migrate one takes three times as long as to copy it."""
    folder = server_home / "dagster"
    folder.mkdir()
    with dg.instance_for_test(temp_dir=str(folder), set_dagster_home=False) as made:
        made.get_runs()
    return folder


@pytest.fixture
def instance_in_folder(server_home: Path, instance_template: Path) -> Iterator[dg.DagsterInstance]:
    """An instance that opens by reference, as a tick that requests partitions does; in memory where it can be."""
    with TemporaryDirectory(dir=server_home) as home:
        shutil.copytree(instance_template, home, dirs_exist_ok=True)
        with dg.instance_for_test(temp_dir=home, set_dagster_home=False) as made:
            yield made


@pytest.fixture(scope="session")
def postgres_server(server_home: Path) -> Iterator[PostgresServer]:
    with PostgresServer(server_home / "server", durable=False) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for role in ROLES:
                bypass = "bypassrls" if role == "service_role" else ""
                connection.execute(f"create role {role} nologin {bypass}")
        yield server


@pytest.fixture(scope="session")
def templates(postgres_server: PostgresServer) -> dict[str, str]:
    """Names of the migrated template databases, by history."""
    histories = (History("fabricio"), History("hitss"), OPS)
    for history in histories:
        runner.upgrade(history, postgres_server.create_database(f"template_{history.name}"))
    return {history.name: f"template_{history.name}" for history in histories}


@pytest.fixture
def new_database(
    postgres_server: PostgresServer, templates: dict[str, str]
) -> Iterator[Callable[[str | None], str]]:
    """Make a database, empty or from a history's template; returns its URL. All are dropped at the end."""
    made: list[str] = []

    def make(history: str | None = None) -> str:
        made.append(f"test_{next(_numbers)}")
        return postgres_server.create_database(made[-1], template=templates[history] if history else None)

    yield make
    postgres_server.drop_database(*made)


@pytest.fixture(scope="session")
def lineages(postgres_server: PostgresServer) -> dict[str, str]:
    """Templates made so far, by lineage and size."""
    return {}


@pytest.fixture
def new_project(postgres_server: PostgresServer, lineages: dict[str, str]) -> Iterator[NewProject]:
    """Make an AIMindset database of a lineage; returns its URL. All are dropped at the end."""
    made: list[str] = []

    def make(lineage: Lineage = "live", articles: int = 12) -> str:
        template = f"template_aimindset_{lineage}_{articles}"
        if template not in lineages:
            with psycopg.connect(postgres_server.create_database(template)) as connection:
                build(connection, lineage, articles=articles)
            lineages[template] = template
        made.append(f"aimindset_{next(_numbers)}")
        return postgres_server.create_database(made[-1], template=template)

    yield make
    postgres_server.drop_database(*made)


@dataclass
class House:
    """A migrated house with its fake upstream: what most tests of a system stand on."""

    dre: DrePipeline
    settings: Settings
    hitss: HitssFake
    fabricio: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]

    def with_settings(self, **changed: object) -> House:
        """The same databases under other settings, with this clock and this way to HITSS."""
        settings = read_settings(None, **(self.settings.model_dump() | changed))
        dre = replace(
            DrePipeline.from_settings(settings),
            clock=self.dre.clock,
            http=self.dre.http,
            wait_seconds=self.dre.wait_seconds,
        )
        return replace(self, settings=settings, dre=dre)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.fabricio.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def value(self, query: str) -> Any:
        return self.rows(query)[0][0]


@pytest.fixture(scope="session")
def hitss_server() -> Iterator[HitssFake]:
    with HitssFake() as fake:
        yield fake


@pytest.fixture
def hitss(hitss_server: HitssFake) -> Iterator[HitssFake]:
    """The fake upstream without faults."""
    rows = list(hitss_server.rows)
    yield hitss_server
    hitss_server.clear()
    if list(hitss_server.rows) != rows:
        hitss_server.serve_rows(rows)


@pytest.fixture
def house(hitss: HitssFake, new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[House]:
    parsed_file.cache_clear()
    fabricio, ops = new_database("fabricio"), new_database("ops")
    settings = read_settings(
        None,
        sync_env="development",
        fabricio_database_url=fabricio,
        ops_database_url=ops,
        landing_url=str(tmp_path / "landing"),
        hitss_download_url=hitss.download_url,
    )
    dre = replace(
        DrePipeline.from_settings(settings),
        clock=lambda: TODAY,
        http=lambda: export_client(sleep=lambda _seconds: None),
        wait_seconds=0.05,
    )
    with (
        psycopg.connect(fabricio, autocommit=True) as fabricio_connection,
        psycopg.connect(ops, autocommit=True) as ops_connection,
    ):
        yield House(dre=dre, settings=settings, hitss=hitss, fabricio=fabricio_connection, ops=ops_connection)
