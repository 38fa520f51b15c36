"""The demo's connections, synced by the product from the fakes, are what the truth says.

| fixture | what is in it |
|---|---|
| `world` | the demo's project with its accounts, their fakes and functions, and the settings that name them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.bling_limits import UNLIMITED as BLING_UNLIMITED
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.demo import ACCOUNTS, DemoAccount
from sync_pipelines.sandbox.erp.demo_rows import add_accounts, add_credentials
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT, HARMLESS
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED as OMIE_UNLIMITED
from sync_pipelines.sandbox.erp.truth import Account, differences, store_differences
from sync_pipelines.sandbox.erp.year import further_note
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings

SECRET = "um segredo de teste com 32 caracteres ou mais"
A_MONTH = 16


@dataclass
class Clock:
    """Time that passes only while somebody waits for it."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class World:
    sync: ConnectionSync
    database: psycopg.Connection[Any]
    companies: dict[UUID, ErpCompany]
    omie: OmieFake
    bling: BlingFake
    functions: FunctionsFake
    clock: Clock
    store: Path
    months: list[date]

    def run(self, account: DemoAccount) -> SyncOutcome:
        return self.sync.sync(account.connection_id, run_id="run", months=self.months)

    def account(self, demo: DemoAccount) -> Account:
        row = self.database.execute(
            "select company_id from erp_connections where id = %s", [demo.connection_id]
        ).fetchone()
        assert row is not None
        return Account(
            company=self.companies[demo.connection_id],
            erp_type=cast(Literal["omie", "bling"], demo.erp_type),
            user_id=demo.user_id,
            connection_id=demo.connection_id,
            first=self.months[0],
            last=datetime.now(BRASILIA).date(),
            company_id=row[0],
            profile_before={"nome_fantasia": demo.name, "setor": "comercio"},
        )

    def differences(self, demos: Sequence[DemoAccount] = ACCOUNTS) -> list[str]:
        accounts = [self.account(account) for account in demos]
        of_database = differences(self.database, *accounts, with_credits=True, today=datetime.now(UTC).date())
        return [*of_database, *store_differences(self.store, *accounts)]


def _months(count: int) -> list[date]:
    today = datetime.now(BRASILIA).date()
    number = today.year * 12 + today.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(number - count + 1, number + 1)]


def _fakes(companies: Mapping[UUID, ErpCompany]) -> tuple[OmieFake, BlingFake]:
    """The vendors with the demo's accounts, without limits."""
    omie, bling = OmieFake(rules=OMIE_UNLIMITED), BlingFake(rules=BLING_UNLIMITED)
    for account in ACCOUNTS:
        given = account.credentials
        if account.erp_type == "omie":
            omie.add(
                companies[account.connection_id], app_key=given["app_key"], app_secret=given["app_secret"]
            )
        else:
            bling.add(
                companies[account.connection_id],
                client_id=given["bling_client_id"],
                client_secret=given["bling_client_secret"],
                refresh_token=given["refresh_token"],
            )
    return omie, bling


@pytest.fixture
def world(new_erp: str, new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[World]:
    runner.upgrade(History("erp"), new_erp)
    companies = {one.connection_id: replace(one, share=1.0).company(A_MONTH) for one in ACCOUNTS}
    omie, bling = _fakes(companies)
    with ExitStack() as stack:
        database = stack.enter_context(psycopg.connect(new_erp, autocommit=True))
        add_accounts(database)
        add_credentials(database, SECRET)
        functions = stack.enter_context(FunctionsFake(new_erp))
        stack.enter_context(omie)
        stack.enter_context(bling)
        settings = read_as(
            ErpSettings,
            None,
            erp_database_url=new_erp,
            ops_database_url=new_database("ops"),
            landing_url=str(tmp_path),
            erp_credentials_key=SECRET,
            erp_functions_url=functions.url,
            erp_functions_key=functions.service_key,
            erp_functions_jwt_secret=functions.jwt_secret,
            omie_url=omie.url,
            bling_url=bling.url,
            bling_auth_url=bling.auth_url,
        )
        budget = Clock()
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
            omie=omie,
            bling=bling,
            functions=functions,
            clock=budget,
            store=tmp_path,
            months=_months(3),
        )


