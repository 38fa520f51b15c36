"""How `operations` alerts a person: through which channels, how often, and with which links and times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from sync_pipelines.lib.alerts import Channel


@dataclass(frozen=True)
class Alerting:
    """Without `ops_url` an alert goes out each time; with it the same one goes out once a day."""

    channels: Sequence[Channel] = ()
    ops_url: str | None = field(default=None, repr=False)
    ui_url: str = "http://127.0.0.1:3000"
    zone: tzinfo = UTC
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Steps, and assets whose checks, that notify a person themselves.
    notified_elsewhere: Collection[str] = ()

    def moment(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%d/%m/%Y %H:%M} ({self.zone})"

    def link(self, run_id: str) -> str:
        """The page of a run in the Dagster UI."""
        return f"{self.ui_url.rstrip('/')}/runs/{run_id}"
