"""The months that an export is asked for, which are the partitions of the month tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Window:
    """The months from `first` to `last`, both included, as month keys (`2025-08-01`)."""

    first: str
    last: str

    @classmethod
    def until(cls, today: date, first_month: date) -> Window:
        """From the configured first month to the current one."""
        return cls(first_month.isoformat(), today.replace(day=1).isoformat())

    @property
    def days(self) -> tuple[date, date]:
        """The half-open range of days [first, end)."""
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        return first, date(last.year + last.month // 12, last.month % 12 + 1, 1)

    def __contains__(self, month: str) -> bool:
        """Whether a month is a partition. A day that begins no month is none: a table may hold any date."""
        return month.endswith("-01") and self.first <= month <= self.last
