"""Writes rows as the real export's xlsx: by hand, because no library leaves the same marks.

Marks kept: one sheet, a byte order mark on every part, no docProps, General numbers, empty texts as explicit
shared strings, empty numbers as cells that are missing from the XML.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Final, TypeVar
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sync_pipelines.sandbox.hitss import parts
from sync_pipelines.sandbox.hitss.layout import CLIENTE, HEADERS, ORCADO, RELATORIO, SHEET, Cell

ROWS_PER_CHUNK: Final = 2_000


@dataclass(frozen=True)
class Formula:
    """A formula cell and the value that the writer's spreadsheet last computed."""

    expression: str
    cached: float


@dataclass(frozen=True)
class DateCell:
    """A cell that a spreadsheet types as a date: a serial number with a date format."""

    day: date


@dataclass(frozen=True)
class ErrorCell:
    """A cell whose value is a spreadsheet error such as `#REF!`."""

    code: str


WrittenCell = Cell | Formula | DateCell | ErrorCell
WrittenRow = tuple[WrittenCell, ...]
RowT = TypeVar("RowT", bound=WrittenRow)


@dataclass(frozen=True)
class Book:
    """What a workbook holds: the main sheet, sheets after it, and raw row XML after the data."""

    rows: Sequence[WrittenRow]
    headers: tuple[str, ...] = HEADERS
    sheet: str = SHEET
    other_sheets: tuple[tuple[str, Sequence[WrittenRow]], ...] = ()
    tail: Callable[[int], Iterable[str]] = field(default=lambda _next_row: ())


def write_workbook(
    rows: Sequence[WrittenRow],
    target: Path | IO[bytes],
    *,
    stamped: datetime,
    sheet: str = SHEET,
    headers: Sequence[str] = HEADERS,
    orcado_variant: int = 0,
) -> None:
    """Write `rows` under `headers`; other `stamped` or `orcado_variant`, other bytes for the same rows."""
    book = Book(orcado_order(rows, orcado_variant), tuple(headers), sheet)
    write_book(book, target, stamped=stamped)


def write_book(book: Book, target: Path | IO[bytes], *, stamped: datetime) -> None:
    """Write every sheet of `book`; ZIP members carry `stamped`, to the two seconds that ZIP knows."""
    names = [book.sheet, *(name for name, _ in book.other_sheets)]
    strings: dict[str, int] = {}
    with ZipFile(target, "w") as archive:
        member = _Members(archive, stamped)
        member.write("[Content_Types].xml", [parts.content_types(len(names))])
        member.write("_rels/.rels", [parts.ROOT_RELATIONS])
        member.write("xl/workbook.xml", [parts.workbook(names)])
        member.write("xl/_rels/workbook.xml.rels", [parts.workbook_relations(len(names))])
        writer = _Sheet(strings)
        member.write("xl/worksheets/sheet1.xml", writer.xml(book.headers, book.rows, book.tail))
        for number, (_, rows) in enumerate(book.other_sheets, 2):
            member.write(
                f"xl/worksheets/sheet{number}.xml", writer.xml(book.headers, rows, lambda _next_row: ())
            )
        member.write("xl/styles.xml", [parts.styles(dates=writer.dates)])
        member.write("xl/sharedStrings.xml", [parts.shared_strings(list(strings))])


def orcado_order(rows: Sequence[RowT], variant: int) -> list[RowT]:
    """The same rows in one of the two orders seen: variant 1 turns each client's Orçado rows round."""
    if variant == 0:
        return list(rows)
    if variant != 1:
        raise ValueError(f"orcado_variant is 0 or 1; got {variant}.")
    result: list[RowT] = []
    for (report, _), group in groupby(rows, key=lambda row: (row[RELATORIO], row[CLIENTE])):
        block = list(group)
        result += reversed(block) if report == ORCADO else block
    return result


def column_letters(count: int) -> list[str]:
    """`A`, `B` ... for that many columns."""
    letters = []
    for index in range(count):
        name, rest = "", index + 1
        while rest:
            rest, digit = divmod(rest - 1, 26)
            name = chr(65 + digit) + name
        letters.append(name)
    return letters


@dataclass(frozen=True)
class _Members:
    archive: ZipFile
    stamped: datetime

    def write(self, name: str, chunks: Iterable[str]) -> None:
        when = self.stamped
        info = ZipInfo(name, (when.year, when.month, when.day, when.hour, when.minute, when.second))
        info.compress_type = ZIP_DEFLATED
        with self.archive.open(info, "w") as part:
            for chunk in chunks:
                part.write(chunk.encode())


@dataclass
class _Sheet:
    strings: dict[str, int]
    dates: bool = False
    letters: list[str] = field(default_factory=lambda: column_letters(len(HEADERS)))

    def xml(
        self, headers: Sequence[str], rows: Sequence[WrittenRow], tail: Callable[[int], Iterable[str]]
    ) -> Iterator[str]:
        last = f"{column_letters(len(headers))[-1]}{len(rows) + 1}"
        yield parts.sheet_start(f"A1:{last}")
        yield self.row(1, tuple(headers), f' s="{parts.HEADER_STYLE}"')
        for start in range(0, len(rows), ROWS_PER_CHUNK):
            chunk = rows[start : start + ROWS_PER_CHUNK]
            yield "".join([self.row(number, row) for number, row in enumerate(chunk, start + 2)])
        yield from tail(len(rows) + 2)
        yield f'</sheetData><autoFilter ref="A1:{last}"/>{parts.SHEET_END}'

    def row(self, number: int, row: WrittenRow, style: str = "") -> str:
        if len(row) > len(self.letters):
            self.letters = column_letters(len(row))
        strings = self.strings
        cells = []
        for letter, value in zip(self.letters, row, strict=False):
            # By frequency: a million-row sheet has some fourteen texts and two numbers a row.
            if type(value) is str:
                index = strings.setdefault(value, len(strings))
                cells.append(f'<c r="{letter}{number}"{style} t="s"><v>{index}</v></c>')
            elif type(value) is float:
                cells.append(
                    f'<c r="{letter}{number}"{style}><v>{value:.0f}</v></c>'
                    if value.is_integer()
                    else f'<c r="{letter}{number}"{style}><v>{value!r}</v></c>'
                )
            elif type(value) is int:
                cells.append(f'<c r="{letter}{number}"{style}><v>{value}</v></c>')
            elif value is not None:
                cells.append(self.odd(f"{letter}{number}", value))
        return f'<row r="{number}">{"".join(cells)}</row>'

    def odd(self, place: str, value: WrittenCell) -> str:
        if isinstance(value, Formula):
            return f'<c r="{place}"><f>{value.expression}</f><v>{value.cached!r}</v></c>'
        if isinstance(value, ErrorCell):
            return f'<c r="{place}" t="e"><v>{value.code}</v></c>'
        if isinstance(value, DateCell):
            self.dates = True
            serial = (value.day - date(1899, 12, 30)).days
            return f'<c r="{place}" s="{parts.DATE_STYLE}"><v>{serial}</v></c>'
        raise TypeError(f"A cell cannot hold {type(value).__name__} ({place}).")
