"""The formula of `process-dre` in exact decimals, beside the double's, which reckons as the application does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.erp.analyses.income_statement import INPUTS, are_equal, income_statement, profile_columns
from sync_pipelines.erp.outcome import Analysis
from sync_pipelines.sandbox.erp.dre_figures import dre_figures
from sync_pipelines_tests.erp.analyses.taxpayer import Taxpayer

AMOUNTS = st.decimals(min_value=0, max_value=5_000_000, places=2)
REGIMES = (None, "simples", "presumido", "real", "mei")


def inputs(**amounts: object) -> dict[str, object]:
    """A month with these amounts."""
    known = {name: Decimal(0) for name in INPUTS}
    return {**known, "regime_tributario": None, "calcular_auto": False, **amounts}


@settings(max_examples=60)
@given(st.fixed_dictionaries(dict.fromkeys(INPUTS, AMOUNTS)), st.sampled_from(REGIMES), st.booleans())
def test_it_is_the_functions_formula_to_the_cent(
    amounts: dict[str, Decimal], regime: str | None, automatic: bool
) -> None:
    made = income_statement(inputs(**amounts, regime_tributario=regime, calcular_auto=automatic))
    figures = dre_figures(
        {name: float(value) for name, value in amounts.items()}, regime, automatic=automatic
    )
    for column, value in made.columns.items():
        assert are_equal(Decimal(repr(figures[column.removeprefix("calc_")])), value)
    for column, margin in made.margins.items():
        stored = figures[column.removeprefix("calc_")]
        assert float(margin) == pytest.approx(stored, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("expense", "too_large"),
    [
        # The net revenue is 100.00: expenses of 1,099.99 are a margin of -999.99 %.
        ("1099.99", []),
        ("1100.00", ["calc_ebitda_margin", "calc_margem_liquida", "calc_margem_operacional"]),
    ],
)
def test_margins_that_their_columns_cannot_hold(expense: str, too_large: list[str]) -> None:
    made = income_statement(inputs(vendas_produtos=Decimal(100), aluguel=Decimal(expense)))
    assert sorted(made.too_large) == too_large


def test_a_month_without_sales_has_no_margin() -> None:
    made = income_statement(inputs(aluguel=Decimal(500), calcular_auto=True))
    assert (made.net_profit, set(made.margins.values()), made.too_large) == (Decimal(-500), {Decimal(0)}, {})
    assert profile_columns(inputs(aluguel=Decimal(500)))["margem_bruta_percentual"] == 0


def test_every_figure_is_compared_with_the_formula(taxpayer: Taxpayer) -> None:
    """The tax score reads the deductions, and a person the margins; a row that moved is another month's."""
    taxpayer.month(2026, 10, aluguel=2_000)
    spoils = {
        "calc_deducoes_receita": "7",
        "calc_ebitda": "7",
        "calc_margem_liquida": "7",
        "period_month": "3",
        "input_calcular_impostos_auto": "true",
    }
    for column, value in spoils.items():
        taxpayer.erp.execute(
            f"create or replace function spoil() returns trigger language plpgsql as $$ begin new.{column} = {value};"
            " return new; end $$; drop trigger if exists spoil on public.company_dre;"
            " create trigger spoil before update on public.company_dre for each row execute function spoil()".encode()
        )
        done = taxpayer.dispatch()[Analysis.DRE]
        assert done.status == "error" and "10/2026" in done.message
        restored = "update public.company_dre set period_month = 10, input_calcular_impostos_auto = false"
        taxpayer.erp.execute(f"drop trigger spoil on public.company_dre; {restored}".encode())
    assert taxpayer.dispatch()[Analysis.DRE].status == "success"


def test_a_company_that_lost_its_connection_does_not_keep_figures_of_lines_that_went_back(
    taxpayer: Taxpayer,
) -> None:
    """The tax score reads `calc_*` of the row that was made last, whichever company's it is."""
    taxpayer.month(2026, 10)
    taxpayer.made()
    other = taxpayer.company(setor="comercio", regime_tributario="simples", uf_sede="SP")
    taxpayer.erp.execute("update public.erp_connections set company_id = %s", (other,))
    # As the income statement does with lines of a company's former connection.
    taxpayer.erp.execute(
        "delete from sync_private.dre_lines; update public.company_dre set input_vendas_produtos = 0"
    )
    done = taxpayer.dispatch()[Analysis.DRE]
    assert (done.status, done.calls, done.figures["months"]) == ("success", 1, 0)
    assert taxpayer.value("select calc_receita_bruta from public.company_dre") == 0
    assert taxpayer.dispatch()[Analysis.DRE].calls == 0
