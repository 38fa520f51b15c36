"""A connection to a ledger, and its sync; every sync is a run of its own, a day after the one before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.financials.lines import LINES, column
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.pipeline import sync_financials
from sync_pipelines.erp.outcome import Counts, FinancialsOutcome, ModuleOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines_tests.erp.financials.ledger import Ledger

Database = psycopg.Connection[Any]
AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (8, 9, 10, 11))
MONTHS = (AUGUST, SEPTEMBER, OCTOBER, NOVEMBER)


@dataclass
class Account:
    """One connection of one user; `now` is the clock."""

    ledger: Ledger
    erp: Database
    ops: Database
    erp_url: str
    ops_url: str
    home: Path
    connection: ErpConnection
    now: datetime = datetime(2026, 11, 22, 6, tzinfo=UTC)
    options: FinancialOptions = field(default_factory=FinancialOptions)
    runs: count[int] = field(default_factory=lambda: count(1))
    fence: Callable[[postgres.Connection], None] = lambda _connection: None

    @property
    def user(self) -> UUID:
        return self.connection.user_id

    @property
    def company(self) -> UUID:
        assert self.connection.company_id is not None
        return self.connection.company_id

    def sync(
        self, *months: date, accept: Collection[str] = (), full: bool = False, days: float = 1
    ) -> FinancialsOutcome:
        """A sync of these months, or of the usual ones, so many days after the last."""
        self.now += timedelta(days=days)
        with (
            postgres.connect(self.erp_url, what="the erp database") as database,
            open_records(self.ops_url) as records,
        ):
            session = SyncSession(
                connection=self.connection,
                vendor=self.ledger,
                database=database,
                records=records,
                landing=FolderStore(self.home / "landing"),
                xml_store=FolderStore(self.home / "xml"),
                run_id=f"run-{next(self.runs)}",
                zone=ZoneInfo("America/Sao_Paulo"),
                started=self.now,
                clock=lambda: self.now,
                fence=self.fence,
                accepted=frozenset(accept),
            )
            return sync_financials(session, months or MONTHS, full=full, options=self.options)

    def synced(self, *months: date, accept: Collection[str] = ()) -> Counts:
        """The titles' counts of a sync that has to succeed and to add up."""
        outcome = self.sync(*months, accept=accept)
        whole = Counts()
        for one in (*outcome.months.values(), self.dre(outcome)):
            assert (one.status, str(one.error)) == ("success", "None")
            counts = one.counts
            parts = (
                counts.inserted,
                counts.changed,
                counts.unchanged,
                counts.skipped,
                counts.rejected,
                counts.unread,
            )
            assert sum(parts) == counts.read
        for one in outcome.months.values():
            whole.add(one.counts)
        return whole

    @staticmethod
    def dre(outcome: FinancialsOutcome) -> ModuleOutcome:
        assert outcome.dre is not None
        return outcome.dre

    def lines(self, month: date) -> dict[str, Decimal]:
        """The lines of a month that are not zero; of the connection's company, or of nobody."""
        names = ", ".join(map(column, LINES))
        rows = self.rows(
            f"select {names} from public.company_dre where user_id = %s and (period_year, period_month) = (%s, %s)"
            " and period_type = 'monthly' and coalesce(company_id, %s) = %s",
            self.user,
            month.year,
            month.month,
            self.company,
            self.company,
        )
        assert len(rows) < 2
        return {line: amount for row in rows for line, amount in zip(LINES, row, strict=True) if amount}

    def everything(self) -> list[tuple[Any, ...]]:
        """Every row that a sync writes in the application's database, with the transaction that wrote it."""
        tables = (
            "public.company_dre",
            "sync_private.titles",
            "sync_private.title_categories",
            "sync_private.dre_lines",
        )
        return [
            row
            for name in tables
            for row in self.rows(f"select '{name}', xmin::text, * from {name} order by 3, 4, 5")
        ]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.erp.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def rejects(self) -> list[tuple[Any, ...]]:
        return self.ops.execute(
            "select locator ->> 'title', column_name, rule from ops.rejects order by id"
        ).fetchall()

    def another(
        self,
        ledger: Ledger,
        erp_type: str = "bling",
        *,
        company: UUID | None = None,
        user: UUID | None = None,
    ) -> Account:
        """A second connection, of the same user and company unless others are named."""
        owner = user or self.user
        connection = connect(self.erp, owner, erp_type, company=company or self.company)
        return replace(self, ledger=ledger, connection=connection, runs=count(100))


def connect(erp: Database, user: UUID, erp_type: str, *, company: UUID | None) -> ErpConnection:
    number = add_connection(erp, user, erp_type, credentials={}, company_id=company)
    return ErpConnection(
        id=number, user_id=user, erp_type=erp_type, name="Teste", status="active", company_id=company
    )


def new_account(
    ledger: Ledger, erp: Database, ops: Database, *, erp_url: str, ops_url: str, home: Path
) -> Account:
    user = uuid4()
    company = add_company(erp, user, "11222333000181", regime_tributario="simples")
    connection = connect(erp, user, "omie", company=company)
    return Account(ledger, erp, ops, erp_url=erp_url, ops_url=ops_url, home=home, connection=connection)
