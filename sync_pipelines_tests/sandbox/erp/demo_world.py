"""The demo's project, synced by the product from the fakes of every vendor, and how its companies go on living."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.demo import ACCOUNTS, DemoAccount
from sync_pipelines.sandbox.erp.demo_rows import STATED, add_accounts, add_credentials, last_month
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.ledger_categories import TRANSFER_NAMES
from sync_pipelines.sandbox.erp.part import BY_COMPANY
from sync_pipelines.sandbox.erp.truth import Account, differences, store_differences
from sync_pipelines.sandbox.erp.truth_titles import titles_of
from sync_pipelines.sandbox.erp.year import further_note
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendor_fakes import VendorFakes

SECRET = "um segredo de teste com 32 caracteres ou mais"
A_MONTH = 12
MODULES = ("empresa", "produtos", "nfe", "financeiro")
#: All but TOTVS, of which nothing is read.
SYNCED = [account for account in ACCOUNTS if account.erp_type != "totvs"]
#: The arguments by which the fakes open accounts, where the credentials have other names.
_NAMES = {"bling_client_id": "client_id", "bling_client_secret": "client_secret"}
_UNUSED = {"access_token", "expires_at"}


@dataclass
class Clock:
    """Time that passes only while somebody waits for it."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.moment

    def seconds(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class World:
    sync: ConnectionSync
    database: psycopg.Connection[Any]
    companies: dict[UUID, ErpCompany]
    fakes: VendorFakes
    functions: FunctionsFake
    clock: Clock
    store: Path
    months: list[date]

    def run(self, account: DemoAccount, *modules: Module) -> SyncOutcome:
        """Sync an account, all of it unless modules are named."""
        return self.sync.sync(
            account.connection_id, run_id="run", months=self.months, modules=modules or None
        )

    def account(self, demo: DemoAccount) -> Account:
        row = self.database.execute(
            "select company_id from erp_connections where id = %s", [demo.connection_id]
        ).fetchone()
        assert row is not None
        return Account(
            company=self.companies[demo.connection_id],
            erp_type=demo.erp_type,
            user_id=demo.user_id,
            connection_id=demo.connection_id,
            first=self.months[0],
            last=datetime.now(BRASILIA).date(),
            company_id=row[0],
            profile_before={"nome_fantasia": demo.name, "setor": "comercio"},
            kept_keys=frozenset(self.stored_keys(demo)),
            dre_before={last_month(): STATED[demo.name]} if demo.name in STATED else {},
            transfer_names=TRANSFER_NAMES,
        )

    def stored_keys(self, demo: DemoAccount) -> list[str]:
        query = "select nfe_key from xml_imports where connection_id = %s and nfe_key is not null"
        return [key for (key,) in self.database.execute(query, [demo.connection_id])]

    def differences(
        self, demos: Sequence[DemoAccount] = SYNCED, modules: Sequence[str] = MODULES
    ) -> list[str]:
        accounts = [self.account(account) for account in demos]
        of_database = differences(
            self.database,
            *accounts,
            modules=modules,
            with_credits=True,
            with_statements="financeiro" in modules,
            today=datetime.now(UTC).date(),
        )
        return [*of_database, *store_differences(self.store, *accounts)]


def _months(count: int) -> list[date]:
    today = datetime.now(BRASILIA).date()
    number = today.year * 12 + today.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(number - count + 1, number + 1)]


def _open(fakes: VendorFakes, demo: DemoAccount, company: ErpCompany) -> None:
    """Open a demo's account at its vendor, without an access token where there is a refresh token."""
    given = {_NAMES.get(name, name): value for name, value in demo.credentials.items() if name not in _UNUSED}
    if demo.erp_type == "sankhya":
        given["x_token"] = given.pop("token")
    fakes.of(demo.erp_type).add(company, **given)


@contextmanager
def demo_world(new_erp: str, ops_url: str, store: Path) -> Iterator[World]:
    """The demo's project in an unmigrated database, with the vendors and functions that it is synced from."""
    runner.upgrade(History("erp"), new_erp)
    runner.upgrade(BY_COMPANY, new_erp)
    companies = {one.connection_id: replace(one, share=1.0).company(A_MONTH) for one in SYNCED}
    budget = Clock()
    with ExitStack() as stack:
        fakes = VendorFakes(stack, budget.seconds)
        for demo in SYNCED:
            _open(fakes, demo, companies[demo.connection_id])
        database = stack.enter_context(psycopg.connect(new_erp, autocommit=True))
        add_accounts(database)
        add_credentials(database, SECRET)
        functions = stack.enter_context(FunctionsFake(new_erp))
        settings = read_as(
            ErpSettings,
            None,
            erp_database_url=new_erp,
            ops_database_url=ops_url,
            landing_url=str(store),
            erp_credentials_key=SECRET,
            erp_functions_url=functions.url,
            erp_functions_key=functions.service_key,
            erp_functions_jwt_secret=functions.jwt_secret,
            erp_transfer_categories=",".join(TRANSFER_NAMES),
            erp_dre_by_company=True,
            **fakes.settings,
        )
        access = VendorAccess(
            settings,
            options={"sleep": budget.sleep},
            budget_options={"clock": budget.now, "sleep": budget.sleep},
        )
        sync = replace(ConnectionSync.from_settings(settings), access=access)
        yield World(
            sync=sync,
            database=database,
            companies=companies,
            fakes=fakes,
            functions=functions,
            clock=budget,
            store=store,
            months=_months(3),
        )


def turn(company: ErpCompany, account: Account) -> int:
    """The world turns: a product that is called otherwise, a cancellation, a note, titles. How many rows change."""
    turn_product(company)
    changes = 1
    if in_force := [note for note in account.stored if note.state == "authorised"]:
        company.cancel(in_force[-1].vendor_id)
        further_note(company, in_force[-1].issued_at - timedelta(minutes=1))
        changes += 2
    return changes + _turn_titles(company, account)


def turn_product(company: ErpCompany) -> None:
    product = next(one for one in company.products if one.is_active and not one.is_service)
    company.alter_product(product.vendor_id, name=f"{product.name} novo", ncm="2202.10.00")


def _turn_titles(company: ErpCompany, account: Account) -> int:
    """One of another amount, one of another month, one gone, one new, and a category that is called otherwise."""
    titles = [one for one in titles_of(account) if one.counts and len(one.splits) == 1]
    if not titles:
        return 0
    first, second, third, *_ = titles
    cents = first.amount + Decimal("0.01")
    company.alter_title(first.vendor_id, amount=cents, splits=[(first.splits[0][0], cents)])
    # A competence alone is not in the lists of Bling and Tiny: they say it with the next reading of the detail.
    due_on = second.due_on + timedelta(days=1)
    company.alter_title(second.vendor_id, competence=second.issued_on - timedelta(days=40), due_on=due_on)
    company.remove_title(third.vendor_id)
    company.add_title(replace(first, vendor_id=max(one.vendor_id for one in company.titles) + 1))
    # Tiny names the category in each title's detail, which is read again within a week.
    if account.erp_type != "tiny":
        rent = next(one for one in company.categories if one.name == "Aluguel")
        company.alter_category(rent.number, name="Viagens")
    return 4
