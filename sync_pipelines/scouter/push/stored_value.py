"""A JSON value as a column of the destination stores it.

A boolean in a text column is its word, a number has no trailing zeros, a time is an instant whatever zone it is
written in.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sync_pipelines.lib import exact_json

_TEXTS = {"text", "character varying", "character"}
#: Their blanks at the end are cut off if they do not fit.
_SIZED_TEXTS = {"character varying", "character"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIMES = {"timestamp with time zone", "timestamp without time zone"}
_INFINITE = {"infinity", "-infinity"}
#: A day as Postgres writes it, also of a year outside Python's range: the year, the rest, the time, BC.
_WRITTEN = re.compile(r"(\d{4,})(-\d\d-\d\d)(.*?)( BC)?", re.DOTALL)
#: The calendar repeats after so many years, and days.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097


def is_same(sent: Any, held: Any, kind: str) -> bool:
    """Whether a column of this type stores `sent` as `held`."""
    if sent is None or held is None:
        return sent is held
    if _strictly(sent) == _strictly(held):
        return True
    kind = kind.partition("(")[0]
    try:
        if kind in _TEXTS and not isinstance(sent, str | bool):
            return _strictly(exact_json.loads(held)) == _strictly(sent)
        if kind in _TIMES and _DAY.fullmatch(sent):
            # Its midnight in the destination's zone, in which the answer is written.
            return datetime.fromisoformat(held).replace(tzinfo=None) == datetime.fromisoformat(sent)
        return as_stored(sent, kind) == as_stored(held, kind)
    except (ValueError, ArithmeticError):
        return False


def as_stored(value: Any, kind: str) -> object:
    """A JSON value as a column of this type stores it. Raises ValueError if the column cannot store it.

    A numeric column with fewer places rounds. That is a loss, so there the values differ.
    """
    text = value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
    if kind == "text":
        return text
    if kind in _SIZED_TEXTS:
        return text.rstrip(" ")
    if kind in _TIMES:
        return _moment(text)
    if kind == "date":
        return _moment(text)[0]
    if kind == "uuid":
        return text.casefold()
    if kind in {"double precision", "real"}:
        return float(text)
    if kind in {"integer", "bigint", "smallint", "numeric"}:
        return Decimal(text)
    if kind == "boolean":
        word = text.strip().casefold()  # Postgres reads any prefix of its words
        return word in {"1", "on"} or (word != "" and ("true".startswith(word) or "yes".startswith(word)))
    return _strictly(value)


def _strictly(value: Any) -> object:
    """A JSON value with the equality of jsonb: in Python `True == 1`."""
    if isinstance(value, bool):
        return "yes or no", value
    if isinstance(value, dict):
        return {name: _strictly(one) for name, one in value.items()}
    return [_strictly(one) for one in value] if isinstance(value, list) else value


def _moment(text: str) -> tuple[object, object]:
    """An instant in UTC as its day, counted through all years, and its time. Raises ValueError if it is no instant."""
    if text in _INFINITE:
        return text, None
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, day, clock, bc = found.groups()
    cycles, rest = divmod((1 - int(year) if bc else int(year)) - 2000, _CYCLE_YEARS)
    # Postgres writes blanks around the time, ISO does not.
    clock = clock.upper().replace(" ", "").removeprefix("T")
    moment = datetime.fromisoformat(f"{2000 + rest}{day}{'T' if clock else ''}{clock}")
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return cycles * _CYCLE_DAYS + moment.toordinal(), moment.time()
