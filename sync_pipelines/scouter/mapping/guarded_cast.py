"""A value of the destination, cast in SQL to the type in which it was sent, without ever raising an error.

A person there may have written anything: a text where true was sent, a day that no calendar has. So each cast has a
guard, and a value whose guard is not true cannot have been sent by us.
"""

from __future__ import annotations

from typing import NamedTuple

from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.transforms import Expression

_NUMERIC = rf"{types.NUMBER}|^NaN$"
_FLOAT = rf"{types.FAR_NUMBER}|^(NaN|-?Infinity)$"
#: Also as Postgres writes a year after 9999, or before Christ.
_MOMENT = rf"{types.MOMENT}|{types.FAR_MOMENT}|^-?infinity$"


class GuardedCast(NamedTuple):
    """The condition under which the cast is safe (None: always), and the cast value."""

    guard: Expression | None
    value: Expression


def payload_type(kind: str) -> Expression:
    """The type in which a value is read from the payload: text, except for JSON and arrays."""
    return sql.SQL("jsonb" if kind in types.JSONS or kind.endswith("[]") else "text")


def guarded_cast(column: Expression, kind: str) -> GuardedCast:
    """The cast of `column` to `kind`, a type with its precision."""
    base = types.base_type(kind)
    if base in types.WHOLE_NUMBERS:
        return _whole(column, base)
    if base == "numeric":
        return _numeric(column, types.modifiers(kind))
    if base in types.FLOATS:
        return _float(column, base)
    if base == types.TIMESTAMPTZ:
        return GuardedCast(_guard(column, _MOMENT), _cast(column, base))
    if base == types.TIMESTAMP:
        return GuardedCast(_guard(column, _MOMENT), _in_utc(column))
    if base == "date":
        return _date(column)
    if base == "boolean":
        return GuardedCast(_guard(column, types.YES_OR_NO), _cast(column, "boolean"))
    if base == "uuid":
        return GuardedCast(_guard(column, types.UUID), _cast(column, "uuid"))
    if base in {"character varying", "character"} and (size := types.modifiers(kind)):
        # Postgres would cut a longer text without a word.
        fits = sql.SQL("coalesce(char_length({}) <= {}, true)").format(column, sql.Literal(size[0]))
        return GuardedCast(fits, column)
    return GuardedCast(None, column)


def _whole(column: Expression, kind: str) -> GuardedCast:
    low, high = types.RANGES[kind]
    number = _cast(column, "numeric")
    is_in_range = sql.SQL("{0} between {1} and {2} and {0} = trunc({0})").format(
        number, sql.Literal(low), sql.Literal(high)
    )
    return GuardedCast(_guard(column, types.NUMBER, is_in_range), number)


def _float(column: Expression, kind: str) -> GuardedCast:
    low, high = types.FLOAT_RANGES[kind]
    # Digits that the type does not hold would be rounded without a word. Gestão Scouter writes the shortest ones; those
    # of a real that became a double precision there are all of its digits.
    fits = sql.SQL(
        "case when char_length({0}) > 1000 then false when {1} in (0, 'NaN', 'Infinity', '-Infinity') then true"
        " when abs({1}) between {2} and {3} then {4}::text::numeric = {1}"
        " or {4}::double precision::text::numeric = {1} else false end"
    ).format(column, _cast(column, "numeric"), sql.SQL(low), sql.SQL(high), _cast(column, kind))
    return GuardedCast(_guard(column, _FLOAT, fits), _cast(column, kind))


def _numeric(column: Expression, modifiers: tuple[int, ...]) -> GuardedCast:
    if not modifiers:
        # Without a scale the destination may have cut or added zeros at the end.
        return GuardedCast(_guard(column, _NUMERIC), _cast(column, "numeric"))
    precision, scale = modifiers
    value = sql.SQL("{}::numeric({}, {})").format(column, sql.Literal(precision), sql.Literal(scale))
    # More digits than the column has would be rounded without a word.
    fits = sql.SQL("abs({0}::numeric) < {1} and {0}::numeric = round({0}::numeric, {2})").format(
        column, sql.Literal(10 ** (precision - scale)), sql.Literal(scale)
    )
    return GuardedCast(_guard(column, types.NUMBER, fits), value)


def _date(column: Expression) -> GuardedCast:
    # A day is sent, and is midnight in the zone of that server, or in UTC for who writes it in another zone. Any other
    # time of day would be cut without a word.
    is_written = sql.SQL("{} ~ {}").format(column, sql.Literal(types.MIDNIGHT))
    is_utc = sql.SQL("{0} = date_trunc('day', {0})").format(_in_utc(column))
    day = sql.SQL("case when {} then {} else {} end").format(
        is_utc, _in_utc(column), _cast(column, "timestamp")
    )
    is_day = sql.SQL("({} or {})").format(is_written, is_utc)
    return GuardedCast(_guard(column, _MOMENT, is_day), _cast(sql.SQL("({})").format(day), "date"))


def _guard(column: Expression, pattern: str, further: Expression | None = None) -> Expression:
    # Nested, because only `case` fixes which of two conditions is evaluated first.
    return sql.SQL("case when {0} is null then true when {0} ~ {1} then {2} else false end").format(
        column, sql.Literal(pattern), further or sql.SQL("true")
    )


def _cast(value: Expression, kind: str) -> Expression:
    return sql.SQL("{}::{}").format(value, sql.SQL(kind))


def _in_utc(column: Expression) -> Expression:
    return sql.SQL("({}::timestamptz at time zone 'UTC')").format(column)
