"""From the vendor to the score: a whole sync, and which analyses a change in the ERP is followed by."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from psycopg.rows import dict_row

from sync_pipelines.erp.analyses.income_statement import INPUTS
from sync_pipelines.erp.outcome import Analysis
from sync_pipelines.sandbox.erp.dre_figures import dre_figures
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES
from sync_pipelines_tests.erp.installation import Connected, Installed


def calls(installed: Installed) -> Counter[str]:
    """The calls of the analyses' functions since they were cleared."""
    found = Counter(call.function for call in installed.functions.calls)
    return Counter({name: found[name] for name in NAMES.values() if found[name]})


def synced(installed: Installed, one: Connected) -> Counter[str]:
    """Sync, with every analysis a success; returns what was called for it."""
    installed.functions.clear()
    outcome = installed.sync(one)
    assert {module.value: done.message for module, done in outcome.failed.items()} == {}
    assert {
        name.value: done.message for name, done in outcome.analyses.items() if done.status != "success"
    } == {}
    return calls(installed)


def assert_processed(installed: Installed) -> None:
    """Every month has the figures that its stored inputs give, by the double's own arithmetic."""
    with installed.erp.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from public.company_dre").fetchall()
    assert rows
    for row in rows:
        amounts = {name: float(row[column]) for name, column in INPUTS.items()}
        figures = dre_figures(amounts, row["input_regime_tributario"], automatic=False)
        revenue = Decimal(repr(figures["receita_bruta"])).quantize(Decimal("0.01"))
        assert row["calc_receita_bruta"] == revenue
        assert abs(float(row["calc_lucro_liquido"]) - figures["lucro_liquido"]) < 0.01


def test_titles_reach_the_statement_and_the_score(installed: Installed) -> None:
    one = installed.connect("omie", titles=3, a_month=2, months=2)
    first = synced(installed, one)
    months = installed.value("select count(*) from public.company_dre")
    assert first == Counter(
        {
            NAMES[Analysis.NCM]: 1,
            NAMES[Analysis.DRE]: months,
            NAMES[Analysis.OPPORTUNITIES]: 1,
            NAMES[Analysis.SCORE]: 1,
        }
    )
    assert installed.truth(one, modules=("empresa", "produtos", "nfe", "financeiro")) == []
    assert_processed(installed)
    assert synced(installed, one) == Counter()

    title = next(t for t in one.company.titles if t.counts and t.side == "payable" and len(t.splits) == 1)
    amount = title.amount + 1
    one.company.alter_title(title.vendor_id, amount=amount, splits=[(title.splits[0][0], amount)])
    changed = synced(installed, one)
    assert (changed[NAMES[Analysis.DRE]], changed[NAMES[Analysis.NCM]]) == (1, 0)
    assert_processed(installed)
    assert installed.truth(one, modules=("produtos", "financeiro")) == []
