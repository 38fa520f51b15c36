"""The transforms that a mapping may declare, as data.

Each gives the SQL of what is sent, the type of that, the types that it takes as input and, if the destination casts
the sent text to another type, the pattern of a text that this cast accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.time_zones import is_time_zone
from sync_pipelines.scouter.mapping.column_types import (
    MOMENT,
    MOMENTS,
    NUMBER,
    NUMBERS,
    TEXTS,
    TIMESTAMPTZ,
    WHOLE,
    WHOLE_NUMBERS,
    YES_OR_NO,
)

NONE = "none"
FIRST_NON_EMPTY = "first_non_empty"
BUSINESS_ZONE = "America/Sao_Paulo"

Expression = sql.Composable
Express = Callable[[Sequence[Expression]], Expression]


@dataclass(frozen=True)
class Transform:
    """One transform. `takes` None means every type; `result` None means the type of the source.

    `looks_like` is the pattern of a text that a destination column of a type in `coerced_to` accepts. `canonical`
    brings the sent text and the one that the destination stored into the same form.
    """

    name: str
    express: Express
    takes: frozenset[str] | None = None
    result: str | None = None
    takes_several: bool = False
    coerced_to: frozenset[str] = frozenset()
    looks_like: str | None = None
    canonical: Callable[[Expression], Expression] | None = None

    def accepts(self, base_type: str) -> bool:
        """Whether a source column of this type (without its precision) can be the input."""
        return self.takes is None or base_type in self.takes


def find(name: str) -> Transform:
    """The transform of this name (`date:<zone>` has its zone after the colon); PermanentError lists all."""
    base, _, zone = name.partition(":")
    if base == "date" and (not zone or is_time_zone(zone)):
        return _date(name, zone or BUSINESS_ZONE)
    if name in TRANSFORMS:
        return TRANSFORMS[name]
    raise PermanentError(
        f"there is no transform {name}; there are {', '.join((*TRANSFORMS, 'date:<zone>'))}."
    )


def expression(name: str | None, sources: Sequence[Expression]) -> Expression:
    """What is sent of these source expressions by a transform; None copies the first."""
    return sources[0] if name is None else find(name).express(sources)


def _template(template: LiteralString) -> Express:
    """An expression of one source, written as {0} in the template."""

    def express(sources: Sequence[Expression]) -> Expression:
        return sql.SQL(template).format(sources[0])

    return express


def _first_non_empty(sources: Sequence[Expression]) -> Expression:
    return sql.SQL("coalesce({})").format(
        sql.SQL(", ").join(sql.SQL("nullif({}, '')").format(source) for source in sources)
    )


def _date(name: str, zone: str) -> Transform:
    def express(sources: Sequence[Expression]) -> Expression:
        return sql.SQL("({} at time zone {})::date").format(sources[0], sql.Literal(zone))

    return Transform(name=name, express=express, takes=frozenset({TIMESTAMPTZ}), result="date")


def _canonical(pattern: str, template: LiteralString) -> Callable[[Expression], Expression]:
    """The form in which the destination stores a text of this pattern; any other text stays as it is."""

    def canonical(text: Expression) -> Expression:
        written = sql.SQL(template).format(text)
        return sql.SQL("case when {0} ~ {1} then {2} else {0} end").format(
            text, sql.Literal(pattern), written
        )

    return canonical


_number = _canonical(NUMBER, "trim_scale({}::numeric)::text")
_boolean = _canonical(YES_OR_NO, "{}::boolean::text")
_moment = _canonical(MOMENT, "{}::timestamptz::text")
#: A blank text is sent as NULL: as a number or a timestamp it would be rejected.
_trimmed = _template("nullif(btrim({0}), '')")
_ALL = (
    Transform(NONE, _template("{0}")),
    Transform(name=FIRST_NON_EMPTY, express=_first_non_empty, takes=TEXTS, result="text", takes_several=True),
    Transform("text", _template("{0}::text"), result="text"),
    Transform(name="lowercase", express=_template("lower({0})"), takes=TEXTS, result="text"),
    Transform(
        name="digits", express=_template(r"regexp_replace({0}, '\D', '', 'g')"), takes=TEXTS, result="text"
    ),
    Transform(
        name="sim_nao",
        express=_template("case {0} when true then 'Sim' when false then 'Não' end"),
        takes=frozenset({"boolean"}),
        result="text",
    ),
    Transform(
        name="integer",
        express=_trimmed,
        takes=TEXTS,
        result="text",
        takes_several=False,
        coerced_to=NUMBERS,
        looks_like=WHOLE,
        canonical=_number,
    ),
    Transform(
        name="number",
        express=_trimmed,
        takes=TEXTS,
        result="text",
        takes_several=False,
        coerced_to=NUMBERS - WHOLE_NUMBERS,
        looks_like=NUMBER,
        canonical=_number,
    ),
    Transform(
        name="boolean",
        express=_trimmed,
        takes=TEXTS,
        result="text",
        takes_several=False,
        coerced_to=frozenset({"boolean"}),
        looks_like=YES_OR_NO,
        canonical=_boolean,
    ),
    Transform(
        name="timestamp",
        express=_trimmed,
        takes=TEXTS,
        result="text",
        takes_several=False,
        coerced_to=MOMENTS | {"date"},
        looks_like=MOMENT,
        canonical=_moment,
    ),
)
TRANSFORMS = {transform.name: transform for transform in (*_ALL, _date("date", BUSINESS_ZONE))}
