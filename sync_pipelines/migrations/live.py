"""A live database in the words of a shape: its items, and the relations that bear names of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import NamedTuple

from sync_pipelines.migrations.items import Items

#: `relkind` of a table, plain or partitioned.
TABLE_KINDS = ("r", "p")


class Column(NamedTuple):
    """A column; `filled` ones refuse NULL, `required` ones also a row that does not name them.

    `counted` ones count by themselves.
    """

    type: str
    filled: bool
    required: bool
    counted: bool


class Constraint(NamedTuple):
    """A CHECK, foreign key or unique index: its name, its columns, its definition, whether it is a constraint."""

    name: str
    columns: tuple[str, ...]
    definition: str
    constraint: bool = True

    def refused(self, values: Sequence[str]) -> list[str]:
        """The values that a CHECK which lists what it allows does not list."""
        return [value for value in values if f"'{value}'" not in self.definition]


@dataclass
class Relation:
    """A relation that bears the name of one that a shape speaks of."""

    kind: str
    columns: dict[str, Column] = field(default_factory=dict)
    checks: list[Constraint] = field(default_factory=list)
    references: list[Constraint] = field(default_factory=list)
    uniques: list[Constraint] = field(default_factory=list)
    primary: str | None = None


@dataclass(frozen=True)
class Live:
    """A database as it is; `index_tables` says which table has each of our index names, qualified."""

    items: Items
    relations: Mapping[str, Relation]
    roles: frozenset[str]
    index_tables: Mapping[str, str]
    revision: str | None

    def is_unique(self, table: str, columns: Sequence[str]) -> bool:
        """Whether a unique index or key of any name is on exactly these columns, in any order."""
        texts = {f"unique ({', '.join(order)})" for order in permutations(columns)}
        return any(
            (item.kind, item.on) == ("index", table) and text in texts for item, text in self.items.items()
        )
