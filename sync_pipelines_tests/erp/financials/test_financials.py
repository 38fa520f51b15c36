"""A sync of titles and of the statement that follows from them: changes of every kind, and nothing twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sync_pipelines.erp.vendors.vendor import Split, TitleState
from sync_pipelines_tests.erp.financials.account import AUGUST, NOVEMBER, OCTOBER, SEPTEMBER, Account
from sync_pipelines_tests.erp.financials.ledger import OUT, Ledger

D = Decimal


def fill(ledger: Ledger) -> None:
    """Titles of three months, with splits, a transfer, a cancelled one, and one of a later month."""
    ledger.add(1, "1000.00", date(2026, 9, 3))
    ledger.add(2, "250.50", date(2026, 10, 5), category="11")
    ledger.add(1, "300.00", date(2026, 10, 7), side=OUT, category="20")
    ledger.add(
        2, "100.01", date(2026, 10, 9), side=OUT, splits=(Split("20", D("33.34")), Split("22", D("66.67")))
    )
    ledger.add(3, "80.00", date(2026, 11, 1), competence=date(2026, 10, 31))
    ledger.add(4, "500.00", date(2026, 11, 2), category="30")
    ledger.add(5, "70.00", date(2026, 11, 3), state=TitleState.CANCELLED)
    ledger.add(6, "60.00", date(2027, 3, 1))
    ledger.add(7, "9.99", date(2026, 11, 4), category=None, nfe_key="35" * 22)


def test_the_statement_is_the_sum_of_the_titles_and_the_next_sync_changes_nothing(
    account: Account, ledger: Ledger
) -> None:
    fill(ledger)
    outcome = account.sync()
    assert {month: one.counts.inserted for month, one in outcome.months.items()} == {
        AUGUST: 0,
        SEPTEMBER: 1,
        OCTOBER: 3,
        NOVEMBER: 5,
    }
    assert account.lines(SEPTEMBER) == {"vendas_produtos": D("1000.00")}
    assert account.lines(OCTOBER) == {
        "vendas_produtos": D("80.00"),
        "vendas_servicos": D("250.50"),
        "aluguel": D("333.34"),
        "outras_despesas": D("66.67"),
    }
    assert account.lines(NOVEMBER) == {"vendas_produtos": D("9.99")}
    assert account.lines(date(2027, 3, 1)) == {"vendas_produtos": D("60.00")}
    dre = account.dre(outcome)
    assert (dre.status, dre.counts.read, dre.counts.inserted) == ("success", 4, 4)
    assert dre.message == (
        "DRE: 4 meses: 4 novos. Fora da DRE: 1 título entre contas próprias; 1 título cancelado ou renegociado."
    )
    fixed = account.rows(
        "select distinct company_id, input_regime_tributario, input_calcular_impostos_auto from public.company_dre"
    )
    assert fixed == [(account.company, "simples", False)]
    before = account.everything()
    assert account.synced().unchanged == 9
    assert account.everything() == before
    assert ledger.lists == [(AUGUST, date(2031, 12, 31))] * 2
