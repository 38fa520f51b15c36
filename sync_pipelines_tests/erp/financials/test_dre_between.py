"""What the statement rests on between two syncs: stored titles that somebody altered, and which row was made last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.financials.account import Account
from sync_pipelines_tests.erp.financials.ledger import Ledger
from sync_pipelines_tests.erp.financials.test_dre import add_dre

D = Decimal

ALTERATIONS = (
    "amount = 5",
    "amount = 'NaN'",
    """splits = '[{"amount": "Infinity", "category": "10"}]'""",
    """splits = '[{"amount": "x", "category": "10"}]'""",
    "splits = '[1]'",
    "state = 'cancelado'",
    "competence_month = 'infinity'",
    "competence_month = '2026-06-01'",
)


def test_no_statement_is_made_of_titles_that_somebody_altered(account: Account, ledger: Ledger) -> None:
    """Those of a month that is not read: nobody would compare them with what the ERP says."""
    july = date(2026, 7, 1)
    ledger.add(1, "100.00", july)
    account.synced(july)
    for change in ALTERATIONS:
        account.erp.execute(f"update sync_private.titles set {change} where vendor_id = '1'".encode())
        dre = account.dre(account.sync())
        assert (dre.status, type(dre.error)) == ("error", TransientError), change
        assert f"{account.connection.key} 2026-07 (1)" in dre.message
        assert account.lines(july) == {"vendas_produtos": D(100)}
        assert account.synced(july).changed == 1
        assert account.lines(july) == {"vendas_produtos": D(100)}


def test_a_connection_that_another_user_has_now_takes_its_lines_along(
    account: Account, ledger: Ledger
) -> None:
    """It was made under the wrong account of the application: nobody sees sums of another's titles."""
    october = date(2026, 10, 1)
    ledger.add(1, "100.00", october)
    account.synced()
    user = uuid4()
    company = add_company(account.erp, user, "99888777000155")
    account.erp.execute("update public.erp_connections set user_id = %s, company_id = %s", (user, company))
    account.connection = replace(account.connection, user_id=user, company_id=company)
    account.synced()
    rows = account.rows("select user_id = %s, input_vendas_produtos from public.company_dre order by 1", user)
    assert rows == [(False, D(0)), (True, D(100))]
    before = account.everything()
    account.synced()
    assert account.everything() == before


def test_the_newest_month_that_has_begun_is_the_row_that_was_made_last(
    account: Account, ledger: Ledger
) -> None:
    """The tax score reads the row with the latest `created_at`: no backfill, and no month to come."""
    made = "select period_year, period_month from public.company_dre order by created_at desc"
    ledger.add(1, "100.00", date(2026, 11, 1))
    account.synced()
    ledger.add(2, "50.00", date(2025, 1, 1))
    account.synced(date(2025, 1, 1))
    assert account.rows(made) == [(2026, 11), (2025, 1)]
    ledger.add(3, "70.00", date(2026, 11, 2), competence=date(2027, 1, 1))
    ledger.add(4, "70.00", date(2026, 11, 2), competence=date(2026, 12, 1))
    account.synced()
    assert account.rows(made)[0] == (2026, 11)
    before = account.everything()
    account.synced()
    assert account.everything() == before
    # December's row is there before December is.
    account.now = account.now.replace(month=12)
    account.synced()
    assert account.rows(made)[0] == (2026, 12)
    # A row that a person made last stays the last.
    add_dre(account, date(2026, 3, 1), account.company, vendas_produtos=7)
    ledger.change(3, competence=date(2027, 2, 1))
    account.synced()
    account.erp.execute("delete from public.company_dre where period_year = 2027")
    account.erp.execute(
        "update public.company_dre set created_at = now() + interval '1 day' where period_month = 3"
    )
    account.synced()
    assert account.rows(made)[0] == (2026, 3)
    account.erp.execute("delete from public.company_dre where period_month = 3")
    account.erp.execute(
        "create function public.meddle() returns trigger language plpgsql as $$ begin"
        " new.created_at = old.created_at; return new; end $$;"
        "update public.company_dre set created_at = now() + interval '9 days' where period_year = 2025;"
        "create trigger meddle before update on public.company_dre for each row execute function public.meddle()"
    )
    dre = account.dre(account.sync())
    assert (dre.status, type(dre.error)) == ("error", TransientError) and "created_at" in dre.message
