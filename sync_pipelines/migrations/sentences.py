"""Differences in words: as the statements that would end them, and as findings."""

from __future__ import annotations

from sync_pipelines.migrations.comparison import Difference
from sync_pipelines.migrations.items import NOTHING, Item, privileges


def steps(difference: Difference) -> list[str]:
    """The statements, shortened for a person, that would make the item as wanted."""
    item, wanted, found = difference
    if item.kind in ("grants", "usage", "sequence"):
        return _privilege_steps(item, wanted, found)
    if item.kind == "index" and wanted.startswith("CREATE "):  # it has expressions or a condition
        return [wanted]
    unique, _, columns = wanted.rpartition("(")
    return [
        {
            "schema": f"create schema {item.on}",
            "table": f"create table {item.on}",
            "view": f"create or replace view {item.on}",
            "column": f"add column {item.on}.{item.name} {wanted}",
            "index": f"create {unique}index {item.name} on {item.on} ({columns}",
            "rls": f"enable row level security on {item.on}",
            "policy": f"create policy {item.name} on {item.on} {wanted}",
            "function": f"create function {item.on}()",
            "trigger": f"create trigger {item.name} on {item.on}",
            "value": f"let the checks of {item.on} allow {item.name}",
            "absence": f"drop {item.name} of {item.on}",
        }[item.kind]
    ]


def _privilege_steps(item: Item, wanted: str, found: str | None) -> list[str]:
    place = _place(item)
    if wanted == NOTHING:
        return [f"revoke all on {place} from {item.name}"]
    missing = privileges(wanted) - privileges(found or "")
    surplus = privileges(found or "") - privileges(wanted) if item.name != "service_role" else set()
    granted = [f"grant {', '.join(sorted(missing))} on {place} to {item.name}"] if missing else []
    return [
        *([f"revoke {', '.join(sorted(surplus))} on {place} from {item.name}"] if surplus else []),
        *granted,
    ]


def right(item: Item, value: str) -> str:
    """An item that is as wanted."""
    if item.kind in ("grants", "usage", "sequence"):
        return f"{item.name} may {value or 'do nothing'} on {_place(item)}"
    if item.kind == "absence":
        return f"{item.on} has no {item.name} of its own"
    return f"{_name(item)} is {value or 'there'}"


def wrong(difference: Difference) -> str:
    """What is the matter with an item that is not."""
    item, wanted, found = difference
    if item.kind in ("grants", "usage", "sequence"):
        may, should = found or "do nothing", wanted or "do nothing"
        return f"{item.name} may {may} on {_place(item)}, and should {should}"
    if item.kind == "absence":
        return f"{item.on} still has {item.name}"
    if found is None:
        return f"{_name(item)} is missing" + (f" ({wanted})" if wanted else "")
    return f"{_name(item)} is {found} instead of {wanted}"


def _name(item: Item) -> str:
    if item.kind == "column":
        return f"column {item.on}.{item.name}"
    kind = {"rls": "row level security", "value": "allowed value"}.get(item.kind, item.kind)
    return (
        f"{kind} {item.name} on {item.on}" if item.name else f"{kind} {'of ' * (item.kind == 'rls')}{item.on}"
    )


def _place(item: Item) -> str:
    return {"usage": "schema ", "sequence": "the sequence of "}.get(item.kind, "") + item.on
