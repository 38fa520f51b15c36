"""The rows of `company_dre`: which lines are ours, whose a month is, and what else writes to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sync_pipelines.erp.financials.dre import ASSET
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.vendors.vendor import Category, Split
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.financials.account import NOVEMBER, OCTOBER, SEPTEMBER, Account
from sync_pipelines_tests.erp.financials.ledger import IN, OUT, Ledger

D = Decimal


def add_dre(account: Account, month: date, company: UUID | None = None, **lines: Any) -> UUID:
    """A row as a person made it on the application's screen."""
    names = "".join(f", input_{name}" for name in lines)
    places = ", %s" * len(lines)
    row = account.rows(
        f"insert into public.company_dre (user_id, company_id, period_year, period_month{names})"
        f" values (%s, %s, %s, %s{places}) returning id",
        account.user,
        company,
        month.year,
        month.month,
        *lines.values(),
    )
    return UUID(str(row[0][0]))


def test_lines_of_a_person_stay_and_lines_of_ours_go_back_to_what_stood_there(
    account: Account, ledger: Ledger
) -> None:
    dre = add_dre(account, OCTOBER, vendas_produtos=7, salarios_encargos=900, aluguel=None)
    ledger.add(1, "100.00", date(2026, 10, 1))
    ledger.add(1, "40.00", date(2026, 10, 1), side=OUT, category="20")
    ledger.add(2, "30.00", date(2026, 10, 1), side=OUT, category="23")
    account.synced()
    assert account.lines(OCTOBER) == {
        "vendas_produtos": D(100),
        "salarios_encargos": D(900),
        "aluguel": D(40),
        "custo_mercadorias": D(30),
    }
    about = (
        "select id, company_id, input_regime_tributario, input_calcular_impostos_auto from public.company_dre"
    )
    assert account.rows(about) == [(dre, account.company, "presumido", True)]
    # A person edits one that is fed, one that is not, and one that will be fed no more.
    account.erp.execute(
        "update public.company_dre set input_vendas_produtos = 5, input_prolabore = 11, input_custo_mercadorias = 3"
    )
    for number in (1, 2):
        ledger.remove(number, OUT)
    outcome = account.sync()
    assert account.lines(OCTOBER) == {
        "vendas_produtos": D(100),
        "salarios_encargos": D(900),
        "prolabore": D(11),
        "custo_mercadorias": D(3),
    }
    assert account.value("select input_aluguel is null from public.company_dre")
    edited = account.dre(outcome).warnings["nobody_edited_lines_of_the_erp"]
    assert "voltaram à soma dos títulos: 10/2026 (vendas_produtos)" in edited
    assert "ficaram com o valor editado à mão: 10/2026 (custo_mercadorias)" in edited
    ledger.remove(1)
    assert "nobody_edited_lines_of_the_erp" not in account.dre(account.sync()).warnings
    assert account.lines(OCTOBER)["vendas_produtos"] == D(7)
    assert account.value("select count(*) from sync_private.dre_lines") == 0
    before = account.everything()
    assert account.dre(account.sync()).counts.read == 0
    assert account.everything() == before
    # A row that a person deletes is made again.
    ledger.add(1, "100.00", date(2026, 10, 1))
    account.synced()
    account.erp.execute("delete from public.company_dre")
    assert account.dre(account.sync()).counts.inserted == 1
    assert account.lines(OCTOBER) == {"vendas_produtos": D(100)}


