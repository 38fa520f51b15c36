"""Dates and moments in the two forms that are read: ISO 8601 and Brazilian, DD/MM/YYYY.

Others are not guessed: days and months of one digit, years of two, American order, numbers of seconds.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from sync_pipelines.sprinthub.leads.unusable import UnusableError

Zone = tzinfo

_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_ISO = re.compile(
    rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)"
    rf"(?:[T ]{_TIME}(?:\s?(?P<zone>Z|(?P<sign>[+-])(?P<ahead>\d\d)(?::?(?P<minutes>\d\d))?))?)?",
    re.ASCII,
)
_BRAZILIAN = re.compile(rf"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{{4}})(?:(?:,? |T){_TIME})?", re.ASCII)
#: The form in which the API writes its own moments.
_USUAL = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FARTHEST = timedelta(hours=14)  # from UTC


def date_text(value: Any) -> str:
    """The date of a date or moment, as it is written there, in ISO form."""
    if type(value) is str and _DAY.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            raise _impossible() from None
        return value
    return str(_parsed(value)[0].date())


def timestamp_text(value: Any, *, zone: Zone) -> str:
    """A moment in ISO form in UTC.

    Without a zone it counts as UTC in ISO form and as that of `zone` in Brazilian form. A day is its first moment.
    """
    if type(value) is str and _USUAL.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise _impossible() from None
        return f"{value[:-1]}+00:00"
    moment, has_time, is_brazilian = _parsed(value)
    if moment.tzinfo is None and is_brazilian:
        moment = moment.replace(tzinfo=zone)
        # Clocks that are put back show a time twice, and those put forward leave some out.
        if has_time and moment.utcoffset() != moment.replace(fold=1).utcoffset():
            raise UnusableError("ambiguous", "the time was twice or never on that day's clock")
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except OverflowError:
        raise UnusableError("out_of_range", "the moment is not in the years 1 to 9999") from None


def _parsed(value: Any) -> tuple[datetime, bool, bool]:
    """The moment as written, whether it has a time, and whether it is in Brazilian form."""
    if type(value) is not str:
        raise UnusableError("date", "the value is no text")
    iso = _ISO.fullmatch(value)
    found = iso or _BRAZILIAN.fullmatch(value)
    if not found:
        raise UnusableError("date", "the text is neither an ISO date nor DD/MM/YYYY")
    parts = found.groupdict()
    try:
        moment = datetime(
            int(parts["year"]),
            int(parts["month"]),
            int(parts["day"]),
            int(parts["hour"] or 0),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            tzinfo=_zone(parts) if iso else None,
        ) + _fraction(parts["fraction"])
    except (ValueError, OverflowError):
        raise _impossible() from None
    return moment, parts["hour"] is not None, not iso


def _fraction(digits: str | None) -> timedelta:
    """A part of a second, rounded to microseconds as Postgres rounds."""
    return timedelta(microseconds=round(Decimal(f"0.{digits or 0}") * 1_000_000))


def _zone(parts: dict[str, str | None]) -> tzinfo | None:
    if parts["zone"] is None:
        return None
    ahead = timedelta(hours=int(parts["ahead"] or 0), minutes=int(parts["minutes"] or 0))
    if ahead > _FARTHEST or int(parts["minutes"] or 0) > 59:
        raise ValueError("there is no such zone")
    return timezone(-ahead if parts["sign"] == "-" else ahead)


def _impossible() -> UnusableError:
    return UnusableError("impossible_date", "no calendar or clock has this date or time")
