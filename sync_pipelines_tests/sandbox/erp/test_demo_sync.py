"""The demo's connections, synced by the product from the fakes, are what the truth says.

| fixture | what is in it |
|---|---|
| `world` | the demo's project with its accounts, their fakes and functions, and the settings that name them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.outcome import Module, SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VENDORS, VendorAccess
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.demo import ACCOUNTS, DemoAccount
from sync_pipelines.sandbox.erp.demo_rows import STATED, add_accounts, add_credentials, last_month
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.ledger_categories import TRANSFER_NAMES
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT, HARMLESS
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
#: What the adapters that there are sync: all but TOTVS, of which nothing is read.
SYNCED = [account for account in ACCOUNTS if account.erp_type in VENDORS and account.erp_type != "totvs"]
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

    def run(self, account: DemoAccount) -> SyncOutcome:
        return self.sync.sync(account.connection_id, run_id="run", months=self.months)

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

    def differences(self, demos: Sequence[DemoAccount] = SYNCED) -> list[str]:
        accounts = [self.account(account) for account in demos]
        of_database = differences(
            self.database, *accounts, modules=MODULES, with_credits=True, today=datetime.now(UTC).date()
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


@pytest.fixture
def world(new_erp: str, new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[World]:
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
            ops_database_url=new_database("ops"),
            landing_url=str(tmp_path),
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
            store=tmp_path,
            months=_months(3),
        )


@pytest.mark.slow
def test_every_connection_of_the_demo_is_synced_and_stays_true(world: World) -> None:
    for account in SYNCED:
        outcome = world.run(account)
        assert outcome.failed == {}
        assert outcome.records_synced > 40
        # Of an ERP without invoices there are no credits.
        assert outcome.credits is None or outcome.credits.status == "success"
        assert {kind: one.message for kind, one in outcome.analyses.items() if one.status != "success"} == {}
    assert world.differences() == []
    assert_nothing_is_done(world)
    for account in SYNCED:
        changes = _turn(world.companies[account.connection_id], world.account(account))
        outcome = world.run(account)
        assert outcome.failed == {}
        counts = [one.counts for one in outcome.modules.values()]
        assert sum(one.synced + one.vanished for one in counts) == changes, counts
    assert world.differences() == []
    assert_nothing_is_done(world)


def assert_nothing_is_done(world: World) -> None:
    """A further sync of everything writes no row and calls no function: the history of the score does not grow."""
    # What one of a user's companies changed is made of all that the others' syncs brought.
    for account in SYNCED:
        world.run(account)
    scores = world.database.execute("select count(*) from tax_score_history").fetchone()
    for account in SYNCED:
        outcome = world.run(account)
        assert outcome.records_synced == 0
        assert {kind: one.calls for kind, one in outcome.analyses.items() if one.calls} == {}
    assert world.database.execute("select count(*) from tax_score_history").fetchone() == scores


def _turn(company: ErpCompany, account: Account) -> int:
    """The world turns: a product that is called otherwise, a cancellation, a note, titles. How many rows change."""
    _turn_product(company)
    changes = 1
    if in_force := [note for note in account.stored if note.state == "authorised"]:
        company.cancel(in_force[-1].vendor_id)
        further_note(company, in_force[-1].issued_at - timedelta(minutes=1))
        changes += 2
    return changes + _turn_titles(company, account)


def _turn_product(company: ErpCompany) -> None:
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


@pytest.mark.slow
def test_a_module_that_fails_at_one_of_a_users_companies_touches_no_other(world: World) -> None:
    """Traps 49, 51 and 58, at Conta Azul, Tiny and Sankhya: one user with three companies."""
    own = [one for one in SYNCED if one.user_id == SYNCED[-1].user_id]
    assert [one.erp_type for one in own] == ["contaazul", "tiny", "sankhya"]
    for account in own:
        assert world.run(account).failed == {}
    # The next day one list of Tiny never comes.
    for account in own:
        _turn_product(world.companies[account.connection_id])
    world.fakes.of("tiny").fail("contas.pagar.pesquisa_unexpected")
    outcomes = [world.run(account) for account in own]
    assert [sorted(one.failed) for one in outcomes] == [[], [Module.FINANCIALS], []]
    assert [one.records_synced for one in outcomes] == [1, 1, 1]
    statuses = "select status::text from erp_connections where id = any(%s) order by array_position(%s, id)"
    ids = [one.connection_id for one in own]
    assert world.database.execute(statuses, [ids, ids]).fetchall() == [("active",), ("error",), ("active",)]
    # Nothing of what is stored went away with the list.
    assert world.differences(own) == []
    world.fakes.of("tiny").clear()
    world.clock.sleep(3600)
    assert world.run(own[1]).failed == {}
    assert world.database.execute(statuses, [ids, ids]).fetchall() == [("active",)] * 3
    assert world.differences(own) == []


def test_a_document_that_cannot_be_trusted_is_rejected_and_the_others_are_there(world: World) -> None:
    # A page in the place of the XML is asked for again by the vendors' links, which their own tests look at.
    wanted = [one for one in DIRT if one != "not_xml"]
    for account in SYNCED[:2]:
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
    fake = world.functions if upstream == "functions" else world.fakes.of(upstream)
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
