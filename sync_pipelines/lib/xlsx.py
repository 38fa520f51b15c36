"""A look at an xlsx file before any reader trusts it, and a digest of its sheet.

Readers allocate for the whole extent of a sheet, inflate what a ZIP claims is small, hand out the cached value of a
formula as if somebody had typed it, and turn an error cell into an empty text. Where two rows or cells bear one
number, they show the last of them only. So the raw XML is streamed once: sizes and ratios are limited, the last used
cell is found, cells that are not plain literals are named, and a sheet of which a reader would lose rows is refused.
The same pass digests the uncompressed parts, which stay the same when the ZIP's time stamps change.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

from sync_pipelines.lib.failures import PermanentError

MAX_INFLATED = 1 << 30
#: Real exports inflate 12 to 15 times; a bomb a thousand times.
MAX_RATIO = 200
CHUNK = 1 << 20
#: A sheet this tall is looked at cell by cell before a reader may allocate for it.
TALL = 500_000
WIDE = 64

_MARKS = {"e": "an error value", "b": "a logical value"}
#: Folds what is looked for, so that few plain searches find all of it (a regular expression takes ten times as
#: long): capital letters become A, quotes double, `b` becomes `e` as in t="e", `!` becomes `f` as in <f>.
_FOLDED = bytes(
    ord("A") if chr(code).isupper() and code < 128 else {"'": 34, "b": 101, "!": 102}.get(chr(code), code)
    for code in range(256)
)
#: A cell beyond column Z; an error or logical cell; a formula or a declaration; a formula with a prefix. What
#: is found without being that costs the slow pass, and nothing else.
_UNUSUAL = (b'"AA', b't="e"', b"<f", b":f")
_ROW_NUMBER = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br=["'](\d+)["']""")
_CAPITALS = bytes(range(ord("A"), ord("Z") + 1))
_NOT_CAPITALS = bytes(code for code in range(256) if code not in _CAPITALS)
#: Styles decide whether a number is a date.
_SHARED_PARTS = ("xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml")


@dataclass(frozen=True)
class Inspection:
    """What the raw XML says: sheet names, and by sheet the cells that are no plain values.

    `marked` gives what such a cell is, by (row, column) from 1.
    """

    sheets: tuple[str, ...]
    marked: Mapping[str, Mapping[tuple[int, int], str]] = field(default_factory=dict)


def digest(path: Path) -> str:
    """SHA-256 over the uncompressed parts that hold data, the same when the ZIP is stamped anew.

    Raises PermanentError with a sentence for a file that is no workbook, damaged, or too large inflated.
    """
    with _opened(path) as archive:
        found = hashlib.sha256()
        for part in [
            *_sheets(archive).values(),
            *(name for name in _SHARED_PARTS if name in archive.namelist()),
        ]:
            found.update(part.encode())
            for chunk in _chunks(archive, part):
                found.update(chunk)
        return found.hexdigest()


def inspect(path: Path) -> Inspection:
    """Look at every sheet's raw XML, in one quick pass, and cell by cell where that shows something unusual.

    Raises PermanentError as `digest` does, for a cell far from all others, and for rows or cells that come twice, out
    of their order or in another's place.
    """
    with _opened(path) as archive:
        sheets = _sheets(archive)
        marked = {}
        for name, part in sheets.items():
            if _is_unusual(archive, part) or not _is_in_order(_chunks(archive, part)):
                marked[name] = _CellScan(name).run(_chunks(archive, part)).marked
        return Inspection(tuple(sheets), marked)


def rows(path: Path, sheet: str) -> Iterator[Sequence[object]]:
    """The rows of a sheet as cells with their types: texts, floats, dates, empty texts.

    Every row has the width of the sheet's widest. Raises PermanentError when the reader cannot read it.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        cells = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet)
        if cells.start is not None and cells.start != (0, 0):
            raise PermanentError(f"The sheet {sheet!r} does not begin in cell A1.")
        yield from cells.iter_rows()
    except CalamineError as error:
        raise PermanentError(f"The workbook's sheet {sheet!r} cannot be read ({error}).") from None


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The container, within limits; its damages as sentences."""
    try:
        with zipfile.ZipFile(path) as archive:
            _limit_sizes(archive)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise PermanentError(
            f"The workbook cannot be read: its ZIP container is damaged ({error})."
        ) from None


