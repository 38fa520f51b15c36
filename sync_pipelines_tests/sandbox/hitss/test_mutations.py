"""What each change of the rows does, and what it leaves alone."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines.sandbox.hitss.export import HEADERS, Row
from sync_pipelines.sandbox.hitss.layout import REALIZADO, period_month


def changed(before: Sequence[Row], after: Sequence[Row]) -> set[str]:
    """Names of the columns that differ between rows at the same place."""
    assert len(before) == len(after)
    return {
        name
        for one, other in zip(before, after, strict=True)
        for name, old, new in zip(HEADERS, one, other, strict=True)
        if old != new
    }


def difference(before: Sequence[Row], after: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    old, new = Counter(before), Counter(after)
    return list((old - new).elements()), list((new - old).elements())


def test_area_head_changes_on_every_row_and_nothing_else(few: list[Row]) -> None:
    after = mutations.area_head_changed(few)
    assert changed(few, after) == {"ResponsavelArea"}
    assert {row[4] for row in after} == {"NOVA CHEFIA FICTICIA"}


def test_employee_renamed_changes_one_number(few: list[Row]) -> None:
    after = mutations.employee_renamed(few)
    assert changed(few, after) == {"Recurso"}
    assert len({row[14] for row in after if row[15] == "NOME NOVO FICTICIO"}) == 1
    assert mutations.employee_renamed(few, number=-1) == few


def test_orcado_restated_rewrites_two_years_of_budget(full: list[Row]) -> None:
    gone, come = difference(full, mutations.orcado_restated(full))
    assert (len(gone), len(come)) == (74, 311)
    for row in gone + come:
        assert row[0] == "Orçado"
        assert period_month(row[17]) >= period_month("8/2023")


def test_orcado_restated_survives_a_small_file(few: list[Row]) -> None:
    gone, come = difference(few, mutations.orcado_restated(few))
    assert gone
    assert len(come) == 311
    assert mutations.orcado_restated([]) == []


def test_realizado_restated_changes_a_closed_month(full: list[Row]) -> None:
    after = mutations.realizado_restated(full)
    assert changed(full, after) == {"Lancamento"}
    gone, come = difference(full, after)
    assert len(gone) == len(come) == 5
    assert {(row[0], row[17]) for row in come} == {(REALIZADO, "6/2025")}
    assert {row[17] for row in difference(full, mutations.realizado_restated(full, "1/2025"))[0]} == {
        "1/2025"
    }


def test_new_month_appends_one(few: list[Row]) -> None:
    gone, come = difference(few, mutations.new_month(few))
    assert not gone
    assert {row[17] for row in come} == {"9/2025"}
    assert len(come) == sum(row[17] == "8/2025" for row in few)


def test_a_project_or_a_month_vanishes(few: list[Row]) -> None:
    without = mutations.project_vanished(few)
    assert len({row[8] for row in few} - {row[8] for row in without}) == 1
    assert {row[17] for row in few} - {row[17] for row in mutations.month_vanished(few)} == {"5/2025"}
    assert "1/2020" not in {row[17] for row in mutations.month_vanished(few, "1/2020")}


def test_shrunk_keeps_the_share_of_both_reports(full: list[Row]) -> None:
    after = mutations.shrunk(full)
    assert len(after) == int(len(full) * 0.6)
    share = sum(row[0] == REALIZADO for row in after) / sum(row[0] == REALIZADO for row in full)
    assert share == pytest.approx(0.6, abs=0.001)
    assert difference(full, after)[1] == []


def test_doubled_postings_repeat_one_ledger_month(few: list[Row]) -> None:
    gone, come = difference(few, mutations.doubled_postings(few, "8/2024"))
    assert not gone
    assert sorted(come, key=repr) == sorted(
        (row for row in few if row[0] == REALIZADO and row[17] == "8/2024"), key=repr
    )


def test_nfd_accents_look_the_same(few: list[Row]) -> None:
    after = mutations.nfd_accents(few)
    assert changed(few, after) == {"Relatorio", "ContaResumo"}
    assert {unicodedata.normalize("NFC", str(row[12])) for row in after} == {row[12] for row in few}
    assert "Orçado" not in {row[0] for row in after}


def test_future_month_lies_after_the_last(few: list[Row]) -> None:
    _, come = difference(few, mutations.future_month(few, months=3))
    assert [row[17] for row in come] == ["11/2025"]
    assert mutations.future_month([]) == []


@pytest.mark.parametrize(
    ("after", "name", "values"),
    [
        (mutations.bad_periodo, "Periodo", ["13/2024"]),
        (mutations.numeric_periodo, "Periodo", [45505.0]),
        (mutations.text_amounts, "Lancamento", ["1.234,56", "1,234.56", "-330,67", "R$ 10,00"]),
        (mutations.blank_amount, "Lancamento", [""]),
        (mutations.unknown_relatorio, "Relatorio", ["Forecast"]),
        (mutations.unknown_natureza, "Natureza", ["INVESTIMENTO"]),
        (mutations.unknown_conta, "ContaResumo", ["Impostos"]),
    ],
)
def test_a_bad_cell_is_the_only_change(
    few: list[Row], after: Callable[..., list[Row]], name: str, values: list[object]
) -> None:
    result = after(few, row=3)
    assert changed(few, result) == {name}
    assert [row[HEADERS.index(name)] for row in result[3 : 3 + len(values)]] == values
    assert after([], row=0) == []


def test_a_blank_amount_may_be_a_missing_cell(few: list[Row]) -> None:
    assert mutations.blank_amount(few, missing=True)[0][16] is None


def test_nature_against_account(few: list[Row]) -> None:
    for index in (
        next(i for i, row in enumerate(few) if row[18] == nature) for nature in ("CUSTO", "RECEITA")
    ):
        row = mutations.natureza_conta_mismatch(few, row=index)[index]
        assert (row[18] == "RECEITA") != (row[12] == "Receita Devengada")


def test_header_only_has_no_rows(few: list[Row]) -> None:
    assert mutations.header_only(few) == []
