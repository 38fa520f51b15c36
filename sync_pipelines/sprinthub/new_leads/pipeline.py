"""New leads, as the CRM's webhook names them: read within the minute, not with the next sync of their segments.

Replaces nothing: the original had no webhook, and its users wished for one. Grain: an arrival in `ops.inbox`. Key: the
lead's number. Done means that every arrival that waited is applied, ignored for a newer one, or rejected because the
CRM does not know the lead. Whether a lead is in a segment is decided by the list of that segment alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.new_leads.drain import Drain
from sync_pipelines.sprinthub.new_leads.inbox import count_waiting, newest_row, open_new_leads
from sync_pipelines.sprinthub.new_leads.load import LeadAccess
from sync_pipelines.sprinthub.new_leads.report import DrainReport


@dataclass(frozen=True)
class NewLeadsRun:
    """What a run did: the drain's report, how many arrivals of before it wait still, how many were forgotten."""

    drained: DrainReport
    waiting: int
    forgotten: int


@dataclass(frozen=True)
class NewLeads:
    """The arrivals of the webhook, worked on through `access`."""

    ops_url: str = field(repr=False)
    access: LeadAccess
    retention_days: int = 30
    #: Leads of one run; what is beyond waits for the next.
    most: int = 2000
    wait_seconds: float = 60.0

    @classmethod
    def from_settings(cls, settings: SprinthubSettings, access: LeadAccess | None = None) -> Self:
        """Raises SettingsError if one of the two databases is not set."""
        return cls(
            ops_url=settings.ops_url,
            access=access or LeadAccess.from_settings(settings),
            retention_days=settings.sprinthub_webhook_retention_days,
        )

    def waiting(self) -> int:
        """How many arrivals wait in the inbox."""
        with open_new_leads(self.ops_url) as inbox:
            return inbox.count_waiting()

    def run(self, run_id: str, log: Callable[[str], None] = lambda _said: None) -> NewLeadsRun:
        """Forget, then drain. Raises SyncError; leads whose detail did not come are counted, and raise nothing."""
        with open_new_leads(self.ops_url) as inbox:
            forgotten, newest = inbox.forget(self.retention_days), newest_row(inbox)
        drain = Drain(self.ops_url, most=self.most, wait_seconds=self.wait_seconds)
        with self.access.open(run_id) as reader:
            drained = drain.run(run_id, reader.read, log)
        with open_new_leads(self.ops_url) as inbox:
            # What arrived meanwhile is the next run's.
            waiting = count_waiting(inbox, up_to=newest)
        return NewLeadsRun(drained=drained, waiting=waiting, forgotten=forgotten)
