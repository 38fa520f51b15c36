"""A connection to a ledger, and its sync; every sync is a run of its own, a day after the one before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sync_pipelines.erp.financials.lines import LINES, column
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.pipeline import sync_financials
from sync_pipelines.erp.outcome import Counts, FinancialsOutcome, ModuleOutcome
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.financials.ledger import Ledger
from sync_pipelines_tests.erp.synced_account import Database, SyncedAccount, assert_add_up, connect

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (8, 9, 10, 11))
MONTHS = (AUGUST, SEPTEMBER, OCTOBER, NOVEMBER)


@dataclass
class Account(SyncedAccount):
    """A connection to `ledger`."""

    ledger: Ledger
    options: FinancialOptions = field(default_factory=FinancialOptions)

    @property
    def company(self) -> UUID:
        assert self.connection.company_id is not None
        return self.connection.company_id

    def sync(
        self, *months: date, accept: Collection[str] = (), full: bool = False, days: float = 1
    ) -> FinancialsOutcome:
        """A sync of these months, or of the usual ones, so many days after the last."""
        self.now += timedelta(days=days)
        with self.run(self.ledger, accept=accept) as session:
            return sync_financials(session, months or MONTHS, full=full, options=self.options)

    def synced(self, *months: date, accept: Collection[str] = ()) -> Counts:
        """The titles' counts of a sync that has to succeed and to add up."""
        outcome = self.sync(*months, accept=accept)
        whole = Counts()
        for one in (*outcome.months.values(), self.dre(outcome)):
            assert (one.status, str(one.error)) == ("success", "None")
            assert_add_up(one.counts)
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


def new_account(
    ledger: Ledger, erp: Database, ops: Database, *, erp_url: str, ops_url: str, home: Path
) -> Account:
    user = uuid4()
    company = add_company(erp, user, "11222333000181", regime_tributario="simples")
    connection = connect(erp, user, "omie", company=company)
    return Account(
        ledger, erp=erp, ops=ops, erp_url=erp_url, ops_url=ops_url, home=home, connection=connection
    )
