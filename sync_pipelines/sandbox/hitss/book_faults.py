"""What can be wrong with a workbook beyond its rows, each as a pure function from book to book."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from sync_pipelines.sandbox.hitss.layout import LANCAMENTO, PERIODO
from sync_pipelines.sandbox.hitss.workbook import Book, DateCell, ErrorCell, Formula, WrittenCell, WrittenRow

LAST_ROW: Final = 1_048_576
LAST_COLUMN: Final = 16_384


def formula(book: Book, row: int = 0, cached: float = -1234.5) -> Book:
    """An amount that is a formula with a cached value."""
    return _with_cell(book, row, LANCAMENTO, value=Formula("SUM(A1:A1)-1234.5", cached))


def error_cell(book: Book, row: int = 0, code: str = "#REF!") -> Book:
    """An amount that is a spreadsheet error."""
    return _with_cell(book, row, LANCAMENTO, value=ErrorCell(code))


def date_periodo(book: Book, row: int = 0, day: str = "2024-08-01") -> Book:
    """A Periodo that the spreadsheet holds as a date."""
    return _with_cell(book, row, PERIODO, value=DateCell(date.fromisoformat(day)))


def second_sheet(book: Book, name: str = "Resumo", rows: int = 3) -> Book:
    """A sheet more, after the good one, with some of its rows."""
    return replace(book, other_sheets=(*book.other_sheets, (name, book.rows[:rows])))


def renamed_sheet(book: Book, name: str = "Planilha1") -> Book:
    """The one sheet under another name."""
    return replace(book, sheet=name)


def extra_column(book: Book, name: str = "CentroCusto", value: str = "CC-001") -> Book:
    """A twentieth column at the end."""
    return _with_columns(book, (*book.headers, name), lambda row: (*row, value))


def missing_column(book: Book, name: str = "Natureza") -> Book:
    """One column less."""
    at = book.headers.index(name)
    return _with_columns(
        book, book.headers[:at] + book.headers[at + 1 :], lambda row: row[:at] + row[at + 1 :]
    )


def renamed_column(book: Book, name: str = "Lancamento", to: str = "Valor") -> Book:
    """One header changed, its cells as before."""
    return replace(book, headers=tuple(to if header == name else header for header in book.headers))


def reordered_columns(book: Book, one: str = "Lancamento", other: str = "Periodo") -> Book:
    """Two columns change places, cells and headers alike."""
    order = list(range(len(book.headers)))
    i, j = book.headers.index(one), book.headers.index(other)
    order[i], order[j] = j, i
    return _with_columns(
        book, tuple(book.headers[k] for k in order), lambda row: tuple(row[k] for k in order)
    )


def duplicate_column(book: Book, name: str = "Lancamento") -> Book:
    """A column twice under the same header."""
    at = book.headers.index(name)
    return _with_columns(book, (*book.headers, name), lambda row: (*row, row[at]))


def stray_last_row(book: Book) -> Book:
    """One number in the sheet's very last row, as a slip of the keyboard leaves it."""
    return replace(
        book, tail=lambda _next_row: [f'<row r="{LAST_ROW}"><c r="A{LAST_ROW}"><v>1</v></c></row>']
    )


def stray_far_column(book: Book, row: int = 0) -> Book:
    """One text in the sheet's very last column."""
    rows = list(book.rows)
    if row < len(rows):
        rows[row] = (*rows[row], *([None] * (LAST_COLUMN - 1 - len(rows[row]))), "x")
    return replace(book, rows=rows)


def million_empty_rows(book: Book, rows: int = 1_000_000) -> Book:
    """A million formatted rows without values after the data."""

    def empty(next_row: int) -> Iterable[str]:
        last = min(LAST_ROW, next_row + rows - 1)
        for start in range(next_row, last + 1, 10_000):
            stop = min(last + 1, start + 10_000)
            yield "".join([f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(start, stop)])

    return replace(book, tail=empty)


def _with_cell(book: Book, row: int, column: int, value: WrittenCell) -> Book:
    rows = list(book.rows)
    if row < len(rows):
        rows[row] = (*rows[row][:column], value, *rows[row][column + 1 :])
    return replace(book, rows=rows)


def _with_columns(book: Book, headers: tuple[str, ...], change: Callable[[WrittenRow], WrittenRow]) -> Book:
    return replace(book, headers=headers, rows=[change(row) for row in book.rows])
