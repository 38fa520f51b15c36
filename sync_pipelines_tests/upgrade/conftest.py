"""Databases and landing store as the first version of this project left them.

`first_version.tar.zst` was made by commit 6d4b3df: its demo at scale 0.02 with 120 leads, every system run once, all
data synthetic. Then two rows with U+001E and U+001F in their text were backed up in `dre_hitss` and removed again, and
an article with U+001F in its title was backed up and archived.

| file | what it holds |
|---|---|
| `<database>.sql` | ops, fabricio, hitss, aimindset, tabuladormax, gestao_scouter, as pg_dump --inserts wrote them |
| `landing/` | the workbook that was loaded, and one archive of AIMindset |
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

DATABASES = ("ops", "fabricio", "hitss", "aimindset", "tabuladormax", "gestao_scouter")
HISTORIES = (OPS, History("fabricio"), History("hitss"), History("tabuladormax"))
#: The day on which it was made.
TODAY = datetime(2026, 11, 28, 20, tzinfo=UTC)


@dataclass
class Upgraded:
    """The first version's databases, by name, after `migrate`; and the settings that name them."""

    urls: dict[str, str]
    settings: Settings

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.urls[database], autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first_version")
    packed = Path(__file__).with_name("first_version.tar.zst").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompress(packed))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def upgraded(postgres_server: PostgresServer, unpacked: Path) -> Iterator[Upgraded]:
    urls = {}
    for name in DATABASES:
        urls[name] = postgres_server.create_database(f"first_version_{name}")
        with psycopg.connect(urls[name], autocommit=True) as connection:
            connection.execute((unpacked / f"{name}.sql").read_bytes())
    for history in HISTORIES:
        runner.upgrade(history, urls[history.name])
    settings = read_settings(
        None,
        sync_env="development",
        landing_url=str(unpacked / "landing"),
        **{f"{name}_database_url": url for name, url in urls.items() if name != "gestao_scouter"},
    )
    yield Upgraded(urls, settings)
    postgres_server.drop_database(*(f"first_version_{name}" for name in DATABASES))


Clock = Callable[[], datetime]


@pytest.fixture
def clock() -> Clock:
    return lambda: TODAY
