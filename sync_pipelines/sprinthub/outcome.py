"""What a run did to a segment: the figures of its log row, of its assets' metadata and of its alerts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class SegmentOutcome:
    """Counts of leads of one run of one segment.

    leads = up_to_date + inserted + changed + unchanged + rejected + unread: `up_to_date` were not read because nothing
    says that they changed, `unchanged` were read and are as they were.
    """

    segment_id: int
    #: Leads in the segment, as its complete list has them.
    leads: int = 0
    #: Leads that the CRM counts: others than `leads` where they came and went all the time, or a person accepted it.
    counted: int = 0
    entered: int = 0
    left: int = 0
    up_to_date: int = 0
    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Leads whose detail cannot be used at all: the CRM lists them and does not know them.
    rejected: int = 0
    #: Leads whose detail did not come in spite of several attempts; they are due again at once.
    unread: int = 0
    #: Fields that could not be used, of leads that were loaded without them.
    rejected_fields: int = 0
    #: Fields of the CRM without a column: how many leads of the segment have each in `extra`, read now or before.
    drift: Counter[str] = field(default_factory=Counter)
    #: Where the raw pages of the list are kept.
    pages_path: str | None = None
    passes: int = 0
    calls: int = 0
    bytes: int = 0
    wait_seconds: float = 0.0
    digest: str = ""
    #: When the oldest detail was read that the proof rests on.
    oldest_reading: datetime | None = None
    #: Why nothing was looked at: the segment was not due any more, or its gate says that nothing changed.
    skipped: str | None = None

    @property
    def processed(self) -> int:
        """Leads that this run accounts for."""
        return self.up_to_date + self.inserted + self.changed + self.unchanged + self.rejected + self.unread

    @property
    def earlier_reading(self) -> datetime | None:
        """Since when the proof rests on details of earlier runs; None if this run read all of them."""
        return self.oldest_reading if self.up_to_date else None

    @property
    def errors(self) -> int:
        return self.rejected + self.unread

    @property
    def success_rate(self) -> float | None:
        """Per cent of the segment's leads that are as the CRM has them; None without leads."""
        if not self.processed:
            return None
        return 100 * (self.processed - self.errors) / self.processed