def test_a_second_company_of_a_user_is_refused_its_month_and_keeps_its_titles(
    account: Account, ledger: Ledger
) -> None:
    """Question 1: companies never mix."""
    ledger.add(1, "100.00", date(2026, 10, 1))
    account.synced()
    other_ledger = Ledger(name="Outro")
    other_ledger.add(1, "7.00", date(2026, 10, 1))
    other_ledger.add(2, "8.00", date(2026, 9, 1))
    company = add_company(account.erp, account.user, "99888777000155")
    other = account.another(other_ledger, company=company)
    before = account.rows("select * from public.company_dre")
    outcome = other.sync()
    assert {one.status for one in outcome.months.values()} == {"success"}
    dre = other.dre(outcome)
    assert (dre.status, dre.counts.rejected, dre.counts.inserted) == ("error", 1, 1)
    assert isinstance(dre.error, PermanentError)
    assert "10/2026: a DRE do mês é de outra empresa" in dre.message
    assert "ERP_DRE_BY_COMPANY=true" in dre.message
    assert account.rows("select * from public.company_dre where period_month = 10") == before
    assert other.lines(SEPTEMBER) == {"vendas_produtos": D(8)}
    # The first one finds its own untouched, and is refused the month of the other.
    ledger.add(2, "50.00", date(2026, 9, 1))
    assert account.dre(account.sync()).counts.rejected == 1
    # A row that names no company, with amounts of a person: whose is it?
    add_dre(account, NOVEMBER, vendas_produtos=5)
    other_ledger.add(3, "9.00", date(2026, 11, 1))
    assert "11/2026: a DRE do mês tem valores digitados" in other.dre(other.sync()).message
    assert account.value("select company_id is null from public.company_dre where period_month = 11")
    # The choice alone does not do it; the migration does.
    other.options = FinancialOptions(by_company=True)
    assert "Execute `sync-pipelines migrate`" in other.dre(other.sync()).message
    runner.upgrade(History("erp_dre_by_company", database="erp"), account.erp_url)
    counts = other.dre(other.sync()).counts
    assert (counts.inserted, counts.unchanged, counts.rejected) == (2, 1, 0)
    assert other.lines(OCTOBER) == {"vendas_produtos": D(7)}
    assert account.rows(
        "select * from public.company_dre where company_id = %s and period_month = 10", account.company
    ) == (before)
    assert other.dre(other.sync()).counts.unchanged == 3
    # Switched off again, what is there is kept up to date, and nothing new is made beside another company's row.
    other.options = FinancialOptions()
    other_ledger.change(1, amount=D(70), splits=())
    assert other.dre(other.sync()).counts.changed == 1


def test_a_connection_that_changes_hands_takes_its_lines_along(account: Account, ledger: Ledger) -> None:
    """Lines that came from titles of a company's former connection go back; a person's stay where they are."""
    add_dre(account, OCTOBER, salarios_encargos=900)
    ledger.add(1, "100.00", date(2026, 10, 1))
    ledger.add(2, "50.00", date(2026, 9, 1))
    account.synced()
    wrong = account.company
    right = add_company(account.erp, account.user, "99888777000155")
    account.erp.execute("update public.erp_connections set company_id = %s", (right,))
    account.connection = replace(account.connection, company_id=right)
    dre = account.dre(account.sync())
    assert (dre.counts.inserted, dre.counts.changed, dre.counts.rejected) == (0, 1, 1)
    assert account.lines(SEPTEMBER) == {"vendas_produtos": D(50)}
    rows = account.rows(
        "select company_id, period_month, input_vendas_produtos, input_salarios_encargos from public.company_dre"
        " order by 2"
    )
    assert rows == [(right, 9, D(50), D(0)), (wrong, 10, D(0), D(900))]
    # A connection that is removed leaves what it wrote, and another one of the company goes on.
    other = account.another(Ledger(name="Outro"), company=right)
    account.erp.execute("delete from public.erp_connections where id = %s", (account.connection.id,))
    outcome = other.sync()
    assert other.lines(SEPTEMBER) == {"vendas_produtos": D(50)}
    assert "ficaram como estavam: 09/2026" in other.dre(outcome).warnings["nobody_edited_lines_of_the_erp"]
    assert account.value("select count(*) from sync_private.dre_lines") == 0


def test_two_connections_of_a_company_add_up_and_both_sums_are_named(
    account: Account, ledger: Ledger
) -> None:
    ledger.add(1, "1234.50", date(2026, 10, 1))
    other_ledger = Ledger(name="Outro", listed_categories=[Category("10", "Aluguel", OUT)])
    other_ledger.add(1, "66.00", date(2026, 10, 3), side=OUT)
    other = account.another(other_ledger)
    account.synced()
    outcome = other.sync()
    assert account.lines(OCTOBER) == {"vendas_produtos": D("1234.50"), "aluguel": D(66)}
    warnings = other.dre(outcome).warnings
    assert (
        f"{account.connection.key} (receitas R$ 1.234,50, despesas R$ 0,00)"
        in warnings["one_connection_feeds_a_month"]
    )
    assert (
        f"{other.connection.key} (receitas R$ 0,00, despesas R$ 66,00)"
        in warnings["one_connection_feeds_a_month"]
    )
    # One marks its transfers; of the other nobody knows.
    assert other.connection.key in warnings["transfers_are_recognised"]
    assert account.connection.key not in warnings["transfers_are_recognised"]
    other.options = FinancialOptions(frozenset({"ALUGUÉL "}))
    outcome = other.sync()
    assert "transfers_are_recognised" not in other.dre(outcome).warnings
    assert "1 título entre contas próprias" in other.dre(outcome).message
    assert account.lines(OCTOBER) == {"vendas_produtos": D("1234.50")}


