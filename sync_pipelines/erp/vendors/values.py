"""Values of a vendor's JSON, whose numbers come as text or as numbers, and whose fields may be missing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

#: An amount as a vendor writes it: Python's own reader takes `1_000` and other alphabets' digits for numbers, too.
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
#: Digits before the point of an amount that can be computed with, far beyond any sum of money.
_MOST_DIGITS = 20


def group(row: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A group within a row; empty where there is none."""
    for name in names:
        found = row.get(name)
        row = found if isinstance(found, Mapping) else {}
    return row


def text_of(row: Mapping[str, Any], name: str) -> str | None:
    """A value as text, whether it came as text or as a number; None where it is missing or blank."""
    value = row.get(name)
    text = "" if value is None or isinstance(value, bool | list | Mapping) else str(value).strip()
    return text or None


def number_of(row: Mapping[str, Any], name: str) -> str | None:
    """The number of a series or an invoice, without the zeros that some write before it."""
    text = text_of(row, name)
    return (text.lstrip("0") or "0") if text else None


def day_of(row: Mapping[str, Any], name: str, layout: str = "%d/%m/%Y") -> date | None:
    """A date that is written by a layout of `strptime`; None where it is missing or none."""
    try:
        return datetime.strptime(text_of(row, name) or "", layout).date()
    except ValueError:
        return None


def is_unread(row: Mapping[str, Any], name: str, day: date | None) -> bool:
    """Whether a date that is None is filled all the same; zeros, as in `00/0000`, are how some write that it is not."""
    return day is None and bool((text_of(row, name) or "").strip("0/-:. "))


def month_of_key(key: str | None) -> date | None:
    """The first day of the month that the access key of an invoice names; None without a key that has one."""
    return day_of({"month": (key or "")[2:6]}, "month", "%y%m")


def amount_of(row: Mapping[str, Any], name: str) -> Decimal | None:
    """An amount with a decimal point; None where it is missing, none, or beyond any sum of money."""
    text = text_of(row, name) or ""
    try:
        amount = Decimal(text) if _AMOUNT.fullmatch(text) else None
    except InvalidOperation:  # an exponent beyond 10^18
        return None
    return amount if amount is not None and amount.adjusted() < _MOST_DIGITS else None


def plain(text: object) -> str:
    """A vendor's words in lower case and without accents, so that they can be looked for."""
    decomposed = unicodedata.normalize("NFKD", str(text).casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def quotable(code: str) -> str:
    """A vendor's code as a sentence may quote it: whatever else it wrote there may be anything."""
    return code if re.fullmatch(r"[\w:.-]{1,40}", code, re.ASCII) else "without a code"
