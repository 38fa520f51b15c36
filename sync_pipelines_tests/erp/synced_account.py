"""A connection of one user to an account, the databases, a store: what the tests of each asset of months sync."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.outcome import Counts
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.sandbox.erp.database import add_connection

Database = psycopg.Connection[Any]


@dataclass(kw_only=True)
class SyncedAccount:
    """One connection of one user; `now` is the clock. Every sync is a run of its own."""

    erp: Database
    ops: Database
    erp_url: str
    ops_url: str
    home: Path
    connection: ErpConnection
    now: datetime = datetime(2026, 11, 22, 6, tzinfo=UTC)
    runs: count[int] = field(default_factory=lambda: count(1))
    fence: Callable[[postgres.Connection], None] = lambda _connection: None
    report: Callable[..., None] = lambda _stage, **_done: None

    @property
    def user(self) -> UUID:
        return self.connection.user_id

    @property
    def landing(self) -> FolderStore:
        return FolderStore(self.home / "landing")

    @property
    def xml_store(self) -> FolderStore:
        return FolderStore(self.home / "xml")

    @contextmanager
    def run(
        self,
        vendor: Vendor,
        *,
        accept: Collection[str] = (),
        xml_store: LandingStore | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Iterator[SyncSession]:
        """The session of the next run; `parameters` are those of the server for its connection."""
        with (
            postgres.connect(self.erp_url, what="the erp database", session=parameters) as database,
            open_records(self.ops_url) as records,
        ):
            yield SyncSession(
                connection=self.connection,
                vendor=vendor,
                database=database,
                records=records,
                landing=self.landing,
                xml_store=xml_store or self.xml_store,
                run_id=f"run-{next(self.runs)}",
                zone=ZoneInfo("America/Sao_Paulo"),
                started=self.now,
                clock=lambda: self.now,
                fence=self.fence,
                report=self.report,
                accepted=frozenset(accept),
            )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.erp.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]


def assert_add_up(counts: Counts) -> None:
    """Every row that was read has one fate."""
    parts = (
        counts.inserted,
        counts.changed,
        counts.unchanged,
        counts.skipped,
        counts.rejected,
        counts.unread,
    )
    assert sum(parts) == counts.read


def connect(erp: Database, user: UUID, erp_type: str, *, company: UUID | None) -> ErpConnection:
    """The row of a connection, and what the sync knows of it."""
    number = add_connection(erp, user, erp_type, credentials={}, company_id=company)
    return ErpConnection(
        id=number, user_id=user, erp_type=erp_type, name="Teste", status="active", company_id=company
    )
