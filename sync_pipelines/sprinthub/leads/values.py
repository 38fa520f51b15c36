"""Values of the CRM as values of a column: what the API said, never a guess (contract, section 5.2).

A converter takes a JSON value that is not null and returns the one that `jsonb_to_record` reads as the column's type.
Raises UnusableError, whose sentence does not hold the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.sprinthub.leads.moments import Zone, date_text, timestamp_text
from sync_pipelines.sprinthub.leads.unusable import UnusableError

Converter = Callable[[Any], Any]

RANGES = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
_WHOLE = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
#: Perhaps 1,234 as Brazilians write it.
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_MODIFIERS = re.compile(r"\((\d+)(?:,(-?\d+))?\)")
#: What Postgres's numeric holds: digits before the point and after it.
_LONGEST_WHOLE, _LONGEST_FRACTION = 131_072, 16_383
#: Deeper values exist in no CRM, and would exhaust the stack of whoever walks them.
_DEEPEST = 200


def converter(column: TableColumn, zone: Zone, *, longest: int | None = None) -> Converter | None:
    """The converter for a column's type; None for a type that we do not fill.

    `zone` is that of moments in Brazilian form. `longest` is how many bytes of a text the column's indexes take.
    """
    modifiers = [int(number) for number in _modifiers(column.type)]
    match column.plain_type:
        case "text":
            return text if longest is None else partial(_short_text, longest=longest)
        case "character varying" if modifiers or longest is not None:
            return partial(_short_text, longest=longest, characters=modifiers[0] if modifiers else None)
        case "character varying":
            return text
        case "smallint" | "integer" | "bigint" as kind:
            return partial(whole_number, limits=RANGES[kind])
        case "numeric":
            return partial(number, precision=(modifiers[0], modifiers[1]) if modifiers else None)
        case "boolean":
            return boolean
        case "jsonb":
            return json_value
        case "date":
            return date_text
        case "timestamp with time zone":
            return partial(timestamp_text, zone=zone)
    return None


def text(value: Any) -> str:
    """A string as it is; a number or boolean as JSON writes it."""
    if type(value) is str:
        return _storable(value)
    if value is True or value is False:
        return "true" if value else "false"
    found = _json_number(value)
    if found is None:
        raise UnusableError("text", "the value is an object, an array or no JSON")
    return str(found)


def whole_number(value: Any, *, limits: tuple[int, int]) -> int:
    """A number, truncated, or a text of digits."""
    if type(value) is str:
        if not _WHOLE.fullmatch(value):
            raise UnusableError("whole_number", "the text is no whole number")
        found: int | Decimal | None = Decimal(value)
    else:
        found = _json_number(value)
    if found is None:
        raise UnusableError("whole_number", "the value is no number")
    if isinstance(found, Decimal):
        # First, because a great exponent would make a number of as many digits.
        found = limits[1] + 1 if found.adjusted() > 19 else int(found)
    if not limits[0] <= found <= limits[1]:
        raise UnusableError("out_of_range", "the number is too large for the column")
    return found


def number(value: Any, *, precision: tuple[int, int] | None) -> Decimal:
    """A number as it is, or a text of digits with a point that cannot mean thousands."""
    if type(value) is str:
        if not _NUMBER.fullmatch(value):
            raise UnusableError("number", "the text is no number in digits with a point")
        if _GROUPED.fullmatch(value):
            raise UnusableError("number", "the point of the text may stand for thousands")
        found: int | Decimal | None = Decimal(value)
    else:
        found = _json_number(value)
    if found is None:
        raise UnusableError("number", "the value is no number")
    exact = _numeric(Decimal(found))
    if precision and exact.adjusted() >= precision[0] - precision[1] - 1:
        digits, scale = precision
        if exact.adjusted() > digits or abs(round(exact, scale)) >= Decimal(10) ** (digits - scale):
            raise UnusableError("out_of_range", f"the number has more digits than numeric({digits},{scale})")
    return exact


def boolean(value: Any) -> bool:
    """True, 1, "1" and "true"; false, 0, "0" and "false"."""
    if value is True or value is False:
        return bool(value)
    found = _BOOLEANS.get(value if type(value) is str else str(_json_number(value)))
    if found is None:
        raise UnusableError("boolean", "the value is none of true, 1, false and 0")
    return found


def json_value(value: Any) -> Any:
    """Any JSON value, as it is; unusable where a text or a number in it is none that Postgres holds."""
    _check_json(value, depth=0)
    return value


def key_name(name: str) -> str:
    """The name of a field, to be a key of jsonb."""
    return _storable(name)


def _check_json(value: Any, *, depth: int) -> None:
    if depth > _DEEPEST:
        raise UnusableError("too_deep", f"the value is nested more than {_DEEPEST} deep")
    if type(value) is str:
        _storable(value)
    elif isinstance(value, dict):
        for name, inside in value.items():
            _storable(name)
            _check_json(inside, depth=depth + 1)
    elif isinstance(value, list):
        for inside in value:
            _check_json(inside, depth=depth + 1)
    elif isinstance(value, Decimal):
        _numeric(value)
    elif isinstance(value, float):
        _json_number(value)


def _json_number(value: Any) -> int | Decimal | None:
    """A number of JSON, exactly; None for what is none. A float has lost digits already, but no more are lost here."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal | float):
        found = value if isinstance(value, Decimal) else Decimal(repr(value))
        if not found.is_finite():
            raise UnusableError("number", "the value is no number of JSON")
        return found
    return None


def _numeric(value: Decimal) -> Decimal:
    """The number, if Postgres's numeric holds all its digits."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise UnusableError("number", "the value is no number")
    if value.adjusted() >= _LONGEST_WHOLE or -exponent > _LONGEST_FRACTION:
        raise UnusableError("out_of_range", "the number has more digits than the database holds")
    return value


def _storable(value: str) -> str:
    """The text, if Postgres holds it."""
    if "\x00" in value:
        raise UnusableError("nul", "the text holds the character NUL, which Postgres does not store")
    if not value.isascii():
        _utf8(value)
    return value


def _short_text(value: Any, *, longest: int | None, characters: int | None = None) -> str:
    found = text(value)
    if characters is not None and len(found) > characters:
        raise UnusableError("too_long", f"the text is longer than the {characters} characters of its column")
    if longest is not None and len(found) * 4 > longest and len(_utf8(found)) > longest:
        raise UnusableError("too_long", f"the text is longer than the {longest} bytes that its index takes")
    return found


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise UnusableError("surrogate", "the text holds half of a surrogate pair") from None


def _modifiers(kind: str) -> tuple[str, ...]:
    """The numbers in a type's brackets; a numeric of one number has the scale 0."""
    found = _MODIFIERS.search(kind)
    if not found:
        return ()
    return (found[1], found[2] or "0")
