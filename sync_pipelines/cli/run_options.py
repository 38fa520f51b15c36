"""The options of `sync-pipelines run` that belong to some runs only, which bring them as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from typer.core import TyperCommand

from sync_pipelines import systems
from sync_pipelines.cli.options import Extra, parameters
from sync_pipelines.lib.runs import Run, RunOption
from sync_pipelines.settings import SettingsError


class WithRunOptions(TyperCommand):
    """A command with the options of every run; which of them a run takes, `taken` looks at."""

    def get_params(self, ctx: Any) -> list[Any]:
        *own, help_option = super().get_params(ctx)
        runs = [run for system in systems.SYSTEMS for run in system.runs]
        return [*own, *parameters(_extra(option, owners) for option, owners in _owned(runs)), help_option]


def _owned(runs: Iterable[Run]) -> list[tuple[RunOption, list[str]]]:
    """Each option once, with the names of the runs that have it."""
    owned: dict[str, tuple[RunOption, list[str]]] = {}
    for run in runs:
        for option in run.options:
            owned.setdefault(option.name, (option, []))[1].append(run.name)
    return list(owned.values())


def _extra(option: RunOption, owners: list[str]) -> Extra:
    kind: Any = bool if option.kind is bool else list[option.kind] | None  # type: ignore[name-defined]
    default = False if option.kind is bool else None
    text = f"{option.help} Only of {', '.join(owners)}."
    return Extra(option.name, flag=option.flag, kind=kind, default=default, help=text)


def taken(
    run: Run, runs: Iterable[Run], *, given: Mapping[str, Any], dates: Mapping[str, str | None]
) -> dict[str, Any]:
    """What a run is called with of `given`, the options that a person typed, and of `dates`.

    Raises SettingsError for an option that this one of the `runs` does not have.
    """
    own = {option.name for option in run.options}
    for option, owners in _owned(runs):
        if given.get(option.name) and option.name not in own:
            raise SettingsError(
                f"--{option.flag} is no option of {run.name}; it is one of {', '.join(owners)}."
            )
    if not run.has_dates and any(dates.values()):
        raise SettingsError(f"--from and --to are no options of {run.name}: it has no months or days.")
    values = {
        option.name: bool(given.get(option.name))
        if option.kind is bool
        else list(given.get(option.name) or [])
        for option in run.options
    }
    return values | (dict(dates) if run.has_dates else {})
