"""Who ends a difference: the migration, or a person, and how."""

from __future__ import annotations

from sync_pipelines.migrations import catalog, sentences
from sync_pipelines.migrations.comparison import Difference
from sync_pipelines.migrations.live import Live

MIGRATE = "run `sync-pipelines migrate`"


def is_cured(difference: Difference, live: Live) -> bool:
    """True where the migration, which adds and repeats but never drops, would put this right."""
    item, _wanted, found = difference
    if item.kind == "index":
        return found is None and catalog.index_name(item.on, item.name) not in live.index_tables
    return found is None or item.kind in ("grants", "sequence", "view")


def by_hand(difference: Difference, live: Live) -> str:
    """What a person has to do where the migration would not."""
    item = difference.item
    if item.kind == "index":
        index = catalog.index_name(item.on, item.name)
        return f"rename or drop index {index} of {live.index_tables.get(index, item.on)}, then {MIGRATE}"
    if item.kind in ("policy", "trigger"):
        return f"drop {item.kind} {item.name} on {item.on}, then {MIGRATE}"
    return "; ".join(sentences.steps(difference))
