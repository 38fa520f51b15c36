"""Rows that cannot be used: where they go, what is said of them, and how they come back."""

from typing import Any

from openpyxl import load_workbook

from sync_pipelines.sandbox.hitss.layout import HEADERS, LANCAMENTO
from sync_pipelines.sandbox.hitss.mutations import AMOUNT_TEXTS, replaced
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import run

NEWEST = "2025-08-01"


def rejected(house: House, run_id: str = "run") -> list[tuple[Any, ...]]:
    return house.ops.execute(
        "select partition_key, source_row, column_name, value, rule, raw from ops.rejects"
        " where run_id = %s order by source_row, id",
        (run_id,),
    ).fetchall()


def served(house: House, value: object, rows: int = 1, column: int = LANCAMENTO) -> None:
    """The upstream has this value in the newest month's first rows."""
    left, found = rows, []
    for row in house.hitss.rows:
        hit = left > 0 and row[17] == "8/2025"
        left -= hit
        found.append(replaced(row, column, value) if hit else row)  # type: ignore[arg-type]
    house.hitss.serve_rows(found)


def test_amounts_as_text_are_rejected_with_their_row_and_everything_raw(short: House) -> None:
    short.hitss.fault("text_amounts")
    ran = run(short)
    found = rejected(short)
    assert [(row[1], row[2], row[3], row[4]) for row in found] == [
        (number, "Lancamento", value, "amount") for number, value in enumerate(AMOUNT_TEXTS, 2)
    ]
    for *_, value, _, raw in found:
        assert raw.keys() == set(HEADERS)
        assert raw["Lancamento"] == value
        assert raw["Natureza"] in {"CUSTO", "RECEITA"}
    assert ran.report.validation.rejected == 4
    lines = short.value("select count(*) from sync_private.dre_lines")
    assert ran.report.validation.rows == lines + 4
    months = {row[0] for row in found}
    assert sum(ran.outcomes[month]["dre_lines"].rejected for month in months) == 4


BAD_CELLS: list[tuple[str, dict[str, bool], str, str]] = [
    ("bad_periodo", {}, "Periodo", "13/2024"),
    ("numeric_periodo", {}, "Periodo", "45505.0"),
    ("date_periodo", {}, "Periodo", "2024-08-01"),
    ("blank_amount", {}, "Lancamento", ""),
    ("blank_amount", {"missing": True}, "Lancamento", ""),
    ("formula", {}, "Lancamento", "-1234.5"),
    ("error_cell", {}, "Lancamento", ""),
]


def test_a_bad_cell_costs_its_row_only(short: House) -> None:
    for fault, params, column, value in BAD_CELLS:
        run_id = f"{fault} {params}"
        short.hitss.clear()
        short.hitss.fault(fault, row=1, **params)
        report = short.dre.download(run_id)
        assert [row[1:4] for row in rejected(short, run_id)] == [(3, column, value)]
        assert (report.validation.rejected, report.landing.status) == (1, "usable")
        rows = sum(content.full.rows for content in report.validation.contents.values())
        assert rows == report.validation.rows - 1


def test_the_reject_workbook_is_text_a_person_can_open_and_nobody_else(short: House) -> None:
    served(short, "=1+1")
    path = short.settings.landing_root / str(short.dre.download("run").validation.reject_book)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)} == {0o700}
    header, row = load_workbook(path)["Rejeitadas"].iter_rows()
    assert [cell.value for cell in header] == ["Linha", "Coluna", "Valor", "Regra", "Motivo", *HEADERS]
    assert row[2].value == row[5 + LANCAMENTO].value == "=1+1"
    assert {cell.data_type for cell in row if cell.value is not None} == {"s"}


def test_a_sheet_seen_before_still_names_its_reject_workbook(short: House) -> None:
    served(short, "x")
    books = [short.dre.download(f"run {number}").validation.reject_book for number in range(3)]
    assert None not in books


def test_a_corrected_row_loads(short: House) -> None:
    good = list(short.hitss.rows)
    served(short, "1.234,56", rows=2)
    assert run(short).report.validation.rejected == 2
    lines = "select count(*) from sync_private.dre_lines where competencia = '2025-08-01'"
    before = short.value(lines)
    short.hitss.serve_rows(good)
    ran = run(short, "corrected")
    assert ran.report.pending.changed == (NEWEST,)
    assert ran.report.validation.rejected == 0
    assert short.value(lines) == before + 2
    assert rejected(short, "corrected") == []


def test_raw_text_of_any_kind_is_kept(short: House) -> None:
    served(short, 'R$ "10" \\u0000 \\x ção\t')
    short.dre.download("run")
    ((_, _, _, value, _, raw),) = rejected(short)
    assert value == raw["Lancamento"] == 'R$ "10" \\u0000 \\x ção\t'


def test_an_id_beyond_every_number_costs_its_row_only(short: House) -> None:
    served(short, 1e30, column=HEADERS.index("IdRecurso"))
    ran = run(short)
    assert not ran.problems
    assert [row[2] for row in rejected(short)] == ["IdRecurso"]


def test_an_amount_beyond_every_table_costs_its_row_only(short: House) -> None:
    served(short, -1e15)
    ran = run(short)
    assert not ran.problems
    assert [row[2] for row in rejected(short)] == ["Lancamento"]
