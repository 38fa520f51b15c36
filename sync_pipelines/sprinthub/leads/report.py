"""What the page of a segment shows besides the figures of its run: the last runs, and SQL for unknown fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segments.history import History, read_history
from sync_pipelines.sprinthub.segments.tables import OFICIALMED


@dataclass(frozen=True)
class LeadsReport:
    """Read after the run, so that `history` ends with it. `suggested_sql` is shown and never executed."""

    history: History = field(default_factory=History)
    suggested_sql: Sequence[str] = ()


def read_report(url: str, outcome: SegmentOutcome, zone: ZoneInfo) -> LeadsReport:
    """Raises SyncError where the project's database cannot be read."""
    with (
        postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        history = read_history(connection, outcome.segment_id)
        if not outcome.drift:
            return LeadsReport(history)
        return LeadsReport(history, LeadColumns.read(connection, zone).suggested_sql(outcome.drift))
