import io
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from sync_pipelines.hitss.dre.lines import ParsedExport
from sync_pipelines.hitss.dre.window import Window
from sync_pipelines.hitss.dre.workbook import parse_workbook
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.hitss import book_faults
from sync_pipelines.sandbox.hitss.export import HEADERS, ExportProfile, generate
from sync_pipelines.sandbox.hitss.mutations import replaced
from sync_pipelines.sandbox.hitss.workbook import Book, ErrorCell, Formula, write_book

WINDOW = Window("2016-09-01", "2025-08-01")
ROWS = generate(ExportProfile(scale=0.02))
BOOK = Book(ROWS)
LANCAMENTO = 16


def parse(folder: Path, book: Book, accepted: Collection[str] = ()) -> ParsedExport:
    path = folder / "book.xlsx"
    target = io.BytesIO()
    write_book(book, target, stamped=datetime(2025, 9, 21))
    path.write_bytes(target.getvalue())
    return parse_workbook(path, WINDOW, accepted)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> ParsedExport:
    return parse(tmp_path_factory.mktemp("good"), BOOK)


def test_every_row_is_read_and_none_is_rejected(good: ParsedExport) -> None:
    assert good.rows_read == len(ROWS) == sum(map(len, good.lines.values()))
    assert not good.rejects


def test_the_window_is_a_half_open_range_of_days() -> None:
    assert WINDOW.days == (date(2016, 9, 1), date(2025, 9, 1))
    assert Window("2024-12-01", "2024-12-01").days == (date(2024, 12, 1), date(2025, 1, 1))


def test_totals_are_those_of_another_reader(tmp_path: Path, good: ParsedExport) -> None:
    """openpyxl through pandas knows nothing of our reader: sums per month, report and Natureza must agree."""
    import pandas as pd

    parse(tmp_path, BOOK)
    frame = pd.read_excel(tmp_path / "book.xlsx", sheet_name="Dados", engine="openpyxl", dtype=object)
    assert tuple(frame.columns) == HEADERS
    found: dict[tuple[str, str], list[Decimal]] = {}
    for report, period, natureza, amount in frame[["Relatorio", "Periodo", "Natureza", "Lancamento"]].values:
        month, _, year = period.partition("/")
        key = (f"{year}-{int(month):02d}-01", f"{report} {natureza}")
        found.setdefault(key, []).append(Decimal(repr(float(amount))))
    totals = {
        (month, name): total
        for month, content in good.contents().items()
        for name, total in content.totals.items()
    }
    cent = Decimal("0.01")
    assert totals.keys() == found.keys()
    for key, amounts in found.items():
        rounded = sum(amount.quantize(cent, ROUND_HALF_UP) for amount in amounts)
        assert totals[key] == (len(amounts), sum(amounts), rounded)


def test_columns_are_found_by_name_in_any_order(tmp_path: Path, good: ParsedExport) -> None:
    turned = replace(BOOK, headers=HEADERS[::-1], rows=[row[::-1] for row in ROWS])
    for book in (book_faults.reordered_columns(BOOK), turned):
        assert parse(tmp_path, book).contents() == good.contents()


@pytest.mark.parametrize(
    "write", [str.upper, lambda name: f" {name} ", lambda name: f"{name[:3]}_{name[3:]}"]
)
def test_headers_are_compared_by_their_letters(
    tmp_path: Path, good: ParsedExport, write: Callable[[str], str]
) -> None:
    headers = (*map(write, HEADERS[:-1]), "Naturéza")
    assert parse(tmp_path, replace(BOOK, headers=headers)).contents() == good.contents()


@pytest.mark.parametrize(
    ("book", "sentence"),
    [
        (book_faults.missing_column(BOOK), "it lacks Natureza"),
        (book_faults.renamed_column(BOOK), "it lacks Lancamento; it adds valor"),
        (book_faults.duplicate_column(BOOK), "it repeats Lancamento"),
        (replace(BOOK, headers=("",) * 19), "it lacks Relatorio, Tipo, "),
        (replace(BOOK, headers=("Relatorio",), rows=[]), "it lacks Tipo, "),
    ],
)
def test_a_header_that_cannot_be_read_is_never_accepted(tmp_path: Path, book: Book, sentence: str) -> None:
    for accepted in ((), ("exact_header",)):
        with pytest.raises(PermanentError, match=sentence):
            parse(tmp_path, book, accepted)


def test_a_column_more_is_named_and_may_be_accepted(tmp_path: Path, good: ParsedExport) -> None:
    book = book_faults.extra_column(BOOK)
    with pytest.raises(PermanentError, match=r"it adds centrocusto.*accept: \[exact_header\]"):
        parse(tmp_path, book, ("single_sheet",))
    assert parse(tmp_path, book, ("exact_header",)).contents() == good.contents()


