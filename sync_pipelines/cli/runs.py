"""`sync-pipelines run`: a system or one of its assets in this process, and the table of what it did."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from rich.table import Table

from sync_pipelines import systems
from sync_pipelines.cli.progress import RunProgress
from sync_pipelines.cli.run_options import taken
from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, RunReport
from sync_pipelines.settings import Settings, SettingsError
from sync_pipelines.systems import System, read_settings

_NONE: Mapping[str, Any] = MappingProxyType({})


def runnable() -> dict[str, tuple[System, Run]]:
    """What can be run and whose it is, by the name that a person types."""
    return {run.name: (system, run) for system in systems.SYSTEMS for run in system.runs}


def run_and_print(
    name: str,
    *,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    options: Mapping[str, Any] = _NONE,
) -> bool:
    """Run a system or one of its assets by name, showing progress; False when something is not proved.

    `options` are those that only some runs have.
    """
    from sync_pipelines.lib import redaction
    from sync_pipelines.settings.dagster import take_from_file

    take_from_file(os.environ)
    redaction.install_logging()
    runs = runnable()
    if name not in runs:
        raise SettingsError(f"There is no {name!r} to run; there are {', '.join(runs)}.")
    system, run = runs[name]
    every = [known for _, known in runs.values()]
    asked = taken(run, every, given=options, dates={"first": first, "last": last})
    settings = read_settings()
    for needed in run.needs:
        settings.require(needed)
    runner = run.load()
    _refuse_unknown(accept, runner.accepts)
    close_orphaned_rows(system, settings)
    with RunProgress(name, console) as progress:
        report = runner.run(settings, accept=accept, progress=progress, **asked)
    print_run(name, report)
    return report.succeeded


def close_orphaned_rows(system: System, settings: Settings) -> None:
    """Where no daemon runs, no sensor does it: the next run closes what a dead one left open."""
    from sync_pipelines.lib.records.orphaned_runs import reap_all
    from sync_pipelines.operations.orphaned_runs import OrphanNotifier

    reap_all(system.run_logs(settings), OrphanNotifier(settings.alert_channels, settings.is_demo))


def _refuse_unknown(accept: Collection[str], known: Collection[str]) -> None:
    if unknown := sorted(set(accept) - set(known)):
        choices = f"there are {', '.join(known)}" if known else "there is nothing to accept"
        raise SettingsError(f"{', '.join(unknown)} cannot be accepted; {choices}.")


def print_run(system: str, report: RunReport) -> None:
    # Without padding at the edges, so that the longest name of an asset leaves a narrow terminal room for the figures.
    table = Table(title=system, title_justify="left", pad_edge=False)
    table.add_column("asset", no_wrap=True)
    # Rows that went away are rare: only then is there a column for them, which a narrow terminal has no room for.
    counted = ["read", "loaded", "unchanged", "rejected"]
    if any(row.deleted for row in report.rows):
        counted.insert(3, "deleted")
    for heading in (*counted, "proved", "seconds"):
        table.add_column(heading, justify="right")
    for row in report.rows:
        counts = [getattr(row, name) for name in counted]
        table.add_row(row.asset, *(f"{count:,}" for count in counts), row.proved, f"{row.seconds:.1f}")
    console.print(table)
    for note in report.notes:
        console.print(note, style="yellow")
    for problem in report.problems:
        console.print(problem, style="red")
    if report.succeeded and report.nothing_to_do:
        console.print("There was nothing to do, so nothing is proved.", style="yellow")
    elif report.succeeded:
        console.print("Everything is proved.", style="green")
    else:
        console.print("Not everything is proved.", style="red")
