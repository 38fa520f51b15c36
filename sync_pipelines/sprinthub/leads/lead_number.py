"""The number of a lead: an integer (contract of SprintHub, section 1), which is the same one as 7.0 or "7"."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

#: Largest number of a lead: the key of `api.leads` is a bigint.
LARGEST_ID = 2**63 - 1
_DIGITS = re.compile(r"[1-9][0-9]{0,18}")


def lead_number(item: Any) -> int | None:
    """The number of a lead in a list or detail; None where it has none that is a key."""
    return as_lead_number(item.get("id")) if isinstance(item, dict) else None


def as_lead_number(said: object) -> int | None:
    """The number of a lead however it is written; None where that is none."""
    found = said
    if type(found) is str:
        found = int(found) if _DIGITS.fullmatch(found) else None
    elif isinstance(found, Decimal) and found.is_finite() and found.adjusted() < 19:
        found = int(found) if found == int(found) else None
    return found if type(found) is int and 0 < found <= LARGEST_ID else None
