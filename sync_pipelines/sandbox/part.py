"""What one system brings to the sandbox: databases, fake upstreams, variables, and what the demo does with it.

`sandbox/<system>/part.py` holds a system's `PART`. The sandbox loops over the parts that it is given and knows no
system, so that a new one touches nothing outside its own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History

#: Sizes and delays by name.
Options = Mapping[str, float]


def _no_arguments(_options: Options) -> Sequence[str]:
    return ()


def _no_variables(_home: Path, _given: Mapping[str, str]) -> Mapping[str, str]:
    return {}


def _nothing(_environment: Mapping[str, str]) -> None:
    return


@dataclass(frozen=True)
class Option:
    """A size or delay of a part, which `demo` and `sandbox up` take as `--FLAG`: a whole number if its default is."""

    name: str
    default: float
    help: str
    flag: str


@dataclass(frozen=True)
class Database:
    """A database of the sandbox. `setting` is the variable that holds its URL.

    `build` creates the application's own tables and rows in it, once. With a `history` the demo migrates it; `choices`
    are further histories, each run where the variable of its name is true. `for_fakes` ones are reached by the product
    over HTTP only: their URL is for the fakes.
    """

    name: str
    setting: str
    build: Callable[[psycopg.Connection[Any], Options], None] | None = None
    history: History | None = None
    choices: tuple[History, ...] = ()
    for_fakes: bool = False


@dataclass(frozen=True)
class Upstream:
    """A fake service that runs as a process of its own: `python -m MODULE --home FOLDER ARGUMENTS`.

    Once it listens it writes the ready file `FOLDER/NAME.json`, which has at least `variables`. `depends_on` are
    variables of what it works on: a fake endpoint of a real database would accept alerts that nobody receives.
    `address` is the key of the ready file with the URL below which its faults are switched; None: it has none.
    """

    name: str
    module: str
    variables: tuple[str, ...]
    arguments: Callable[[Options], Sequence[str]] = _no_arguments
    depends_on: tuple[str, ...] = ()
    address: str | None = None

    def is_replaced(self, given: Mapping[str, str]) -> bool:
        """Whether a real service is configured in its place, in whole or in part: the two are never mixed."""
        return any(given.get(name) for name in (*self.variables, *self.depends_on))


@dataclass(frozen=True)
class Observation:
    """An asset that no run of a system materializes, and the sentence that the demo prints of its metadata."""

    asset: str
    sentence: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Part:
    """A system in the sandbox.

    `variables` gives what the system needs beside the URLs of its databases and upstreams, from the sandbox's home
    and the variables that are set already. `connect` is called with the sandbox's own variables once everything
    runs.
    """

    name: str
    databases: tuple[Database, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    options: tuple[Option, ...] = ()
    variables: Callable[[Path, Mapping[str, str]], Mapping[str, str]] = _no_variables
    connect: Callable[[Mapping[str, str]], None] = _nothing
    observations: tuple[Observation, ...] = ()
