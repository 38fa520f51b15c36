"""A database compared with the shape that it should have."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from sync_pipelines.migrations.items import OF_ROLES, Item, Items, privileges
from sync_pipelines.migrations.shape import Shape


class Difference(NamedTuple):
    """An item that is missing (`found` is None) or not as wanted."""

    item: Item
    wanted: str
    found: str | None


def expected(shape: Shape, roles: Collection[str]) -> dict[Item, str]:
    """Every item of a migrated database; what concerns a role of the API only where that role exists."""
    return {
        item: value
        for item, value in shape.items.items()
        if (item.kind not in OF_ROLES or item.name in roles)
        and (item.kind != "policy" or "authenticated" in roles)
    }


def compare(wanted: Items, found: Items) -> list[Difference]:
    """What a database lacks or has otherwise, in the order of its tables."""
    return [
        Difference(item, value, found.get(item))
        for item, value in wanted.items()
        if not _satisfies(item, value, found.get(item))
        # A column may count by a sequence that does not belong to it, and whose grants are not ours to tell.
        and not (item.kind == "sequence" and item not in found and Item("table", item.on) in found)
        and not _has_twin(item, value, found)
    ]


def _has_twin(item: Item, wanted: str, found: Items) -> bool:
    """Whether a unique index is there under another name, such as a key that the application has itself."""
    return (
        item.kind == "index"
        and item not in found
        and wanted.startswith("unique (")
        and any((other.kind, other.on, value) == ("index", item.on, wanted) for other, value in found.items())
    )


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
