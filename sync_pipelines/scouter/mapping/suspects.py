"""Rows that the destination will probably refuse, told beforehand by what it says of its columns.

A suspect row is sent all the same, but not in the company of others: a batch is one statement, and one bad row would
take the good ones with it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

from psycopg import sql

from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.field_mapping import Field
from sync_pipelines.scouter.mapping.transforms import Expression

Rule = Literal[
    "longer_than", "out_of_range", "not_whole", "no_single_float", "not_one_of", "not_looking_like", "missing"
]


@dataclass(frozen=True)
class Suspect:
    """A test of one field: by which rule, against which limits (a length, two ends, labels, or a pattern)."""

    field: Field
    rule: Rule
    limits: tuple[int | str, ...] = ()

    def condition(self, alias: str) -> Expression:
        """True or NULL of a row of `alias`: whether it breaks the rule."""
        sources = [sql.Identifier(alias, name) for name in self.field.sources]
        return _CONDITIONS[self.rule](transforms.sent(self.field.transform, sources), self.limits)

    def document(self) -> dict[str, Any]:
        """As JSON, for the cache."""
        field = {"destination": self.field.destination, "sources": [*self.field.sources]}
        return {
            "field": field | {"transform": self.field.transform},
            "rule": self.rule,
            "limits": [*self.limits],
        }

    @classmethod
    def from_document(cls, document: MappingOf[str, Any]) -> Suspect:
        """Read what `document` wrote."""
        field = document["field"]
        made_of = Field(field["destination"], tuple(field["sources"]), field["transform"])
        return cls(made_of, document["rule"], tuple(document["limits"]))


def _literal(value: int | str) -> sql.Composable:
    # The statement has parameters, for which a % in a literal would be one more.
    return sql.SQL(sql.Literal(value).as_string(None).replace("%", "%%"))


def _condition(template: LiteralString) -> Callable[[Expression, tuple[int | str, ...]], Expression]:
    def condition(value: Expression, limits: tuple[int | str, ...]) -> Expression:
        return sql.SQL(template).format(value, *map(_literal, limits))

    return condition


def _not_one_of(value: Expression, labels: tuple[int | str, ...]) -> Expression:
    listed = sql.SQL(", ").join(map(_literal, labels))
    return sql.SQL("{}::text not in ({})").format(value, listed)


_CONDITIONS: dict[Rule, Callable[[Expression, tuple[int | str, ...]], Expression]] = {
    # The text as JSON has it, where a moment is longer than it is elsewhere. Blanks at its end the server cuts itself.
    "longer_than": _condition("char_length(rtrim(to_json({0}) #>> '{{}}', ' ')) > {1}"),
    "out_of_range": _condition("{0} not between {1} and {2}"),
    # A fraction is refused in its text too: 12.00 is no integer to the server that reads it.
    "not_whole": _condition("({0}::text !~ '^-?\\d+$' or {0} not between {1} and {2})"),
    # What would be rounded to infinity, or to zero, which it is not.
    "no_single_float": _condition(
        "(abs({0}) > 3.4028235677973366e38 and abs({0}) < 'infinity'"
        " or {0} <> 0 and abs({0}) <= 7.006492321624085e-46)"
    ),
    "not_one_of": _not_one_of,
    "not_looking_like": _condition("{0} !~ {1}"),
    "missing": _condition("{0} is null"),
}
