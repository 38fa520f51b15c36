"""Rules that find, before they are sent, the rows that the destination will probably reject.

A suspect row is sent all the same, but alone: a batch is one statement, so one bad row would take the good ones with
it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

from psycopg import sql

from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.transforms import Expression

RuleName = Literal[
    "longer_than", "out_of_range", "not_whole", "no_single_float", "not_one_of", "not_looking_like", "missing"
]


@dataclass(frozen=True)
class SuspectRule:
    """A rule for one field, and its limits: a length, the two ends of a range, labels, or a pattern."""

    field: Field
    rule: RuleName
    limits: tuple[int | str, ...] = ()

    def condition(self, alias: str) -> Expression:
        """Whether a row of `alias` breaks the rule, as SQL; NULL means no."""
        sources = [sql.Identifier(alias, name) for name in self.field.sources]
        return _CONDITIONS[self.rule](transforms.expression(self.field.transform, sources), self.limits)

    def document(self) -> dict[str, Any]:
        """As JSON, for the cache of schema reports."""
        field = {"destination": self.field.destination, "sources": [*self.field.sources]}
        return {
            "field": field | {"transform": self.field.transform},
            "rule": self.rule,
            "limits": [*self.limits],
        }

    @classmethod
    def from_document(cls, document: MappingOf[str, Any]) -> SuspectRule:
        """Read what `document` wrote."""
        field = document["field"]
        return cls(
            Field(field["destination"], tuple(field["sources"]), field["transform"]),
            document["rule"],
            tuple(document["limits"]),
        )


def _literal(value: int | str) -> sql.Composable:
    # The statement has parameters: a single % in a literal would count as one.
    return sql.SQL(sql.Literal(value).as_string(None).replace("%", "%%"))


def _condition(template: LiteralString) -> Callable[[Expression, tuple[int | str, ...]], Expression]:
    def condition(value: Expression, limits: tuple[int | str, ...]) -> Expression:
        return sql.SQL(template).format(value, *map(_literal, limits))

    return condition


def _not_one_of(value: Expression, labels: tuple[int | str, ...]) -> Expression:
    listed = sql.SQL(", ").join(map(_literal, labels))
    return sql.SQL("{}::text not in ({})").format(value, listed)


_CONDITIONS: dict[RuleName, Callable[[Expression, tuple[int | str, ...]], Expression]] = {
    # The text as JSON writes it, because a timestamp is longer there. The server itself cuts blanks at the end.
    "longer_than": _condition("char_length(rtrim(to_json({0}) #>> '{{}}', ' ')) > {1}"),
    "out_of_range": _condition("{0} not between {1} and {2}"),
    # The server reads the text of a number: it rejects 12.00 for an integer.
    "not_whole": _condition("({0}::text !~ '^-?\\d+$' or {0} not between {1} and {2})"),
    # A number that would be rounded to infinity, or one that is not zero and would be rounded to zero.
    "no_single_float": _condition(
        "(abs({0}) > 3.4028235677973366e38 and abs({0}) < 'infinity'"
        " or {0} <> 0 and abs({0}) <= 7.006492321624085e-46)"
    ),
    "not_one_of": _not_one_of,
    "not_looking_like": _condition("{0} !~ {1}"),
    "missing": _condition("{0} is null"),
}
