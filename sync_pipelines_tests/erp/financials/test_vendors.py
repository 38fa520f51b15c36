"""The financials of each ERP over its fake, beside the truth that no code of the product made."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.outcome import Module
from sync_pipelines.sandbox.erp.ledger_categories import TRANSFER_NAMES
from sync_pipelines.sandbox.erp.truth import differences
from sync_pipelines_tests.erp.installation import Connected, Installed


def untrue(installed: Installed, one: Connected, transfers: frozenset[str]) -> list[str]:
    account = replace(installed.account(one), transfer_names=transfers)
    return differences(installed.erp, account, modules=("financeiro",))


@pytest.mark.parametrize("erp_type", ["omie", "bling", "contaazul", "tiny"])
def test_titles_and_statement_are_true_and_stay_so(installed: Installed, erp_type: str) -> None:
    one = installed.connect(erp_type, titles=12, months=4)
    transfers = frozenset() if erp_type == "omie" else TRANSFER_NAMES
    pipeline = installed.pipeline(financials=FinancialOptions(transfers))
    outcome = installed.sync(one, pipeline, modules=[Module.FINANCIALS])
    assert (outcome.failed, outcome.dre.status if outcome.dre else None) == ({}, "success")
    assert outcome.modules[Module.FINANCIALS].counts.inserted == len(
        installed.rows("select from sync_private.titles where vanished_at is null")
    )
    assert untrue(installed, one, transfers) == []
    installed.clock.advance(hours=24)
    again = installed.sync(one, pipeline, modules=[Module.FINANCIALS])
    assert (again.failed, again.records_synced) == ({}, 0)
    # Some change in the ERP: another amount, another competence, cancelled or gone.
    titles = [title for title in one.company.titles if title.counts and title.issued_on.month == 11]
    titles[0].amount += Decimal("0.10")
    titles[0].splits = [(titles[0].splits[0][0], titles[0].amount)] if titles[0].splits else []
    one.company.titles.remove(titles[1])
    installed.clock.advance(hours=24)
    changed = installed.sync(one, pipeline, modules=[Module.FINANCIALS], full=True)
    counts = changed.modules[Module.FINANCIALS].counts
    assert (changed.failed, counts.changed, counts.vanished) == ({}, 1, 1)
    assert untrue(installed, one, transfers) == []
