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
#: A sheet this tall is looked at cell by cell before a reader may allocate for it.
TALL = 500_000


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
#: Sheets, texts, and styles, which decide whether a number is a date. Author and times stand elsewhere.
_DATA = "xl/"


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
        _sheets(archive)
        # Each of them, whatever its name: readers find texts and styles by other spellings, too (xl/SharedStrings.xml).
        for part in sorted(name for name in archive.namelist() if name.lower().startswith(_DATA)):
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
            if _is_unusual(archive, part) or not sheet_xml.is_in_order(_chunks(archive, part)):
                marked[name] = sheet_xml.CellScan(name).run(_chunks(archive, part)).marked
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

    sheet_xml.parse(sheet_xml.parser(start), [archive.read(part)], part)
    return found
