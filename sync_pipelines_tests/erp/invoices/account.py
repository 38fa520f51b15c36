"""A connection to an account, and its sync; every sync is a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.invoices.pipeline import sync_invoices
from sync_pipelines.erp.invoices.reading import Reader
from sync_pipelines.erp.outcome import Counts, ModuleOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines_tests.erp.invoices.book import Book

Database = psycopg.Connection[Any]
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@dataclass
class Account:
    """One connection of one user; `now` is the clock."""

    book: Book
    erp: Database
    ops: Database
    erp_url: str
    ops_url: str
    home: Path
    connection: ErpConnection
    now: datetime = datetime(2026, 11, 22, 6, tzinfo=UTC)
    runs: count[int] = field(default_factory=lambda: count(1))
    fence: Callable[[postgres.Connection], None] = lambda _connection: None
    reader: Reader | None = None
    report: Callable[..., None] = lambda _stage, **_done: None
    #: Where the documents are kept, if not in a folder.
    store: LandingStore | None = None
    #: Parameters of the server for a sync's connection.
    session: dict[str, str] = field(default_factory=dict)

    @property
    def user(self) -> UUID:
        return self.connection.user_id

    @property
    def xml_store(self) -> FolderStore:
        return FolderStore(self.home / "xml")

    @property
    def landing(self) -> FolderStore:
        return FolderStore(self.home / "landing")

    def everything(self) -> list[tuple[Any, ...]]:
        """Every row that a sync writes in the application's database, with the transaction that wrote it."""
        tables = (
            "public.xml_imports",
            "public.xml_analysis",
            "sync_private.invoices",
            "sync_private.credit_analyses",
        )
        return [
            row
            for name in tables
            for row in self.rows(f"select '{name}', xmin::text, * from {name} order by 3, 4")
        ]

    def sync_months(self, *months: date, accept: frozenset[str] = frozenset()) -> dict[date, ModuleOutcome]:
        self.now += timedelta(days=1)
        with (
            postgres.connect(self.erp_url, what="the erp database", session=self.session) as database,
            open_records(self.ops_url) as records,
        ):
            session = SyncSession(
                connection=self.connection,
                vendor=self.book,
                database=database,
                records=records,
                landing=self.landing,
                xml_store=self.store or self.xml_store,
                run_id=f"run-{next(self.runs)}",
                zone=ZoneInfo("America/Sao_Paulo"),
                started=self.now,
                clock=lambda: self.now,
                fence=self.fence,
                report=self.report,
                accepted=accept,
            )
            return sync_invoices(session, months, reader=self.reader)

    def sync(self, month: date = NOVEMBER, accept: frozenset[str] = frozenset()) -> ModuleOutcome:
        return self.sync_months(month, accept=accept)[month]

    def synced(self, month: date = NOVEMBER, accept: frozenset[str] = frozenset()) -> Counts:
        """The counts of a sync that has to succeed and to add up."""
        outcome = self.sync(month, accept)
        assert outcome.error is None, str(outcome.error)
        assert outcome.status == "success"
        counts = outcome.counts
        parts = (
            counts.inserted,
            counts.changed,
            counts.unchanged,
            counts.skipped,
            counts.rejected,
            counts.unread,
        )
        assert sum(parts) == counts.read
        return counts

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.erp.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def rejects(self) -> list[tuple[Any, ...]]:
        return self.ops.execute("select locator ->> 'key', rule from ops.rejects order by id").fetchall()

    def another_user(self) -> UUID:
        return uuid4()

    def another(self, book: Book, erp_type: str = "bling", *, user: UUID | None = None) -> Account:
        """A second connection, of the same user unless another one is named, with a company of its own."""
        owner = user or self.user
        return replace(self, book=book, connection=_connection(self.erp, owner, erp_type), runs=count(100))


def new_account(
    book: Book, erp: Database, ops: Database, *, erp_url: str, ops_url: str, home: Path
) -> Account:
    return Account(
        book,
        erp,
        ops,
        erp_url=erp_url,
        ops_url=ops_url,
        home=home,
        connection=_connection(erp, uuid4(), "omie"),
    )


def _connection(erp: Database, user: UUID, erp_type: str) -> ErpConnection:
    company = add_company(erp, user, "11222333000181")
    number = add_connection(erp, user, erp_type, credentials={}, company_id=company)
    return ErpConnection(
        id=number, user_id=user, erp_type=erp_type, name="Teste", status="active", company_id=company
    )
