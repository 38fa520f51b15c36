"""The analyses that follow a sync, each only where what it reads has changed since it was made."""

from __future__ import annotations

from sync_pipelines.erp.analyses.functions import EdgeFunctions
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome, SyncOutcome
from sync_pipelines.erp.session import SyncSession


def dispatch(
    session: SyncSession, functions: EdgeFunctions | None, outcome: SyncOutcome
) -> dict[Analysis, AnalysisOutcome]:
    """Make what is due of the connection's user. Raises nothing but an interruption."""
    return {}
