"""A look at an xlsx file before any reader trusts it, and a digest of its sheet.

Readers allocate for the whole extent of a sheet, inflate what a ZIP claims is small, hand out the cached
value of a formula as if somebody had typed it, and turn an error cell into an empty text. So the raw XML is
streamed once: sizes and ratios are limited, the last used cell is found, and cells that are not plain
literals are named. The same pass digests the uncompressed parts, which stay the same when the ZIP's time
stamps change.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

#: What formulas, error and logical cells and declarations begin with; anything else that does only costs the slow pass.
#: Plain searches: one regular expression takes ten times as long.
_UNUSUAL = (b"<f", b":f", b't="e"', b"t='e'", b't="b"', b"t='b'", b"<!")
_MARKS = {"e": "an error value", "b": "a logical value"}
#: Capital letters all become A, so that `"AA` finds every cell beyond column Z.
_CAPITALS = bytes(65 if 65 <= code <= 90 else code for code in range(256))
_ROW_NUMBER = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d+)"')
#: Styles decide whether a number is a date.
_SHARED_PARTS = ("xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml")
_SHEET_PART = re.compile(r"xl/worksheets/[^/]+\.xml$")


@dataclass(frozen=True)
class Inspection:
    """What the raw XML says: sheet names, a digest of the data parts, and the cells that are no plain values.

    `marked` gives what such a cell is, by (row, column) from 1, of the first sheet.
    """

    sheets: tuple[str, ...]
    digest: str
    marked: Mapping[tuple[int, int], str] = field(default_factory=dict)


def inspect(path: Path) -> Inspection:
    """Stream the workbook's parts within limits.

    Raises PermanentError with a sentence for
    a file that is no workbook, too large when inflated, encrypted, or with a cell far from all others.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _limit_sizes(archive)
            return _inspect_parts(archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise PermanentError(
            f"The workbook cannot be read: its ZIP container is damaged ({error})."
        ) from None


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


def _inspect_parts(archive: zipfile.ZipFile) -> Inspection:
    names = archive.namelist()
    parts = sorted(name for name in names if _SHEET_PART.match(name))
    if "xl/workbook.xml" not in names or not parts:
        raise PermanentError("The file is a ZIP but not an Excel workbook: it has no worksheet.")
    sheets = tuple(_sheet_names(archive.read("xl/workbook.xml")))
    digest = hashlib.sha256()
    suspicious = False
    for part in [*parts, *(name for name in _SHARED_PARTS if name in names)]:
        digest.update(part.encode())
        tail = b""
        for chunk in _chunks(archive, part):
            digest.update(chunk)
            if part in parts:
                # A pattern may lie across two chunks: some bytes of the one before are looked at again.
                suspicious = suspicious or _is_unusual(tail[-16:] + chunk)
                tail = tail[-CHUNK:] + chunk
        numbers = _ROW_NUMBER.findall(tail)
        suspicious = suspicious or bool(numbers and int(numbers[-1]) > TALL)
    if not suspicious:
        return Inspection(sheets, digest.hexdigest())
    cells = [_CellScan().run(_chunks(archive, part)) for part in parts]
    return Inspection(sheets, digest.hexdigest(), cells[0].marked)


def _is_unusual(xml: bytes) -> bool:
    return any(needle in xml for needle in _UNUSUAL) or b'"AA' in xml.translate(_CAPITALS)


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _sheet_names(xml: bytes) -> list[str]:
    names: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "sheet":
            names.append(attributes.get("name", ""))

    _parser(start).Parse(xml, True)
    return names


def _parser(start: object, end: object = None) -> expat.XMLParserType:
    """An expat parser that refuses entities: no part of a workbook declares any."""

    def refuse(*_: object) -> None:
        raise PermanentError("The workbook declares XML entities, which no spreadsheet program writes.")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start  # type: ignore[assignment]
    parser.EndElementHandler = end  # type: ignore[assignment]
    return parser


class _CellScan:
    """The slow, exact pass for a sheet in which something is unusual: every cell that holds something."""

    def __init__(self) -> None:
        self.marked: dict[tuple[int, int], str] = {}
        self.row = self.column = self.last_used = 0
        self.previous_used = 0

    def run(self, chunks: Iterator[bytes]) -> _CellScan:
        parser = _parser(self._start)
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise PermanentError(f"The workbook's sheet is not well-formed XML ({error}).") from None
        return self

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "row":
                self.row = int(attributes.get("r") or self.row + 1)
                self.column = 0
            case "c":
                reference = attributes.get("r", "")
                letters = reference.rstrip("0123456789")
                self.column = _column_number(letters) if letters else self.column + 1
                if mark := _MARKS.get(attributes.get("t", "")):
                    self.marked[self.row, self.column] = mark
            case "f":
                self.marked[self.row, self.column] = "a formula"
            case "v" | "is":
                self._use()

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
