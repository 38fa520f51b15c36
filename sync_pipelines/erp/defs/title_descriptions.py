"""Names, checks and texts of `erp/financeiro`, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.erp.financials.report import CONFIRMED, USABLE
from sync_pipelines.lib.orchestration.metadata import table_definition

COMPLETE = "every_listed_title_is_accounted_for"
EQUAL = "titles_equal_the_erp"

CHECKS: Mapping[str, str] = {
    COMPLETE: "Every receivable and payable that the ERP listed for the month is stored, or a reject.",
    EQUAL: "sync_private.titles holds what the ERP says of each title.",
    USABLE: "No title was refused (a warning; ops.rejects says which and why).",
    CONFIRMED: "The ERP said of every title that its list lacks whether it exists (a warning).",
}
DESCRIPTION = """The receivables and payables (titles) of an ERP account, by the month under which the ERP lists them.

That is the month of the due date, at Omie of the issue; what is due later than the current month belongs to the current
one. Key: connection, side and the ERP's number. A page that fails fails the months of its list and deletes nothing. The
income statement follows from the titles by their competence: `erp/dre`. Done means: every listed title is accounted
for, and the live rows are what the ERP says."""


def table() -> dict[str, object]:
    columns = {
        "vendor_id": ("text", "the ERP's number of the instalment"),
        "side": ("text", "receber or pagar"),
        "amount": ("numeric", "of the instalment"),
        "state": ("text", "aberto, parcial, liquidado, devolvido, perdido, cancelado or renegociado"),
        "competence_month": ("date", "month of the income statement: competence, else issue, else due date"),
        "splits": ("jsonb", "categories with their parts of the amount"),
    }
    return table_definition("sync_private.titles", columns)