def _limit_sizes(archive: zipfile.ZipFile) -> None:
    inflated = sum(part.file_size for part in archive.infolist())
    if inflated > MAX_INFLATED:
        raise PermanentError(
            f"The workbook would inflate to {inflated >> 20} MiB, more than the {MAX_INFLATED >> 20} MiB allowed."
        )
    for part in archive.infolist():
        if part.file_size > 16 * CHUNK and part.file_size > MAX_RATIO * max(1, part.compress_size):
            raise PermanentError(
                f"The workbook's part {part.filename} inflates {part.file_size // max(1, part.compress_size)}"
                f" times; more than {MAX_RATIO} times is taken for a ZIP bomb."
            )


def _is_unusual(archive: zipfile.ZipFile, part: str) -> bool:
    """Whether a sheet may hold a formula, an error or logical cell, or a cell where none should be."""
    tail = b""
    for chunk in _chunks(archive, part):
        # A pattern may lie across two chunks: some bytes of the one before are looked at again.
        xml = (tail[-16:] + chunk).translate(_FOLDED)
        if any(needle in xml for needle in _UNUSUAL):
            return True
        tail = tail[-CHUNK:] + chunk
    numbers = _ROW_NUMBER.findall(tail)
    return bool(numbers and int(numbers[-1]) > TALL)


def _is_in_order(chunks: Iterable[bytes]) -> bool:
    """Whether a sheet is written in the usual way, each row and each cell once and in its place.

    Only plain searches over whole rows: what is written in any other way costs the slow pass, which tells.
    """
    known: set[bytes] = set()
    rest, before, tables = b"", 0, 0
    for chunk in chunks:
        *pieces, rest = (rest + chunk).split(b"<row ")
        for piece in pieces:
            if not piece.startswith(b'r="'):
                if before or not piece.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
                    return False
                tables += piece.count(b"<sheetData")
                continue
            before = _row_in_order(piece, before, known)
            if not before:
                return False
    tables += rest.count(b"<sheetData")
    last = rest.partition(b"</row>")[0]
    return tables == 1 and (not before or bool(_row_in_order(last, before, known)))


def _row_in_order(row: bytes, before: int, known: set[bytes]) -> int:
    """The row's number when it comes after `before` and its cells stand in order; 0 for what must be looked at."""
    end = row.find(b'"', 3)
    number = row[3:end]
    if not number.isdigit() or int(number) <= before:
        return 0
    # With shared strings only references have capitals: they are the row's columns.
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
    if not usual:
        return 0
    return int(number)


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet names in their order, with the part that holds each."""
    known = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= known:
        raise PermanentError("The file is a ZIP but not an Excel workbook.")
    targets = {
        attributes.get("Id", ""): posixpath.normpath(
            posixpath.join("/xl", attributes.get("Target", ""))
        ).lstrip("/")
        for tag, attributes in _elements(archive, "xl/_rels/workbook.xml.rels")
        if tag == "Relationship"
    }
    found = {
        attributes.get("name", ""): targets.get(_relation(attributes), "")
        for tag, attributes in _elements(archive, "xl/workbook.xml")
        if tag == "sheet"
    }
    sheets = {name: part for name, part in found.items() if part in known}
    if not sheets:
        raise PermanentError("The file is a ZIP but not an Excel workbook: it has no worksheet.")
    return sheets


def _relation(attributes: Mapping[str, str]) -> str:
    return next((value for name, value in attributes.items() if name.rpartition(":")[2] == "id"), "")


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    """The elements of a small part: local name and attributes."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        found.append((tag.rpartition(":")[2], attributes))

    _parse(_parser(start), [archive.read(part)], part)
    return found


def _parse(parser: expat.XMLParserType, chunks: Iterable[bytes], part: str) -> None:
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise PermanentError(f"The workbook's part {part} is not well-formed XML ({error}).") from None


def _parser(start: object) -> expat.XMLParserType:
    """An expat parser that refuses entities: no part of a workbook declares any."""

    def refuse(*_: object) -> None:
        raise PermanentError("The workbook declares XML entities, which no spreadsheet program writes.")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start  # type: ignore[assignment]
    return parser


class _CellScan:
    """The slow, exact pass for a sheet in which something is unusual: every cell that holds something."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.marked: dict[tuple[int, int], str] = {}
        self.row = self.column = self.last_used = 0
        self.previous_used = 0
        self.tables = self.values = 0
        self.shared = self.in_value = False

    def run(self, chunks: Iterator[bytes]) -> _CellScan:
        parser = _parser(self._start)
        parser.CharacterDataHandler = self._text
        parser.EndElementHandler = self._end
        _parse(parser, chunks, "with the cells")
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
        """A cell holds a value: is it where the others are?"""
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
