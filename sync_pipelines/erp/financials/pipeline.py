"""erp/financeiro: the receivables and payables of a connection, and the income statement that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.outcome import FinancialsOutcome
from sync_pipelines.erp.session import SyncSession


def sync_financials(
    session: SyncSession, months: Sequence[date], *, full: bool, options: FinancialOptions
) -> FinancialsOutcome:
    """Sync the titles listed in these months, each by its first day, and rebuild the months of `company_dre`.

    Titles that are due later than today are read with the current month. A month that fails is an outcome with status
    error and does not stop the others. Raises RefusedError and ConnectionBusyError, which concern all of them.
    """
    return FinancialsOutcome()
