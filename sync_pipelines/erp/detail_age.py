"""How long a detail that was read is taken for what the vendor says, where its row in the list has not changed.

What only the detail says may change without a trace in the list, so each is read again at least every seven days. The
days are spread by what names the detail: no night reads all of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import md5
from typing import Final
from zoneinfo import ZoneInfo

#: After so many days a detail is read again.
EVERY_DAYS: Final = 7


def is_fresh(name: str, read_at: datetime | None, *, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the detail called `name`, read then, stands for another day. A day is one of `zone`."""
    if read_at is None:
        return False
    age = now - read_at
    # A detail that is still to be read is none: a clock went wrong.
    if age >= timedelta(days=EVERY_DAYS) or age < timedelta():
        return False
    today = now.astimezone(zone).date()
    is_its_day = today.toordinal() % EVERY_DAYS == day_of(name)
    return not (is_its_day and read_at.astimezone(zone).date() < today)


def day_of(name: str) -> int:
    """On which day of seven the detail is read again."""
    return md5(name.encode(), usedforsecurity=False).digest()[0] % EVERY_DAYS
