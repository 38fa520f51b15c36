"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class DayRequest:
    """The day, the assets to make, and what a person decided; `log` takes sentences while the run goes on."""

    run_id: str
    partition_key: str
    wanted: Collection[str]
    force: bool
    accepted: Collection[str]
    log: Callable[[str], None]
