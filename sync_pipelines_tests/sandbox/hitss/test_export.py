"""The generated rows compared with the measured profile of the real export."""

import re
import statistics
from collections import Counter, defaultdict
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import log

import pytest

from sync_pipelines.sandbox.hitss.export import HEADERS, ExportProfile, Row, generate
from sync_pipelines.sandbox.hitss.layout import (
    CLT,
    DESONERACAO,
    LANCAMENTO,
    ORCADO,
    OUTROS,
    REALIZADO,
    RECEITA_DEVENGADA,
    SUBCONTRATADOS,
    month_number,
    period_month,
)


def column(rows: list[Row], name: str) -> list[object]:
    return [row[HEADERS.index(name)] for row in rows]


def amount(row: Row) -> float:
    value = row[LANCAMENTO]
    assert type(value) is float
    return value


def decimals(row: Row) -> int:
    text = repr(row[LANCAMENTO])
    return 0 if text.endswith(".0") else len(text.partition(".")[2])


@pytest.fixture(scope="module")
def ledger(full: list[Row]) -> list[Row]:
    return [row for row in full if row[0] == REALIZADO]


@pytest.fixture(scope="module")
def budget(full: list[Row]) -> list[Row]:
    return [row for row in full if row[0] == ORCADO]


def test_size_and_blocks(full: list[Row], ledger: list[Row], budget: list[Row]) -> None:
    assert len(ledger) == pytest.approx(14_670, rel=0.003)
    assert len(budget) == pytest.approx(7_627, rel=0.003)
    assert full == ledger + budget
    assert {len(row) for row in full} == {19}


def test_rows_are_grouped_by_client_in_each_block(ledger: list[Row], budget: list[Row]) -> None:
    for block in (ledger, budget):
        clients = column(block, "Cliente")
        changes = sum(one != other for one, other in pairwise(clients))
        assert changes == len(set(clients)) - 1


def test_who_and_what_is_there(full: list[Row], ledger: list[Row], budget: list[Row]) -> None:
    distinct = {name: len(set(column(full, name))) for name in HEADERS}
    assert distinct["CodigoProjeto"] == distinct["Projeto"] == 88
    assert distinct["Cliente"] == 12
    assert distinct["IdRecurso"] - 1 == pytest.approx(291, abs=3)
    assert distinct["Recurso"] == pytest.approx(477, abs=4)
    assert (distinct["ResponsavelDelivery"], distinct["ResponsavelDevengado"]) == (3, 5)
    assert distinct["DenominacaoConta"] == pytest.approx(671, rel=0.15)
    assert distinct["ResponsavelArea"] == distinct["FilialFaturamento"] == distinct["Imposto"] == 1
    assert all(re.fullmatch(r"[A-Z]{6}\d{3,4}(\.\d)?", str(code)) for code in column(full, "CodigoProjeto"))
    in_ledger, in_budget = set(column(ledger, "CodigoProjeto")), set(column(budget, "CodigoProjeto"))
    assert (len(in_ledger - in_budget), len(in_budget - in_ledger)) == (14, 2)
    people = {"ResponsavelArea", "ResponsavelDelivery", "ResponsavelDevengado"}
    assert all("FICTICI" in str(value) for name in people for value in column(full, name))


def test_text_and_number_cells(full: list[Row]) -> None:
    for row in full:
        cells = dict(zip(HEADERS, row, strict=True))
        assert type(cells["Lancamento"]) is float
        assert cells["Lancamento"] != 0
        assert cells["Imposto"] == 5.65
        assert (cells["IdHoms"] != "") == (cells["Relatorio"] == REALIZADO)
        payroll = cells["Relatorio"] == REALIZADO and cells["ContaResumo"] == CLT
        assert (type(cells["IdRecurso"]) is int) == payroll
        assert payroll or cells["IdRecurso"] is None
        if cells["Relatorio"] == ORCADO:
            assert cells["DenominacaoConta"] == ""
    assert not any("e" in repr(row[LANCAMENTO]) for row in full)


def test_one_name_for_one_employee(ledger: list[Row]) -> None:
    pairs = {(row[14], row[15]) for row in ledger if row[14] is not None}
    assert len(pairs) == len({number for number, _ in pairs}) == len({name for _, name in pairs})


