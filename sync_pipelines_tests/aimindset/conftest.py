"""An AIMindset project and everything around it, for the tests of the system.

| what | content |
|---|---|
| the project's database (`live` lineage) | 12 articles, 25 comments, feedbacks, logs, three earlier backups |
| its endpoints | `AimindsetFake`: PostgREST's RPC and `alert-processor` |
| a mail server | `SmtpSink`, for the alert that the project's function does not take |
| our own (ops) database | migrated and empty |
| the landing store | an empty folder |
| the clock | stands at `NOW`: 03:30 in Brazil, 06:30 UTC |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.aimindset.backup.load import Probe
from sync_pipelines.aimindset.client import json_client
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib.records.backups import BackupCatalog
from sync_pipelines.sandbox.aimindset.database import Lineage
from sync_pipelines.sandbox.aimindset.fake import AimindsetFake
from sync_pipelines.sandbox.mail import SmtpSink
from sync_pipelines.settings import read_as
from sync_pipelines.settings.aimindset import AimindsetSettings
from sync_pipelines_tests.conftest import NewProject

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
TODAY = "2026-11-24"


@dataclass(frozen=True)
class Project:
    """The project, our database beside it, and the pipeline that backs it up."""

    pipeline: AimindsetPipeline
    settings: AimindsetSettings
    url: str
    database: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]
    fake: AimindsetFake
    mail: SmtpSink

    def day(self, partition_key: str = TODAY, **options: Any) -> Day:
        return self.pipeline.run("run-1", partition_key, **options)

    def with_(self, **settings: Any) -> Project:
        """The same project with other settings."""
        changed = self.settings.model_validate(self.settings.model_dump() | settings)
        pipeline = replace(pipeline_of(changed), clock=self.pipeline.clock, probe=self.pipeline.probe)
        return replace(self, settings=changed, pipeline=pipeline)

    def with_clock(self, clock: Callable[[], datetime]) -> Project:
        return replace(self, pipeline=replace(self.pipeline, clock=clock))

    def with_probe(self, probe: Probe) -> Project:
        return replace(self, pipeline=replace(self.pipeline, probe=probe))

    @property
    def archives(self) -> StoredArchives:
        return self.pipeline.archive.archives

    def value(self, query: str) -> Any:
        row = self.database.execute(query.encode()).fetchone()
        return row[0] if row else None

    def logged(self, kind: str) -> list[str]:
        rows = self.database.execute("select message from system_logs where type = %s", (kind,))
        return [message for (message,) in rows]

    @property
    def catalog(self) -> BackupCatalog:
        return BackupCatalog(self.ops)


def pipeline_of(settings: AimindsetSettings) -> AimindsetPipeline:
    """The pipeline at the time of the tests, which neither sleeps nor waits for long."""
    return AimindsetPipeline.from_settings(
        settings, clock=lambda: NOW, http=lambda: json_client(5.0), sleep=lambda _seconds: None
    )


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
def make_project(
    new_project: NewProject, new_database: Callable[[str | None], str], mail: SmtpSink, tmp_path: Path
) -> Iterator[Callable[..., Project]]:
    """Make a project with everything around it."""
    opened: list[Any] = []

    def make(lineage: Lineage = "live", articles: int = 12) -> Project:
        url, ops = new_project(lineage, articles), new_database("ops")
        fake = AimindsetFake(url).__enter__()
        settings = read_as(
            AimindsetSettings,
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
        database = psycopg.connect(url, autocommit=True)
        catalog = psycopg.connect(ops, autocommit=True)
        opened.extend((fake, database, catalog))
        return Project(
            pipeline=pipeline_of(settings),
            settings=settings,
            url=url,
            database=database,
            ops=catalog,
            fake=fake,
            mail=mail,
        )

    yield make
    for one in reversed(opened):
        one.__exit__(None, None, None)


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def drilled(project: Project) -> Project:
    """The project with the test's own server as the place for scratch databases."""
    info = project.database.info
    url = f"postgresql://postgres:{info.password}@127.0.0.1:{info.port}/postgres"
    return project.with_(scratch_database_url=url, backups_first_day="2026-11-01")
