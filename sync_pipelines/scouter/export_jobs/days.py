"""The days of a job: half-open, in the configured time zone, from the most recent one backwards."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sync_pipelines.lib.failures import PermanentError

FARTHEST = timedelta(days=366)


class Span(NamedTuple):
    """[begin, end): aware times; None leaves that end open."""

    begin: datetime | None
    end: datetime | None


def day_span(day: date, zone: ZoneInfo) -> Span:
    """The day as it is in `zone`: its last microsecond is inside, the next midnight is not."""
    return Span(datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone))


def require_reached(newest: date, today: date) -> None:
    """Raise PermanentError if a job's most recent day lies farther ahead than a wrong clock explains."""
    if newest > today + FARTHEST:
        raise PermanentError(
            f"O dia mais recente da exportação, {newest:%d/%m/%Y}, está no futuro: corrija o ano."
        )


def days_between(newest: date, oldest: date) -> list[date]:
    """The days from `newest` back to `oldest`, both included.

    Raises PermanentError if they are the wrong way round.
    """
    if newest < oldest:
        raise PermanentError(
            f"O intervalo começa em {newest:%d/%m/%Y}, o dia mais recente, e termina em {oldest:%d/%m/%Y}, que vem"
            " depois: troque as datas."
        )
    return [newest - timedelta(days=number) for number in range((newest - oldest).days + 1)]
