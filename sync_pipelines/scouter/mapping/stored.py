"""A value of the destination, read again as the type in which it was sent, without ever raising.

An edit there may be anything: a text where a yes was sent, a day that no calendar has. So each value has a guard, and
one whose guard is not true cannot have been sent by us.
"""

from __future__ import annotations

from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.transforms import Expression

_NUMERIC = rf"{types.NUMBER}|^NaN$"
_FLOAT = rf"{types.NUMBER}|^(NaN|-?Infinity)$"
_MOMENT = rf"{types.MOMENT}|^-?infinity$"


def declared_sql(kind: str) -> Expression:
    """The type under which a value is taken out of the payload: its text, but for what is JSON itself."""
    return sql.SQL("jsonb" if kind in types.JSONS or kind.endswith("[]") else "text")


def read_sql(column: Expression, kind: str) -> tuple[Expression | None, Expression]:
    """The guard (None where every value will do), and the value as `kind`, a type with its precision."""
    base = types.base_type(kind)
    if base in types.WHOLE_NUMBERS:
        low, high = types.RANGES[base]
        number = sql.SQL("{}::numeric").format(column)
        guard = sql.SQL("{0} between {1} and {2} and {0} = trunc({0})").format(
            number, sql.Literal(low), sql.Literal(high)
        )
        return _guard(column, types.NUMBER, guard), number
    if base == "numeric":
        return _numeric(column, types.modifiers(kind))
    if base in types.FLOATS:
        fits = sql.SQL("abs({}::double precision) < 3.4e38").format(column) if base == "real" else None
        return _guard(column, _FLOAT, fits), _cast(column, base)
    if base == types.TIMESTAMPTZ:
        return _guard(column, _MOMENT), _cast(column, base)
    if base == types.TIMESTAMP:
        return _guard(column, _MOMENT), _in_utc(column)
    if base == "date":
        return _guard(column, _MOMENT), _cast(_in_utc(column), "date")
    if base == "boolean":
        return _guard(column, types.YES_OR_NO), _cast(column, "boolean")
    if base == "uuid":
        return _guard(column, types.UUID), _cast(column, "uuid")
    return None, column


def _numeric(column: Expression, modifiers: tuple[int, ...]) -> tuple[Expression, Expression]:
    if not modifiers:
        # Without a scale the destination may have cut or added zeros at the end.
        return _guard(column, _NUMERIC), _cast(column, "numeric")
    precision, scale = modifiers
    value = sql.SQL("{}::numeric({}, {})").format(column, sql.Literal(precision), sql.Literal(scale))
    limit = sql.SQL("abs(round({}::numeric, {})) < {}").format(
        column, sql.Literal(scale), sql.Literal(10 ** (precision - scale))
    )
    return _guard(column, types.NUMBER, limit), value


def _guard(column: Expression, pattern: str, further: Expression | None = None) -> Expression:
    # Nested, because only a case says which of two conditions is looked at first.
    return sql.SQL("case when {0} is null then true when {0} ~ {1} then {2} else false end").format(
        column, sql.Literal(pattern), further or sql.SQL("true")
    )


def _cast(value: Expression, kind: str) -> Expression:
    return sql.SQL("{}::{}").format(value, sql.SQL(kind))


def _in_utc(column: Expression) -> Expression:
    return sql.SQL("({}::timestamptz at time zone 'UTC')").format(column)
