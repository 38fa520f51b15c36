"""An AIMindset project with its endpoints, a mail server and our own database: what tests of the system stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset.client import project_client
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib.records.backups import BackupCatalog
from sync_pipelines.sandbox.aimindset.database import Lineage
from sync_pipelines.sandbox.aimindset.fake import AimindsetFake
from sync_pipelines.sandbox.mail import SmtpSink
from sync_pipelines.settings import read_settings
from sync_pipelines_tests.conftest import NewProject

#: 03:30 in Brazil, half past six in the database's clock.
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
TODAY = "2026-11-24"


@dataclass
class Project:
    """The project, our database beside it, and the system that looks after it."""

    backups: AimindsetPipeline
    url: str
    database: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]
    fake: AimindsetFake
    mail: SmtpSink

    def day(self, partition_key: str = TODAY, **options: Any) -> Day:
        return self.backups.run("run-1", partition_key, **options)

    def with_(self, **settings: Any) -> Project:
        values = self.backups.settings.model_dump() | settings
        return replace(
            self, backups=replace(self.backups, settings=self.backups.settings.model_validate(values))
        )

    def value(self, query: str) -> Any:
        row = self.database.execute(query.encode()).fetchone()
        return row[0] if row else None

    def logged(self, kind: str) -> list[str]:
        rows = self.database.execute("select message from system_logs where type = %s", (kind,))
        return [message for (message,) in rows]

    @property
    def catalog(self) -> BackupCatalog:
        return BackupCatalog(self.ops)


@pytest.fixture(scope="session")
def mail_server() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def mail(mail_server: SmtpSink) -> SmtpSink:
    mail_server.messages.clear()
    mail_server.refuse.clear()
    mail_server.broken = False
    return mail_server


@pytest.fixture
def new_house(
    new_project: NewProject, new_database: Callable[[str | None], str], mail: SmtpSink, tmp_path: Path
) -> Iterator[Callable[..., Project]]:
    """Make a project with everything around it."""
    opened: list[Any] = []

    def make(lineage: Lineage = "live", articles: int = 12) -> Project:
        url, ops = new_project(lineage, articles), new_database("ops")
        fake = AimindsetFake(url).__enter__()
        settings = read_settings(
            None,
            aimindset_database_url=url,
            ops_database_url=ops,
            landing_url=str(tmp_path / "landing"),
            aimindset_project_url=fake.url,
            aimindset_service_key=fake.service_key,
            smtp_url=mail.url,
            alert_email_to="plantao@example.com",
            alert_email_from="sync@example.com",
        )
        backups = AimindsetPipeline(
            settings,
            clock=lambda: NOW,
            http=lambda: project_client(5.0),
            sleep=lambda _seconds: None,
        )
        database = psycopg.connect(url, autocommit=True)
        catalog = psycopg.connect(ops, autocommit=True)
        opened.extend((fake, database, catalog))
        return Project(backups=backups, url=url, database=database, ops=catalog, fake=fake, mail=mail)

    yield make
    for one in reversed(opened):
        one.__exit__(None, None, None)


@pytest.fixture
def house(new_house: Callable[..., Project]) -> Project:
    return new_house()
