"""One export job of `gestao_scouter_export_jobs`.

`start_date` is the most recent day and `end_date` the oldest (null: back to the first lead), because a push runs from
new days to old ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.lead import Position

Status = Literal["pending", "running", "paused", "completed", "failed"]
Phase = Literal["days", "undated", "catch_up", "done"]
#: A status in the words that the screen shows.
STATUS_WORDS: Mapping[str, str] = {
    "pending": "pendente",
    "running": "em andamento",
    "paused": "pausada",
    "completed": "concluída",
    "failed": "com falha",
}


@dataclass(frozen=True)
class ExportJob:
    """A row of the table, with our progress of it; `watermark` and `phase` are None before the first run."""

    id: str
    status: Status
    start_date: date
    end_date: date | None
    processing_date: date | None
    last_completed_date: date | None
    total_leads: int
    exported_leads: int
    error_leads: int
    pause_reason: str | None
    field_mappings: dict[str, Any] | None
    fields_selected: list[str] | None
    created_at: datetime
    updated_at: datetime
    attempts: int
    run_ids: list[str]
    watermark: datetime | None
    phase: Phase | None
    cursor_at: datetime | None
    cursor_id: int | None
    options: dict[str, Any]
    #: Days whose proof failed: the destination did not hold what it had accepted.
    unproved: list[date]

    @property
    def cursor(self) -> Position | None:
        """The last committed position within `processing_date`, or within the leads without a day."""
        return Position(self.cursor_at, self.cursor_id) if self.cursor_id is not None else None


class UnknownJobError(PermanentError):
    """There is no job with this id."""