def test_a_connection_without_a_company(account: Account, ledger: Ledger) -> None:
    ledger.add(1, "100.00", date(2026, 10, 1))
    account.connection = replace(account.connection, company_id=None)
    account.erp.execute("update public.erp_connections set company_id = null")
    profile = account.value("select id from public.company_profile")
    outcome = account.sync()  # the only company of the user
    assert account.dre(outcome).counts.inserted == 1
    assert account.value("select company_id from public.company_dre") == profile
    add_company(account.erp, account.user, "99888777000155")
    outcome = account.sync()
    assert (account.dre(outcome).status, outcome.months[OCTOBER].status) == ("skipped", "success")
    assert "o usuário tem 2 empresas" in account.dre(outcome).message
    account.erp.execute("delete from public.company_profile")
    assert "o usuário não tem empresa cadastrada" in account.dre(account.sync()).message


def test_a_month_that_the_table_or_a_trigger_does_not_take_stops_no_other(
    account: Account, ledger: Ledger
) -> None:
    for number in range(9):
        ledger.add(100 + number, "9999999999999.99", date(2026, 9, 1))
    ledger.add(1, "100.00", date(2026, 10, 1))
    ledger.add(2, "50.00", date(2026, 11, 1))
    account.erp.execute(
        "create function public.meddle() returns trigger language plpgsql as $$ begin"
        " update public.company_dre set input_aluguel = 1 where id = new.id and period_month = 10"
        " and input_aluguel is distinct from 1; return null; end $$;"
        "create constraint trigger meddle after insert or update on public.company_dre deferrable initially deferred"
        " for each row execute function public.meddle()"
    )
    outcome = account.sync()
    dre = account.dre(outcome)
    assert (dre.status, dre.counts.inserted, dre.counts.rejected) == ("error", 1, 2)
    assert "09/2026" in dre.message and "10/2026" in dre.message and "input_aluguel" in dre.message
    assert (account.lines(SEPTEMBER), account.lines(OCTOBER)) == ({}, {})
    assert account.lines(NOVEMBER) == {"vendas_produtos": D(50)}
    account.erp.execute("drop trigger meddle on public.company_dre")
    for number in range(9):
        ledger.change(100 + number, amount=D("0.004"), splits=())
    dre = account.dre(account.sync())
    assert (dre.status, dre.counts.inserted, dre.counts.unchanged) == ("success", 2, 1)
    # Nine times less than half a cent: rounded once, when all is summed up.
    assert account.lines(SEPTEMBER) == {"outras_receitas": D("0.04")}
    proof = account.ops.execute(
        "select partition_key, holds from ops.proofs where asset = %s order by id", (ASSET,)
    ).fetchall()
    assert proof == [(account.connection.key, True)] * 2


def test_a_trigger_on_titles_is_found_and_nothing_of_the_month_stays(
    account: Account, ledger: Ledger
) -> None:
    ledger.add(1, "100.00", date(2026, 10, 1))
    ledger.add(2, "100.00", date(2026, 11, 1))
    account.erp.execute(
        "create function public.meddle() returns trigger language plpgsql as $$ begin"
        " update sync_private.titles set amount = 1 where vendor_id = '1' and amount <> 1; return null; end $$;"
        "create constraint trigger meddle after insert or update on sync_private.titles deferrable initially deferred"
        " for each row execute function public.meddle()"
    )
    outcome = account.sync()
    assert isinstance(outcome.months[OCTOBER].error, TransientError)
    assert outcome.months[NOVEMBER].status == "success"
    assert account.rows("select vendor_id from sync_private.titles") == [("2",)]
    account.erp.execute("drop trigger meddle on sync_private.titles")
    account.synced()
    # What somebody alters is written again, and said to be a change.
    account.erp.execute(
        "update sync_private.titles set amount = 1, splits = '[]', competence_month = '2026-08-01'"
    )
    assert account.synced().changed == 2
    assert account.lines(OCTOBER) == {"vendas_produtos": D(100)}
    assert ledger.kept[IN, "1"].splits == (Split("10", D("100.00")),)
