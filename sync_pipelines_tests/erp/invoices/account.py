"""A connection to an account, and its sync; every sync is a run of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.invoices.pipeline import sync_invoices
from sync_pipelines.erp.invoices.reading import Reader
from sync_pipelines.erp.outcome import Counts, ModuleOutcome
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.synced_account import Database, SyncedAccount, assert_add_up, connect

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@dataclass
class Account(SyncedAccount):
    """A connection to `book`."""

    book: Book
    reader: Reader | None = None
    #: Where the documents are kept, if not in a folder.
    store: LandingStore | None = None
    #: Parameters of the server for a sync's connection.
    session: dict[str, str] = field(default_factory=dict)

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
        with self.run(self.book, accept=accept, xml_store=self.store, parameters=self.session) as session:
            return sync_invoices(session, months, reader=self.reader)

    def sync(self, month: date = NOVEMBER, accept: frozenset[str] = frozenset()) -> ModuleOutcome:
        return self.sync_months(month, accept=accept)[month]

    def synced(self, month: date = NOVEMBER, accept: frozenset[str] = frozenset()) -> Counts:
        """The counts of a sync that has to succeed and to add up."""
        outcome = self.sync(month, accept)
        assert outcome.error is None, str(outcome.error)
        assert outcome.status == "success"
        assert_add_up(outcome.counts)
        return outcome.counts

    def rejects(self) -> list[tuple[Any, ...]]:
        return self.ops.execute("select locator ->> 'key', rule from ops.rejects order by id").fetchall()

    def another_user(self) -> UUID:
        return uuid4()

    def another(self, book: Book, erp_type: str = "bling", *, user: UUID | None = None) -> Account:
        """A second connection, of the same user unless another one is named, with a company of its own."""
        owner = user or self.user
        connection = _with_company(self.erp, owner, erp_type)
        return replace(self, book=book, connection=connection, runs=count(100))


def new_account(
    book: Book, erp: Database, ops: Database, *, erp_url: str, ops_url: str, home: Path
) -> Account:
    connection = _with_company(erp, uuid4(), "omie")
    return Account(book, erp=erp, ops=ops, erp_url=erp_url, ops_url=ops_url, home=home, connection=connection)


def _with_company(erp: Database, user: UUID, erp_type: str) -> ErpConnection:
    return connect(erp, user, erp_type, company=add_company(erp, user, "11222333000181"))
