"""The workbook of an export: its sheet, its header, and its rows as cells.

Real exports have one sheet `Dados`, the header in row 1 and data from row 2 without a gap. Columns are found by name,
so their order may change; a missing, unknown or repeated column stops the file.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sync_pipelines.hitss.dre.cells import CellRules
from sync_pipelines.hitss.dre.columns import HEADERS, SHEET, normalised
from sync_pipelines.hitss.dre.guards import GuardError, Violation
from sync_pipelines.hitss.dre.lines import ParsedExport, parse_lines
from sync_pipelines.hitss.dre.window import Window
from sync_pipelines.lib import excel
from sync_pipelines.lib.failures import PermanentError


class UnusableHeaderError(PermanentError):
    """Columns are missing or named twice, which nobody can accept."""


def parse_workbook(path: Path, window: Window, accepted: Collection[str]) -> ParsedExport:
    """Inspect the raw XML, then read and validate the whole sheet.

    Raises PermanentError for another sheet or header, unless it was accepted.
    """
    inspection = excel.inspect(path)
    sheet = _sheet(inspection.sheets, accepted)
    rows = excel.rows(path, sheet)
    positions = _positions([_header(cell) for cell in next(rows, [])], accepted)
    marked = inspection.marked.get(sheet, {})
    rules = CellRules(window.first, window.last, accepted=accepted, marked=marked)
    with _without_garbage_collection():
        return parse_lines(rows, positions, rules)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Lines make no reference cycles, and the collector would scan all of them again and again: a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _sheet(sheets: Sequence[str], accepted: Collection[str]) -> str:
    if list(sheets) == [SHEET] or "single_sheet" in accepted:
        return SHEET if SHEET in sheets else sheets[0]
    names = ", ".join(repr(name) for name in sheets)
    sentence = f"The workbook should hold the one sheet {SHEET!r}; it holds {names}."
    raise GuardError([Violation("single_sheet", sentence)])


def _header(cell: object) -> str:
    return "".join(letter for letter in normalised(str(cell)) if letter.isalnum())


def _positions(found: Sequence[str], accepted: Collection[str]) -> dict[str, int]:
    """Each expected header's index. Extra columns may be accepted; missing ones never."""
    expected = {_header(header): header for header in HEADERS}
    times = Counter(found)
    while found and not found[-1]:
        found = found[:-1]
    missing = [header for key, header in expected.items() if key not in times]
    doubled = [header for key, header in expected.items() if times[key] > 1]
    extra = [name or "(blank)" for name in found if name not in expected]
    problems = [
        f"{what} {', '.join(names)}"
        for what, names in (("it lacks", missing), ("it repeats", doubled), ("it adds", extra))
        if names
    ]
    sentence = f"The header is not the export's nineteen columns: {'; '.join(problems)}."
    if missing or doubled:
        raise UnusableHeaderError(
            f"{sentence} Nothing was loaded; the export or its layout must be looked at."
        )
    if extra and "exact_header" not in accepted:
        raise GuardError([Violation("exact_header", sentence)])
    return {header: list(found).index(key) for key, header in expected.items()}
