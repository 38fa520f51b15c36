"""What `sync-pipelines run` can run, and what a run reports to the person who typed it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sync_pipelines.lib.storage.landing import LandingStore


@dataclass(frozen=True)
class Installation:
    """What each run in this process uses of its installation: Dagster's database, ours, the landing store."""

    store: LandingStore
    dagster_url: str | None = field(default=None, repr=False)
    ops_url: str | None = field(default=None, repr=False)


@dataclass
class AssetRow:
    """A line of the table that a run prints: rows by what became of them, and what is proved."""

    asset: str
    read: int = 0
    loaded: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    proved: str = ""
    seconds: float = 0.0


@dataclass
class RunReport:
    """What a system's run did. It succeeded when nothing failed and no error check is red."""

    rows: list[AssetRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: The run found nothing that it could have done or proved.
    nothing_to_do: bool = False

    @property
    def succeeded(self) -> bool:
        return not self.problems


class Runner(NamedTuple):
    """A run that is ready to be called: `run(settings, first=…, last=…, accept=…, progress=…)`."""

    run: Callable[..., RunReport]
    #: What `--accept` may say.
    accepts: Collection[str] = ()


@dataclass(frozen=True)
class Run:
    """A system or one of its assets by the name that a person types."""

    #: Such as `hitss` or `hitss/dre_mirror`.
    name: str
    #: The settings without which it cannot run.
    needs: Sequence[str]
    #: Imports what it takes; not before somebody runs it, because `--help` lists it.
    load: Callable[[], Runner]
