"""When a segment is due: the ticks of SPRINTHUB_CRON in SPRINTHUB_TIMEZONE, and sooner after a failure.

The original set `next_execution` to the end of a run plus one day, against a cron of its own: seconds of jitter decided
whether the next day was skipped (contract of SprintHub, section 7, item 7). Ticks do not drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from sync_pipelines.settings.sprinthub import SprinthubSettings

#: The wait after a first failure; each further one doubles it.
FIRST_RETRY = timedelta(minutes=15)
#: Far more doublings than fit between two ticks, and few enough for a timedelta.
_MOST_DOUBLINGS = 20


@dataclass(frozen=True)
class Cadence:
    """The ticks of a cron line in a time zone. All moments are aware; those returned are in UTC."""

    cron: str
    zone: ZoneInfo

    @classmethod
    def from_settings(cls, settings: SprinthubSettings) -> Self:
        return cls(settings.sprinthub_cron, ZoneInfo(settings.sprinthub_timezone))

    def next_after(self, moment: datetime) -> datetime:
        """The first tick after the moment, never the moment itself."""
        from cronsim import CronSim

        for tick in CronSim(self.cron, moment.astimezone(self.zone)):
            # The clock that is put back makes an hour twice: cronsim may answer with its first pass.
            found: datetime = tick.astimezone(UTC)
            if found > moment:
                return found
        raise ValueError(f"{self.cron} never comes")

    def length(self, moment: datetime) -> timedelta:
        """The time between the next two ticks after the moment."""
        tick = self.next_after(moment)
        return self.next_after(tick) - tick

    def retry_at(self, now: datetime, errors: int, *, asked: float | None = None) -> datetime:
        """When to try again after `errors` failures in a row (from 1): never later than the next tick.

        `asked` are the seconds for which the other side wants to be left alone.
        """
        wait: timedelta = FIRST_RETRY * 2 ** min(errors - 1, _MOST_DOUBLINGS)
        return min(self.next_after(now), now.astimezone(UTC) + max(wait, timedelta(seconds=asked or 0)))
