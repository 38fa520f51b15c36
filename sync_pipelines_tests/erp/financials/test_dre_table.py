"""The table of months that finance people read in the UI."""

from datetime import date
from decimal import Decimal

from sync_pipelines.erp.financials.dre_table import SHOWN, markdown
from sync_pipelines.erp.financials.lines import DEDUCTIONS, EXPENSES, INCOME


def test_every_line_is_in_one_figure_and_the_newest_month_stands_first() -> None:
    names = (*INCOME, *DEDUCTIONS, *EXPENSES)
    powers = {name: Decimal(2) ** place for place, name in enumerate(names)}
    income = sum(powers[name] for name in INCOME)
    result = income - sum(powers[name] for name in (*DEDUCTIONS, *EXPENSES))
    lines: dict[str, Decimal | None] = {**powers, "regime_tributario": None}
    table = markdown({date(2026, 10, 1): {}, date(2026, 11, 1): lines}).splitlines()
    figures = [cell.strip() for cell in table[2].strip("|").split("|")]
    assert figures[0] == "11/2026"
    plain = [Decimal(one.replace("R$ ", "").replace(".", "").replace(",", ".")) for one in figures[1:]]
    revenue, deductions, costs, expenses, financial, left = plain
    assert left == result == revenue - deductions - costs - expenses + financial
    assert table[3].startswith("| 10/2026 | R$ 0,00 |")
    many = {date(2020 + number // 12, number % 12 + 1, 1): lines for number in range(40)}
    assert len(markdown(many).splitlines()) == SHOWN + 2
