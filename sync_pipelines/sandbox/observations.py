"""The assets that no run of a system makes, materialized once by the demo, so that their pages are not empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from rich.console import Console

from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.operations.defs.growth import GROWTH_KEY
from sync_pipelines.scouter.defs.descriptions import SCHEMA_KEY
from sync_pipelines.settings import Settings


def observe(definitions: dg.Definitions, settings: Settings, console: Console) -> bool:
    """Look at both schemas of leads and at the sizes, print what was found; False when one is not as it should be."""
    told: list[str] = []
    problems: list[str] = []
    with in_process.instance(settings, told.append) as instance:
        for key in (SCHEMA_KEY, GROWTH_KEY):
            done = in_process.materialize(definitions, "__ASSET_JOB", instance, config={}, selection=[key])
            told += [_sentence(key, values) for rows in done.metadata.values() for values in rows]
            problems += done.problems
    for sentence in told:
        console.print(sentence)
    for problem in problems:
        console.print(problem, style="red")
    return not problems


def _sentence(key: dg.AssetKey, values: Mapping[str, Any]) -> str:
    name = key.to_user_string()
    if key == SCHEMA_KEY:
        return f"{name}: {values['fields_mapped']} fields are mapped, {values['columns_error']} do not fit."
    sizes = [f"{one.removesuffix('_mb')} {size} MB" for one, size in values.items() if one.endswith("_mb")]
    return f"{name}: {', '.join(sizes)}."
