"""The assets that no run of a system makes, materialized once by the demo, so that their pages are not empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from sync_pipelines.sandbox.part import Observation
from sync_pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster import Definitions


def observe(
    observations: Iterable[Observation], definitions: Definitions, *, settings: Settings, console: Console
) -> bool:
    """Materialize each asset and print what it found; False when one is not as it should be."""
    from sync_pipelines.lib.orchestration import in_process

    keys = {key.to_user_string(): key for key in definitions.resolve_all_asset_keys()}
    sentences: list[str] = []
    problems: list[str] = []
    with in_process.instance(settings.installation, sentences.append) as instance:
        for observation in observations:
            key = keys[observation.asset]
            done = in_process.materialize(definitions, "__ASSET_JOB", instance, config={}, selection=[key])
            sentences += [
                f"{observation.asset}: {observation.sentence(metadata)}"
                for materializations in done.metadata.values()
                for metadata in materializations
            ]
            problems += done.problems
    for sentence in sentences:
        console.print(sentence)
    for problem in problems:
        console.print(problem, style="red")
    return not problems