def test_periods_run_without_gap(full: list[Row]) -> None:
    texts = set(column(full, "Periodo"))
    assert {"9/2016", "10/2016", "12/2024", "1/2025", "8/2025"} <= texts
    months = sorted(period_month(str(text)) for text in texts)
    assert months == list(range(month_number("2016-09"), month_number("2025-08") + 1))


def test_the_adjustment_month(ledger: list[Row]) -> None:
    counts = Counter(column(ledger, "Periodo"))
    assert counts["8/2024"] == max(counts.values()) == 508
    assert statistics.median(counts.values()) == pytest.approx(124, abs=8)
    relief = [amount(row) for row in ledger if row[17] == "8/2024" and row[12] == DESONERACAO]
    assert len(relief) == 359
    assert sum(value > 0 for value in relief) == pytest.approx(169, abs=25)


@pytest.mark.parametrize(
    ("account", "share", "mu", "sigma", "positive"),
    [
        (CLT, 0.365, 8.84, 1.48, 0.004),
        (SUBCONTRATADOS, 0.306, 9.32, 0.84, 0.121),
        (DESONERACAO, 0.172, 7.4, 1.5, 0.184),
        (RECEITA_DEVENGADA, 0.110, 10.66, 1.75, 0.999),
        (OUTROS, 0.047, 4.09, 1.32, 0.153),
    ],
)
def test_ledger_accounts(
    ledger: list[Row], account: str, share: float, mu: float, sigma: float, positive: float
) -> None:
    values = [amount(row) for row in ledger if row[12] == account]
    logarithms = [log(abs(value)) for value in values]
    assert len(values) / len(ledger) == pytest.approx(share, abs=0.012)
    assert statistics.mean(logarithms) == pytest.approx(mu, abs=0.25)
    assert statistics.pstdev(logarithms) == pytest.approx(sigma, abs=0.35)
    assert sum(value > 0 for value in values) / len(values) == pytest.approx(positive, abs=0.03)


@pytest.mark.parametrize(
    ("account", "share", "mu", "sigma"),
    [
        (SUBCONTRATADOS, 0.306, 9.72, 0.80),
        (CLT, 0.260, 9.61, 1.09),
        (RECEITA_DEVENGADA, 0.193, 10.83, 1.08),
        (DESONERACAO, 0.159, 7.84, 1.00),
        (OUTROS, 0.081, 6.54, 1.19),
    ],
)
def test_budget_accounts(budget: list[Row], account: str, share: float, mu: float, sigma: float) -> None:
    values = [amount(row) for row in budget if row[12] == account]
    logarithms = [log(value) for value in values]  # fails on a negative budget
    assert len(values) / len(budget) == pytest.approx(share, abs=0.015)
    assert statistics.mean(logarithms) == pytest.approx(mu, abs=0.1)
    assert statistics.pstdev(logarithms) == pytest.approx(sigma, abs=0.1)


def test_signs_and_reversals(full: list[Row], ledger: list[Row]) -> None:
    assert all((row[18] == "RECEITA") == (row[12] == RECEITA_DEVENGADA) for row in full)
    assert sum(amount(row) < 0 for row in ledger if row[18] == "RECEITA") == 2
    assert sum(amount(row) > 0 for row in ledger if row[18] == "CUSTO") == pytest.approx(1_134, rel=0.12)


def test_repeated_postings_are_in_the_ledger_only(full: list[Row]) -> None:
    groups = {row: count for row, count in Counter(full).items() if count > 1}
    assert sum(groups.values()) - len(groups) == pytest.approx(520, rel=0.1)
    assert set(groups.values()) == {2, 3, 4, 5, 6}
    assert {row[0] for row in groups} == {REALIZADO}


def test_awkward_amounts(full: list[Row], ledger: list[Row], budget: list[Row]) -> None:
    assert sum(decimals(row) > 2 for row in budget) / len(budget) == pytest.approx(0.68, abs=0.02)
    assert sum(decimals(row) > 2 for row in ledger) / len(ledger) == pytest.approx(0.005, abs=0.002)
    assert max(decimals(row) for row in full) >= 13
    assert min(abs(amount(row)) for row in full) == 0.01
    assert sum(abs(amount(row)) < 1 for row in full) == pytest.approx(35, abs=12)
    assert [amount(row) for row in full if abs(amount(row)) >= 1e7] == [38_456_112.47]


