"""How the wanted structure of a database is written down; `shapes` has those of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: The roles through which Supabase's API reaches a database, from the least to the most trusted.
API_ROLES = ("anon", "authenticated", "service_role")
WRITE = "delete, insert, select, update"
NOTHING = ""


@dataclass(frozen=True)
class Table:
    """A table: columns by name with the type as `format_type` prints it, indexes by name.

    `added` are columns that the migration adds to a table it finds; the others must be there. `written` are
    those that our inserts name (None: all), `blank` those of them that a row may leave empty. `values` must
    pass the CHECKs of their column. With `keeps_rules` the application's own keys and references are as its contract
    says, and stand in nobody's way. `read` is what `authenticated` may do (None: the schema is private, and
    no role of the API may do anything).
    """

    columns: Mapping[str, str]
    indexes: Mapping[str, str] = field(default_factory=dict)
    read: str | None = None
    policy: bool = True
    added: frozenset[str] = frozenset()
    written: frozenset[str] | None = None
    blank: frozenset[str] = frozenset()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keeps_rules: bool = False


@dataclass(frozen=True)
class Shape:
    """A database: its private schema and its tables; triggers by (table, name) with their function.

    `views` have, as their value, what `authenticated` may do with them. `allowed` has a value that the CHECKs
    on a column, (table, name), of the application's own tables must let pass.
    """

    private: str
    tables: Mapping[str, Table]
    triggers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[tuple[str, str], str] = field(default_factory=dict)


def columns(**by_type: str) -> dict[str, str]:
    """Columns by name, from the names of each type."""
    written = {"timestamptz": "timestamp with time zone", "money": "numeric(15,2)", "total": "numeric(17,2)"}
    return {
        name: written.get(kind) or re.sub(r"^varchar_(\d+)$", r"character varying(\1)", kind)
        for kind, names in by_type.items()
        for name in names.split()
    }
