"""The demo's connections, synced by the product from the fakes, are what the truth says.

| fixture | what is in it |
|---|---|
| `world` | the demo's project with its accounts, their fakes and functions, and the settings that name them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipelines.erp.outcome import Module
from sync_pipelines.sandbox.erp.demo import ACCOUNTS
from sync_pipelines.sandbox.erp.nfe_dirt import DIRT, HARMLESS
from sync_pipelines.sandbox.erp.truth import differences
from sync_pipelines_tests.sandbox.erp.demo_world import SYNCED, World, demo_world, turn, turn_product


@pytest.fixture
def world(new_erp: str, new_database: Callable[[str | None], str], tmp_path: Path) -> Iterator[World]:
    with demo_world(new_erp, new_database("ops"), tmp_path) as made:
        yield made


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
        changes = turn(world.companies[account.connection_id], world.account(account))
        outcome = world.run(account)
        assert outcome.failed == {}
        counts = [one.counts for one in outcome.modules.values()]
        assert sum(one.synced + one.vanished for one in counts) == changes, counts
    assert world.differences() == []
    assert_nothing_is_done(world)


def assert_nothing_is_done(world: World) -> None:
    """A further sync of everything writes no row and calls no function: the history of the score does not grow."""
    scores = world.database.execute("select count(*) from tax_score_history").fetchone()
    for account in SYNCED:
        outcome = world.run(account)
        assert outcome.records_synced == 0
        assert {kind: one.calls for kind, one in outcome.analyses.items() if one.calls} == {}
    assert world.database.execute("select count(*) from tax_score_history").fetchone() == scores


@pytest.mark.slow
def test_a_module_that_fails_at_one_of_a_users_companies_touches_no_other(world: World) -> None:
    """Traps 49, 51 and 58, at Conta Azul, Tiny and Sankhya: one user with three companies."""
    own = [one for one in SYNCED if one.user_id == SYNCED[-1].user_id]
    assert [one.erp_type for one in own] == ["contaazul", "tiny", "sankhya"]
    for account in own:
        assert world.run(account).failed == {}
    # The next day one list of Tiny never comes.
    for account in own:
        turn_product(world.companies[account.connection_id])
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
        counts = world.run(account, Module.INVOICES).modules[Module.INVOICES].counts
        assert counts.rejected == len(truth.rejected)
        assert differences(world.database, truth, modules=["nfe"], with_credits=True) == []


def test_an_invoice_that_two_erps_of_a_user_list_is_there_once(world: World) -> None:
    """Traps 54, 55 and 58."""
    bling, omie = ACCOUNTS[1:3]
    world.months = world.months[-2:]
    [*_, shared] = [note for note in world.account(omie).stored if note.state == "authorised"]
    twin = replace(shared, vendor_id=99)
    world.companies[bling.connection_id].add_note(twin)
    for account in (bling, omie):
        assert world.run(account, Module.INVOICES).failed == {}
    assert world.differences((bling, omie), modules=["nfe"]) == []
    # Only one of the two knows of the cancellation; the other says nothing new.
    world.companies[bling.connection_id].cancel(twin.vendor_id)
    for account in (omie, bling, omie):
        assert world.run(account, Module.INVOICES).failed == {}
    assert world.differences((bling, omie), modules=["nfe"]) == []


def test_the_function_calculates_the_reform_where_a_note_states_none(world: World) -> None:
    omie = ACCOUNTS[0]
    world.months = world.months[-2:]
    world.sync = replace(world.sync, asks_reform=True)
    assert world.run(omie, Module.INVOICES).failed == {}
    assert len(world.functions.of("calculate-rtc", status=200)) > 5
    # Where goods have no code the function refuses, and the estimate stands in.
    refused = {call.body["itens"][0]["descricao"] for call in world.functions.of("calculate-rtc", status=400)}
    assert refused == set()
    assert differences(world.database, world.account(omie), modules=["nfe"], reform_by="function") == []


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
