"""The declared ways in which a source column becomes another value on its way, as data.

Each says in SQL what is sent, of which type that is, what types it takes, and, where the destination has to read a
text as something else, what a text looks like that it will take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from zoneinfo import available_timezones

from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
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
    """How a field is made. `takes` None is every type; `result` None is the source's own.

    `looks_like` is the pattern of a text that the destination's types `coerced_to` will read; `canonical` is the form
    in which sent and stored texts are the same, where the destination writes them in its own way.
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
        """Whether a source column of this type (without its precision) can be its input."""
        return self.takes is None or base_type in self.takes


def named(name: str) -> Transform:
    """The transform of this name (`date:<zone>` has its zone after the colon); PermanentError lists those there are."""
    base, _, zone = name.partition(":")
    if base == "date" and (not zone or zone in available_timezones()):
        return _date(name, zone or BUSINESS_ZONE)
    if name in TRANSFORMS:
        return TRANSFORMS[name]
    raise PermanentError(
        f"there is no transform {name}; there are {', '.join((*TRANSFORMS, 'date:<zone>'))}."
    )


def sent(name: str | None, sources: Sequence[Expression]) -> Expression:
    """What is sent of these source expressions by a transform; None is none."""
    return sources[0] if name is None else named(name).express(sources)


def _calling(template: LiteralString) -> Express:
    """An expression of one source, which stands in the template as {0}."""

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
    """The form in which the destination writes a text that it could read; another text stays as it is."""

    def canonical(text: Expression) -> Expression:
        written = sql.SQL(template).format(text)
        return sql.SQL("case when {0} ~ {1} then {2} else {0} end").format(
            text, sql.Literal(pattern), written
        )

    return canonical


_number = _canonical(NUMBER, "trim_scale({}::numeric)::text")
_boolean = _canonical(YES_OR_NO, "{}::boolean::text")
_moment = _canonical(MOMENT, "{}::timestamptz::text")
#: Blank is nothing: an empty text into a number or a moment would be refused.
_trimmed = _calling("nullif(btrim({0}), '')")
_ALL = (
    Transform(NONE, _calling("{0}")),
    Transform(name=FIRST_NON_EMPTY, express=_first_non_empty, takes=TEXTS, result="text", takes_several=True),
    Transform("text", _calling("{0}::text"), result="text"),
    Transform(name="lowercase", express=_calling("lower({0})"), takes=TEXTS, result="text"),
    Transform(
        name="digits", express=_calling(r"regexp_replace({0}, '\D', '', 'g')"), takes=TEXTS, result="text"
    ),
    Transform(
        name="sim_nao",
        express=_calling("case {0} when true then 'Sim' when false then 'Não' end"),
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
