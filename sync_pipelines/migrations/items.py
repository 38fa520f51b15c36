"""A database's structure as items with values.

Everything that can be right or wrong is an `Item` with a value, so that a database is a mapping, and its
differences come from two mappings side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal[
    "schema",
    "table",
    "view",
    "column",
    "index",
    "rls",
    "policy",
    "function",
    "trigger",
    "value",
    "absence",
    "usage",
    "grants",
    "sequence",
]
#: Kinds whose items are named after a role.
OF_ROLES = ("usage", "grants", "sequence")
#: The roles through which Supabase's API reaches a database, from the least to the most trusted.
API_ROLES = ("anon", "authenticated", "service_role")
#: How our views are read: nobody sees through them what his role may not see in the tables.
BY_READER = "read with the rights of its reader"
NOTHING = ""


class Item(NamedTuple):
    """Something that a database has: its kind, the schema or table it belongs to, and its own name."""

    kind: Kind
    on: str
    name: str = ""


Items = Mapping[Item, str]


def privileges(text: str) -> set[str]:
    """The privileges of a list such as `insert, select`."""
    return set(filter(None, text.split(", ")))


def dump(items: Items) -> str:
    """Items as JSON: what they belong to, then the kind, then the names; a kind without a name has its value."""
    nested: dict[str, dict[str, str | dict[str, str]]] = {}
    for item, value in items.items():
        kinds = nested.setdefault(item.on, {})
        if not item.name:
            kinds[item.kind] = value
            continue
        names = kinds.setdefault(item.kind, {})
        assert isinstance(names, dict)
        names[item.name] = value
    return json.dumps(nested, indent=2, ensure_ascii=False) + "\n"


def load(text: str) -> dict[Item, str]:
    """The items of a JSON text that `dump` wrote."""
    items: dict[Item, str] = {}
    for on, kinds in json.loads(text).items():
        for kind, names in kinds.items():
            named = names if isinstance(names, dict) else {"": names}
            items |= {Item(kind, on, name): value for name, value in named.items()}
    return items
