"""Which months of invoices a sync reads, in the calendar of the issuers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

#: The requirement's window in days.
WINDOW_DAYS = 90


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """The first days of all months from `first`'s to `last`'s, the oldest first."""
    months = [month_of(first)]
    while (following := month_of(months[-1] + timedelta(days=31))) <= last:
        months.append(following)
    return months if months[0] <= last else []


def usual_months(now: datetime, zone: ZoneInfo) -> list[date]:
    """The months of the last 90 days, each whole: one that is fetched in part must not look complete."""
    today = now.astimezone(zone).date()
    return months_between(today - timedelta(days=WINDOW_DAYS), today)
