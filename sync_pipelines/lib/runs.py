"""What `sync-pipelines run` can run, and what a run reports to the person who typed it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

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


class Progress(Protocol):
    """Shows a person how far a run is. Threads may call it at once.

    What stands before a sentence's first colon is what it is about. With `done` and `total` it becomes a bar.
    """

    def __call__(self, sentence: str, *, done: int | None = None, total: int | None = None) -> None: ...


class Runner(NamedTuple):
    """A run that is ready to be called: `run(settings, accept=…, progress=…)` and what its `Run` offers besides.

    That are `first` and `last`, for a run that has dates, and its options by their names.
    """

    run: Callable[..., RunReport]
    #: What `--accept` may say.
    accepts: Collection[str] = ()


@dataclass(frozen=True)
class RunOption:
    """An option of a run's own: `--FLAG`. Its value goes to the run under `name`.

    A `bool` is a switch; of another kind the option may be repeated, and the value is a list.
    """

    name: str
    flag: str
    kind: type[bool] | type[int] | type[str]
    help: str


@dataclass(frozen=True)
class Run:
    """A system or one of its assets by the name that a person types."""

    #: Such as `hitss` or `hitss/dre_mirror`.
    name: str
    #: The settings without which it cannot run.
    needs: Sequence[str]
    #: Imports what it takes; not before somebody runs it, because `--help` lists it.
    load: Callable[[], Runner]
    #: What it takes beside the options of every run.
    options: Sequence[RunOption] = ()
    #: Whether it takes --from and --to.
    has_dates: bool = True
