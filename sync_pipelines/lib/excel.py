"""The inspection of an xlsx file before a reader trusts it, a digest of its content, and its rows.

Readers allocate memory for the whole extent of a sheet, inflate whatever the ZIP holds, return the cached value of a
formula as if a person had typed it, and turn an error cell into an empty text. Of two rows or cells with one number
they return only the last. So the raw XML is streamed first: sizes and ratios are limited, stray cells far from all
others are found, cells that are no plain literals are named, and a sheet of which a reader would lose rows is refused.
The digest is over the uncompressed parts, which stay the same when the time stamps of the ZIP change.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sync_pipelines.lib import sheet_xml
from sync_pipelines.lib.failures import PermanentError

MAX_INFLATED = 1 << 30
#: Real exports inflate 12 to 15 times; a bomb a thousand times.
MAX_RATIO = 200
CHUNK = 1 << 20
#: A sheet with more rows is inspected cell by cell before a reader may allocate memory for it.
TALL = 500_000


#: Maps similar bytes to one, so that few plain searches find all patterns (a regular expression takes ten times as
#: long): capital letters become A, single quotes double, `b` becomes `e` as in t="e", `!` becomes `f` as in <f>.
_FOLDED = bytes(
    ord("A") if chr(code).isupper() and code < 128 else {"'": 34, "b": 101, "!": 102}.get(chr(code), code)
    for code in range(256)
)
#: A cell beyond column Z; an error or logical cell; a formula or a declaration; a formula with a namespace prefix. A
#: false hit costs the slow pass and nothing else.
_UNUSUAL = (b'"AA', b't="e"', b"<f", b":f")
_ROW_NUMBER = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br=["'](\d+)["']""")
#: The folder of sheets, texts and styles (a style decides whether a number is a date). Author and times are elsewhere.
_DATA = "xl/"


@dataclass(frozen=True)
class Inspection:
    """The names of the sheets, and by sheet the cells that are no plain values.

    `marked` says what such a cell is, by (row, column) from 1.
    """

    sheets: tuple[str, ...]
    marked: Mapping[str, Mapping[tuple[int, int], str]] = field(default_factory=dict)


def digest(path: Path) -> str:
    """SHA-256 over the uncompressed parts that hold data, independent of the time stamps of the ZIP.

    Raises PermanentError for a file that is no workbook, that is damaged, or that would inflate to too much.
    """
    with _opened(path) as archive:
        found = hashlib.sha256()
        _sheets(archive)
        # All of them, in any spelling: readers also find texts and styles as xl/SharedStrings.xml.
        for part in sorted(name for name in archive.namelist() if name.lower().startswith(_DATA)):
            found.update(part.encode())
            for chunk in _chunks(archive, part):
                found.update(chunk)
        return found.hexdigest()


def inspect(path: Path) -> Inspection:
    """Inspect the raw XML of every sheet in one quick pass, and cell by cell if that finds something unusual.

    Raises PermanentError as `digest` does, for a cell far from all others, and for rows or cells that come twice,
    out of order, or with the number of another one.
    """
    with _opened(path) as archive:
        sheets = _sheets(archive)
        marked = {}
        for name, part in sheets.items():
            if _is_unusual(archive, part) or not sheet_xml.is_in_order(_chunks(archive, part)):
                marked[name] = sheet_xml.CellScan(name).run(_chunks(archive, part)).marked
        return Inspection(tuple(sheets), marked)


def rows(path: Path, sheet: str) -> Iterator[Sequence[object]]:
    """The rows of a sheet as typed cells: texts, floats, dates, empty texts.

    Every row is as wide as the widest. Raises PermanentError if the reader cannot read the sheet.
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
    """The ZIP container, if it is within the limits; damage becomes a PermanentError."""
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
    """Whether a sheet may hold a formula, an error or logical cell, or a stray cell."""
    tail = b""
    for chunk in _chunks(archive, part):
        # A pattern may lie across two chunks, so the last bytes of the one before are searched again.
        xml = (tail[-16:] + chunk).translate(_FOLDED)
        if any(needle in xml for needle in _UNUSUAL):
            return True
        tail = tail[-CHUNK:] + chunk
    numbers = _ROW_NUMBER.findall(tail)
    return bool(numbers and int(numbers[-1]) > TALL)


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The names of the sheets in order, each with the part that holds it."""
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
    """The elements of a small part: local names and attributes."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        found.append((tag.rpartition(":")[2], attributes))

    sheet_xml.parse(sheet_xml.parser(start), [archive.read(part)], part)
    return found
