"""A year of months that changes at random, recomputed: also with details, by hand edits, by two connections at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random

import pytest

from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.erp.window import months_between
from sync_pipelines_tests.erp.financials.account import Account
from sync_pipelines_tests.erp.financials.ledger import Ledger
from sync_pipelines_tests.erp.financials.year import FIRST, change, expected

YEAR = months_between(FIRST, date(2026, 11, 30))


def stored(account: Account) -> dict[date, dict[str, object]]:
    return {month: lines for month in YEAR if (lines := account.lines(month))}


@pytest.mark.parametrize("has_details", [False, True])
def test_the_statement_is_the_sum_of_the_ledger_after_every_change(
    account: Account, ledger: Ledger, has_details: bool
) -> None:
    random, ledger.has_details = Random(14), has_details
    for _ in range(2 if has_details else 3):
        change(ledger, random, 60)
        outcome = account.sync(*YEAR, accept={MASS_VANISHING}, full=True)
        assert {one.status for one in (*outcome.months.values(), account.dre(outcome))} == {"success"}
        assert stored(account) == expected(ledger)
    before = account.everything()
    account.synced(*YEAR)
    assert [row for row in account.everything() if row[0] != "sync_private.titles"] == [
        row for row in before if row[0] != "sync_private.titles"
    ]
    # The usual sync of 90 days makes good what somebody changed in the statement of a year ago.
    edited = account.erp.execute(
        "update public.company_dre set input_vendas_produtos = 1 where id in (select dre_id from sync_private.dre_lines"
        " where line = 'vendas_produtos' and month < '2026-08-01')"
    ).rowcount
    assert account.dre(account.sync()).counts.changed == edited > 0
    assert stored(account) == expected(ledger)


def test_two_connections_of_a_company_at_once_add_up(account: Account, ledger: Ledger) -> None:
    other_ledger = Ledger(name="Outro")
    other = account.another(other_ledger)
    random = Random(7)
    for _ in range(2):
        change(ledger, random, 30)
        change(other_ledger, random, 30)
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda one: one.sync(*YEAR, accept={MASS_VANISHING}), (account, other)))
        for outcome in both:
            assert {one.status for one in (*outcome.months.values(), account.dre(outcome))} == {"success"}
        whole = Ledger(
            kept={**ledger.kept, **{(side, f"9{no}"): one for (side, no), one in other_ledger.kept.items()}}
        )
        assert stored(account) == expected(whole)