def test_a_formula_in_an_accepted_column_of_no_interest_rejects_nothing(tmp_path: Path) -> None:
    rows = [(*row, Formula("A1", 1.0)) for row in ROWS[:5]]
    parsed = parse(tmp_path, Book(rows, headers=(*HEADERS, "CentroCusto")), ("exact_header",))
    assert [p for reject in parsed.rejects for p in reject.problems] == []


@pytest.mark.parametrize(
    ("book", "names"),
    [
        (book_faults.second_sheet(BOOK), "'Dados', 'Resumo'"),
        (book_faults.renamed_sheet(BOOK), "'Planilha1'"),
        (replace(BOOK, sheet="dados"), "'dados'"),
    ],
)
def test_other_sheets_are_named_and_may_be_accepted(
    tmp_path: Path, good: ParsedExport, book: Book, names: str
) -> None:
    with pytest.raises(PermanentError, match=rf"it holds {names}.*accept: \[single_sheet\]"):
        parse(tmp_path, book, ("exact_header",))
    assert parse(tmp_path, book, ("single_sheet",)).contents() == good.contents()


def test_a_formula_is_found_in_the_sheet_that_is_read(tmp_path: Path) -> None:
    """With a sheet before it, `Dados` is not the first part of the archive."""
    marked = [replaced(ROWS[0], LANCAMENTO, Formula("1+1", 2.0)), *ROWS[1:5]]  # type: ignore[arg-type]
    book = Book(ROWS[:5], sheet="Resumo", other_sheets=(("Dados", marked),))
    parsed = parse(tmp_path, book, ("single_sheet",))
    assert [(reject.row, reject.problems[0].rule) for reject in parsed.rejects] == [(2, "literal")]


def test_a_formula_in_a_sheet_that_is_not_read_rejects_nothing(tmp_path: Path) -> None:
    marked = [replaced(ROWS[0], LANCAMENTO, Formula("1+1", 2.0))]  # type: ignore[arg-type]
    parsed = parse(
        tmp_path, Book(marked, sheet="Resumo", other_sheets=(("Dados", ROWS[:5]),)), ("single_sheet",)
    )
    assert not parsed.rejects


@pytest.mark.parametrize(
    ("book", "column", "reason"),
    [
        (book_faults.formula(BOOK, row=2), "Lancamento", "the cell is a formula, not"),
        (book_faults.error_cell(BOOK, row=2), "Lancamento", "the cell is an error value, not"),
        (book_faults.date_periodo(BOOK, row=2), "Periodo", "not a text such as 8/2025"),
    ],
)
def test_a_cell_that_nobody_typed_is_rejected_with_its_row(
    tmp_path: Path, book: Book, column: str, reason: str
) -> None:
    parsed = parse(tmp_path, book)
    (reject,) = parsed.rejects
    (problem,) = reject.problems
    assert (reject.row, problem.column) == (4, column)
    assert reason in problem.reason
    assert parsed.rows_read == len(ROWS)


def test_a_row_that_holds_only_an_error_is_not_passed_over(tmp_path: Path) -> None:
    lost = (*[""] * LANCAMENTO, ErrorCell("#REF!"), "", "")
    parsed = parse(tmp_path, replace(BOOK, rows=[*ROWS[:3], lost, *ROWS[3:6]]))
    assert (parsed.rows_read, [reject.row for reject in parsed.rejects]) == (7, [5])


def test_the_reject_keeps_each_raw_cell_under_its_own_header(tmp_path: Path) -> None:
    bad = replace(BOOK, rows=[replaced(ROWS[0], LANCAMENTO, "1.234,56"), *ROWS[1:]])
    raw = []
    for book in (bad, book_faults.reordered_columns(bad)):
        (reject,) = parse(tmp_path, book).rejects
        raw.append(dict(zip(HEADERS, reject.raw, strict=False)))
    assert raw[0] == raw[1]
    assert raw[0]["Lancamento"] == "1.234,56"


def test_blank_rows_after_and_between_are_no_rows(tmp_path: Path) -> None:
    blank = ("",) * 19
    bad = replaced(ROWS[9], LANCAMENTO, "x")
    parsed = parse(tmp_path, Book([*ROWS[:3], blank, (), *ROWS[3:9], bad, blank, ()]))
    assert parsed.rows_read == 10
    assert [reject.row for reject in parsed.rejects] == [13]
    grown = parse(tmp_path, book_faults.million_empty_rows(Book(ROWS[:9]), 5000))
    assert grown.rows_read == 9


def test_a_header_without_rows_holds_nothing(tmp_path: Path) -> None:
    parsed = parse(tmp_path, Book([]))
    assert (parsed.rows_read, parsed.contents(), parsed.rejects) == (0, {}, [])