def test_every_connection_of_the_demo_is_synced_and_stays_true(world: World) -> None:
    for account in ACCOUNTS:
        outcome = world.run(account)
        assert outcome.failed == {}
        assert outcome.records_synced > 40
        assert outcome.credits is not None
        assert outcome.credits.status == "success"
    assert world.differences() == []
    for account in ACCOUNTS:
        assert world.run(account).records_synced == 0
    # The world turns: a cancellation, a note, a product that is called otherwise.
    for account in ACCOUNTS:
        company = world.companies[account.connection_id]
        [*_, last] = [note for note in world.account(account).stored if note.state == "authorised"]
        company.cancel(last.vendor_id)
        further_note(company, last.issued_at - timedelta(minutes=1))
        company.alter_product(company.products[0].vendor_id, name="Novo nome", ncm="2202.10.00")
        assert world.run(account).records_synced == 3
    assert world.differences() == []


def test_a_document_that_cannot_be_trusted_is_rejected_and_the_others_are_there(world: World) -> None:
    # A page in the place of the XML is asked for again by the vendors' links, which their own tests look at.
    wanted = [one for one in DIRT if one != "not_xml"]
    for account in ACCOUNTS[:2]:
        company = world.companies[account.connection_id]
        notes = [note for note in world.account(account).stored if note.state == "authorised"]
        for note, dirt in zip(notes[: len(wanted)], wanted, strict=True):
            company.alter_note(note.vendor_id, dirt=frozenset({dirt}))
        truth = world.account(account)
        assert len(truth.rejected) == len(wanted) - len(HARMLESS) - 1
        outcome = world.run(account)
        counts = outcome.modules[Module.INVOICES].counts
        assert counts.rejected == len(truth.rejected)
        assert differences(world.database, truth, modules=["nfe"], with_credits=True) == []


def test_an_invoice_that_two_erps_of_a_user_list_is_there_once(world: World) -> None:
    """Traps 54, 55 and 58."""
    bling, omie = ACCOUNTS[1:3]
    [*_, shared] = [note for note in world.account(omie).stored if note.state == "authorised"]
    twin = replace(shared, vendor_id=99)
    world.companies[bling.connection_id].add_note(twin)
    for account in (bling, omie):
        assert world.run(account).failed == {}
    assert world.differences((bling, omie)) == []
    # Only one of the two knows of the cancellation; the other says nothing new.
    world.companies[bling.connection_id].cancel(twin.vendor_id)
    for account in (omie, bling, omie):
        assert world.run(account).failed == {}
    assert world.differences((bling, omie)) == []


def test_the_function_calculates_the_reform_where_a_note_states_none(world: World) -> None:
    omie = ACCOUNTS[0]
    world.sync = replace(world.sync, asks_reform=True)
    assert world.run(omie).failed == {}
    assert len(world.functions.of("calculate-rtc", status=200)) > 5
    # Where goods have no code the function refuses, and the estimate stands in.
    refused = {call.body["itens"][0]["descricao"] for call in world.functions.of("calculate-rtc", status=400)}
    assert refused == set()
    assert differences(world.database, world.account(omie), reform_by="function") == []


_SYNCED = (
    "public.xml_imports, public.identified_credits, public.credit_analysis_summary, public.notifications,"
    " public.company_ncm_analysis, sync_private.invoices, sync_private.products, sync_private.product_catalogs"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("upstream", "faults"),
    [
        ("omie", ("ListarNF_fault", "ListarNF_short", "ObterNfe_status", "ListarProdutos_pages_too_few")),
        (
            "functions",
            ("analyze-credits_without_effect", "analyze-credits_half_done", "analyze-credits_drop_after"),
        ),
    ],
)
def test_what_succeeds_beside_a_fault_is_true_and_the_next_sync_heals_the_rest(
    world: World, upstream: str, faults: Sequence[str]
) -> None:
    fake: OmieFake | FunctionsFake = getattr(world, upstream)
    for name in faults:
        # As if it were the first sync, and an hour later: nothing of before hides what the fault does.
        world.database.execute(f"truncate {_SYNCED} cascade".encode())
        world.clock.sleep(3600)
        fake.fail(name)
        outcome = world.run(ACCOUNTS[0])
        good = [module.value for module, one in outcome.modules.items() if one.status == "success"]
        assert differences(world.database, world.account(ACCOUNTS[0]), modules=good) == [], name
        # The analyses never fail what is stored.
        assert outcome.credits is not None
        assert upstream == "omie" or (outcome.failed, outcome.credits.status) == ({}, "error"), name
        fake.clear()
        world.clock.sleep(3600)
        assert world.run(ACCOUNTS[0]).failed == {}
        assert world.differences(ACCOUNTS[:1]) == [], name
