"""Rejected rows: in the ops database, and in a workbook that a person can open.

Every cell of that workbook is text, so that Excel shows a value such as `=1+1` and does not calculate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sync_pipelines.hitss.dre.columns import HEADERS
from sync_pipelines.hitss.dre.lines import Reject
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.local_files import disk_errors_about

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

ASSET = "hitss/dre_lines"
FOLDER = "hitss/rejects"


def record(rejects: Sequence[Reject], records: Records, *, run_id: str, landed_id: int) -> None:
    """Record the rejects, one entry a broken rule."""
    records.rejects.record(
        ASSET,
        run_id=run_id,
        landed_id=landed_id,
        rows=(
            RejectedRow(
                partition_key=reject.month,
                locator={"row": reject.row, "column": problem.column},
                value=None if problem.value is None else str(problem.value),
                rule=problem.rule,
                reason=problem.reason,
                raw=dict(zip(HEADERS, map(str, reject.raw), strict=False)),
            )
            for reject in rejects
            for problem in reject.problems
        ),
    )


def write_book(rejects: Sequence[Reject], store: LandingStore) -> str:
    """Write the workbook row, column, value, rule, reason, raw cells; returns its path in the store."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Rejeitadas")
    sheet.append(["Linha", "Coluna", "Valor", "Regra", "Motivo", *HEADERS])
    for reject in rejects:
        for problem in reject.problems:
            cells = (reject.row, problem.column, problem.value, problem.rule, problem.reason, *reject.raw)
            sheet.append([_text_cell(sheet, value) for value in cells])
    with disk_errors_about("The workbook of rejected rows"), store.incoming(FOLDER, ".xlsx") as path:
        book.save(path)
        return store.keep(path, FOLDER, ".xlsx").path


def _text_cell(sheet: Worksheet, value: object) -> Cell:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(sheet)
    text = "" if value is None else str(value).encode("utf-8", "replace").decode()
    cell.value = ILLEGAL_CHARACTERS_RE.sub("�", text)
    cell.data_type = "s"
    return cell
