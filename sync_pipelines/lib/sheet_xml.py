"""The raw XML of a sheet, row by row: what a reader would return wrongly, or lose.

`is_in_order` is quick and passes only sheets that are written in the usual way; `CellScan` is exact and slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from xml.parsers import expat

from sync_pipelines.lib.failures import PermanentError

#: A cell beyond this column is a stray: no sheet that we read is nearly as wide.
WIDE = 64
_MARKS = {"e": "an error value", "b": "a logical value"}
_CAPITALS = bytes(range(ord("A"), ord("Z") + 1))
_NOT_CAPITALS = bytes(code for code in range(256) if code not in _CAPITALS)


def is_in_order(chunks: Iterable[bytes]) -> bool:
    """Whether a sheet is written in the usual way, with each row and each cell once and in order.

    Plain searches over whole rows. A valid sheet that is written in another way gives False too: `CellScan` decides.
    """
    known: set[bytes] = set()
    rest, before, tables = b"", 0, 0
    for chunk in chunks:
        *rows, rest = (rest + chunk).split(b"<row ")
        for row in rows:
            if not row.startswith(b'r="'):
                if before or not row.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
                    return False
                tables += row.count(b"<sheetData")
                continue
            before = _number_in_order(row, before, known)
            if not before:
                return False
    tables += rest.count(b"<sheetData")
    last = rest.partition(b"</row>")[0]
    return tables == 1 and (not before or bool(_number_in_order(last, before, known)))


def _number_in_order(row: bytes, before: int, known: set[bytes]) -> int:
    """The number of a row that comes after `before` and whose cells are in order; 0 if CellScan must decide."""
    end = row.find(b'"', 3)
    number = row[3:end]
    if not number.isdigit() or int(number) <= before:
        return 0
    # With shared strings only the cell references have capital letters: they are the columns of the row.
    columns = row.translate(None, _NOT_CAPITALS)
    if columns not in known:
        if any(left >= right for left, right in pairwise(columns)):
            return 0
        known.add(columns)
    usual = (
        row.count(b"<c") == len(columns) == row.translate(None, _CAPITALS).count(b'r="' + number + b'"') - 1
        and row.count(b"</v>") == row.count(b"</v></c>")
        and b't="s"><v>-' not in row
    )
    return int(number) if usual else 0


def parse(reading: expat.XMLParserType, chunks: Iterable[bytes], part: str) -> None:
    """Feed the chunks of a part to a parser. Raises PermanentError if it is not well-formed."""
    try:
        for chunk in chunks:
            reading.Parse(chunk, False)
        reading.Parse(b"", True)
    except expat.ExpatError as error:
        raise PermanentError(f"The workbook's part {part} is not well-formed XML ({error}).") from None


def parser(start: object) -> expat.XMLParserType:
    """An expat parser that refuses entities, which no part of a real workbook declares."""

    def refuse(*_: object) -> None:
        raise PermanentError("The workbook declares XML entities, which no spreadsheet program writes.")

    made = expat.ParserCreate()
    made.EntityDeclHandler = refuse
    made.StartDoctypeDeclHandler = refuse
    made.StartElementHandler = start  # type: ignore[assignment]
    return made


class CellScan:
    """The slow, exact pass over every cell with a value, for a sheet in which something is unusual."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.marked: dict[tuple[int, int], str] = {}
        self.row = self.column = self.last_used = 0
        self.previous_used = 0
        self.tables = self.values = 0
        self.shared = self.in_value = False

    def run(self, chunks: Iterator[bytes]) -> CellScan:
        reading = parser(self._start)
        reading.CharacterDataHandler = self._text
        reading.EndElementHandler = self._end
        parse(reading, chunks, "with the cells")
        return self

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "sheetData":
                self.tables += 1
                if self.tables > 1:
                    self._refuse("its rows stand in two tables, of which a reader sees the first only")
            case "row":
                self._row(attributes.get("r"))
            case "c":
                self._cell(attributes)
            case "f":
                self.marked[self.row, self.column] = "a formula"
            case "v" | "is" as name:
                self.values += 1
                self.in_value = name == "v" and self.shared
                if self.values > 1:
                    self._refuse(f"the cell in row {self.row}, column {self.column} holds two values")
                self._use()

    def _row(self, number: str | None) -> None:
        row = int(number) if number and number.isdigit() else 0
        if number and row <= self.row:
            twice = "comes twice" if row == self.row else f"comes after row {self.row}"
            self._refuse(f"row {number} {twice}")
        self.row = row or self.row + 1
        self.column = 0

    def _cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "")
        letters = reference.rstrip("0123456789")
        column = _column_number(letters.upper()) if letters else self.column + 1
        if reference and reference[len(letters) :] != str(self.row):
            self._refuse(f"the cell {reference} stands in row {self.row}")
        if column <= self.column:
            self._refuse(f"the cell in row {self.row}, column {column} comes twice or out of its order")
        self.column, self.values = column, 0
        self.shared = attributes.get("t") == "s"
        if mark := _MARKS.get(attributes.get("t", "")):
            self.marked[self.row, self.column] = mark

    def _text(self, text: str) -> None:
        if self.in_value and "-" in text:
            self._refuse(f"the cell in row {self.row}, column {self.column} names a text that does not exist")

    def _end(self, tag: str) -> None:
        self.in_value = False

    def _refuse(self, what: str) -> None:
        raise PermanentError(
            f"The sheet {self.sheet!r} is damaged: {what}. A reader would lose rows or take one for another, so nothing"
            " was read. Export it again."
        )

    def _use(self) -> None:
        """Refuse a cell with a value that is far from all others."""
        if self.row != self.last_used:
            self.previous_used, self.last_used = self.last_used, self.row
        if self.row > self.previous_used + 100_000 or self.column > WIDE:
            raise PermanentError(
                f"The sheet has a stray cell in row {self.row}, column {self.column}; the rows before it end"
                f" at row {self.previous_used}. Delete that cell at the source and export again."
            )


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