def test_half_cent_ties_separate_the_rounding_rules(full: list[Row]) -> None:
    cent = Decimal("0.01")
    exact = [Decimal(repr(amount(row))) for row in full]
    ties = [value for value in exact if abs(value) % cent == Decimal("0.005")]
    assert len(ties) == pytest.approx(22, abs=3)
    assert all(tie.quantize(cent, ROUND_HALF_EVEN) != tie.quantize(cent, ROUND_HALF_UP) for tie in ties)
    assert sum(value.quantize(cent, ROUND_HALF_EVEN) for value in exact) != sum(
        value.quantize(cent, ROUND_HALF_UP) for value in exact
    )


def test_relief_follows_revenue_to_the_cent(ledger: list[Row]) -> None:
    revenue: dict[tuple[object, object], float] = defaultdict(float)
    relief: dict[tuple[object, object], set[float]] = defaultdict(set)
    for row in ledger:
        key = (row[8], row[17])
        if row[12] == RECEITA_DEVENGADA:
            revenue[key] += amount(row)
        elif row[12] == DESONERACAO:
            relief[key].add(amount(row))
    both = [key for key in revenue if key in relief]
    rates = {key: 0.045 if int(str(key[1])[-4:]) <= 2024 else 0.036 for key in both}
    exact = [key for key in both if -round(rates[key] * revenue[key] / 0.9435, 2) in relief[key]]
    assert len(both) == pytest.approx(1_576, rel=0.03)
    assert len(exact) / len(both) > 0.99


def test_monthly_margin(ledger: list[Row]) -> None:
    revenue: Counter[object] = Counter()
    net: Counter[object] = Counter()
    for row in ledger:
        net[row[17]] += amount(row)  # type: ignore[assignment]
        if row[18] == "RECEITA":
            revenue[row[17]] += amount(row)  # type: ignore[assignment]
    margins = sorted(net[month] / revenue[month] for month in revenue)
    assert statistics.median(margins) == pytest.approx(0.11, abs=0.04)
    assert -0.2 < margins[5] < 0
    assert 0.2 < margins[-6] < 0.42


def test_dirt(full: list[Row]) -> None:
    texts, titles = column(full, "DenominacaoConta"), column(full, "Projeto")
    assert sum(bool(re.search("[\x80-\x9f]", str(text))) for text in texts) == pytest.approx(303, rel=0.2)
    assert sum(bool(re.search("[ĂŐ]", str(text))) for text in texts) == pytest.approx(956, rel=0.2)
    assert sum("\u00a0" in str(text) for text in texts) == pytest.approx(12, abs=4)
    assert max(len(str(text)) for text in texts) == 139
    assert len({title for title in titles if "\t" in str(title)}) == 1
    assert len({title for title in titles if "\u00a0" in str(title)}) == 1
    assert any("  " in str(text) for text in texts)
    padded = {name for name in column(full, "Recurso") if str(name).endswith(" ")}
    assert len(padded) == pytest.approx(156, abs=10)


def test_same_seed_same_rows(few: list[Row]) -> None:
    assert generate(ExportProfile(scale=0.05)) == few
    assert generate(ExportProfile(scale=0.05, seed=8)) != few


def test_a_later_end_appends_months_and_changes_none(full: list[Row]) -> None:
    longer = generate(ExportProfile(last="2025-12"))
    assert not Counter(full) - Counter(longer)
    fresh = Counter(str(row[17]) for row in (Counter(longer) - Counter(full)).elements())
    assert set(fresh) == {"9/2025", "10/2025", "11/2025", "12/2025"}
    assert all(count == pytest.approx((1620 + 1144) / 8, rel=0.5) for count in fresh.values())


def test_a_later_start_cuts_and_changes_none(full: list[Row]) -> None:
    shorter = generate(ExportProfile(first="2024-01"))
    assert Counter(shorter) == Counter(row for row in full if int(str(row[17])[-4:]) >= 2024)


@pytest.mark.parametrize("window", [("2016-08", "2025-08"), ("2024-02", "2024-01"), ("2024-1", "2024-02")])
def test_an_impossible_window_is_refused(window: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"2016-09|YYYY-MM"):
        ExportProfile(first=window[0], last=window[1])


def test_a_small_scale_keeps_the_dirt_and_every_month(few: list[Row]) -> None:
    assert len(few) == pytest.approx(22_300 * 0.05, rel=0.03)
    assert len(set(column(few, "Periodo"))) == 108
    assert any(count > 1 for count in Counter(few).values())
    assert any(amount(row) < 0 for row in few if row[18] == "RECEITA")
    assert min(abs(amount(row)) for row in few) == 0.01
