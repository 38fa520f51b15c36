"""A database laid beside the shape that it should have.

Everything that can be right or wrong is an `Item` with a value, so that a database is a mapping, and its
differences come from two mappings side by side.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from sync_pipelines.migrations.shape import NOTHING, WRITE, Shape, Table

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
    "usage",
    "grants",
    "sequence",
]


#: How our views are read: nobody sees through them what his role may not see in the tables.
BY_READER = "read with the rights of its reader"


class Item(NamedTuple):
    """Something that a database has: its kind, the schema or table it belongs to, and its own name."""

    kind: Kind
    on: str
    name: str = ""


class Difference(NamedTuple):
    """An item that is missing (`found` is None) or not as wanted."""

    item: Item
    wanted: str
    found: str | None


def expected(shape: Shape, roles: Collection[str]) -> dict[Item, str]:
    """Every item of a migrated database; what concerns a role of the API only where that role exists."""
    items: dict[Item, str] = {Item("schema", shape.private): ""}
    for name, table in shape.tables.items():
        items[Item("table", name)] = ""
        items |= {Item("column", name, column): kind for column, kind in table.columns.items()}
        items |= {Item("index", name, index): columns for index, columns in table.indexes.items()}
        if table.read is not None:
            items[Item("rls", name)] = "enabled"
            items |= _access(name, table, table.read)
    for name, read in shape.views.items():
        items[Item("view", name)] = BY_READER
        rights = {"anon": NOTHING, "authenticated": read, "service_role": "select"}
        items |= {Item("grants", name, role): right for role, right in rights.items()}
    for (name, trigger), function in shape.triggers.items():
        items[Item("function", function)] = ""
        items[Item("trigger", name, trigger)] = function
    items |= {Item("value", f"{name}.{column}", value): "" for (name, column), value in shape.allowed.items()}
    items |= {Item("usage", shape.private, role): NOTHING for role in ("anon", "authenticated")}
    concerned = {"usage", "grants", "sequence"}
    return {
        item: value
        for item, value in items.items()
        if (item.kind not in concerned or item.name in roles)
        and (item.kind != "policy" or "authenticated" in roles)
    }


def _access(name: str, table: Table, read: str) -> dict[Item, str]:
    items = {
        Item("grants", name, "anon"): NOTHING,
        Item("grants", name, "authenticated"): read,
        Item("grants", name, "service_role"): WRITE,
    }
    if table.policy:
        policy = f"{name.removeprefix('public.')}_read"
        items[Item("policy", name, policy)] = "for select to authenticated using (true)"
    if "id" in table.columns and table.columns["id"] == "bigint":
        items[Item("sequence", name, "service_role")] = "select, usage"
        if not table.added:  # of a table that an application made, the rest of its grants is its own affair
            items[Item("sequence", name, "anon")] = NOTHING
    return items


def compare(wanted: Mapping[Item, str], found: Mapping[Item, str]) -> list[Difference]:
    """What a database lacks or has otherwise, in the order of its tables."""
    return [
        Difference(item, value, found.get(item))
        for item, value in wanted.items()
        if not _satisfies(item, value, found.get(item))
        # A column may count by a sequence that does not belong to it, and whose grants are not ours to tell.
        and not (item.kind == "sequence" and item not in found and Item("table", item.on) in found)
    ]


def _satisfies(item: Item, wanted: str, found: str | None) -> bool:
    if found is None:
        return False
    if item.kind == "column":
        return compatible(wanted, found)
    if item.kind == "index":
        # A b-tree is read in both directions, and section 3.1 of the requirement creates one the other way.
        return wanted == found or (
            "," not in wanted and wanted.replace(" desc", "") == found.replace(" desc", "")
        )
    if item.kind in ("grants", "sequence") and item.name == "service_role":
        return privileges(wanted) <= privileges(found)
    return wanted == found


def privileges(text: str) -> set[str]:
    """The privileges of a list such as `insert, select`."""
    return set(filter(None, text.split(", ")))


_TYPE = re.compile(r"(character varying|numeric)(?:\((\d+)(?:,(\d+))?\))?")
#: The longest text of the export has 139 characters; a column that an application limited further would
#: refuse a line some day.
_ROOM_FOR_TEXT = 255


def compatible(wanted: str, found: str) -> bool:
    """True where a column of the type `found` takes every value that we would write to one of `wanted`."""
    if wanted == found or (wanted, found) in {("integer", "bigint"), ("bigint", "integer")}:
        return True
    limited = _TYPE.fullmatch(found)
    if limited is None:
        return found == "text" and wanted.startswith("character varying")
    kind, size, scale = limited[1], int(limited[2] or 10**6), int(limited[3] or 0)
    if kind == "character varying":
        room = re.fullmatch(r"character varying\((\d+)\)", wanted)
        return size >= (int(room[1]) if room else _ROOM_FOR_TEXT) and (room is not None or wanted == "text")
    precise = re.fullmatch(r"numeric\((\d+),(\d+)\)", wanted)
    if precise is None or limited[2] is None:
        return limited[2] is None and wanted.startswith("numeric")
    return scale >= int(precise[2]) and size - scale >= int(precise[1]) - int(precise[2])
