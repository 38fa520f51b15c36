"""What `sync-pipelines` does with the AIMindset backups: `run aimindset` and `verify`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sync_pipelines.lib.console import console, print_findings
from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.runs import Run, Runner, RunReport

app = typer.Typer()


def _day() -> Runner:
    from sync_pipelines.aimindset.backup.guards import GUARDS
    from sync_pipelines.aimindset.defs.day_run import run as run_day

    def run(settings: Any, **asked: Any) -> RunReport:
        return run_day(settings, accept=asked["accept"], progress=asked["progress"])

    return Runner(run, accepts=GUARDS)


RUNS = (Run("aimindset", needs=("aimindset_database_url", "ops_database_url"), load=_day),)


@app.command()
def verify(
    archive: Annotated[
        str | None, typer.Argument(help="An archive of AIMindset, 20261124T061500000000Z; all without it.")
    ] = None,
) -> None:
    """Read archives back and say of each what is wrong with it. Exit status 0 only when nothing is."""
    from sync_pipelines.aimindset import assets
    from sync_pipelines.aimindset.archive.stored import StoredArchives
    from sync_pipelines.lib.records.backups import open_backup_catalog
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.aimindset import AimindsetSettings

    settings = read_as(AimindsetSettings)
    archives = StoredArchives.from_settings(settings)
    with open_backup_catalog(settings.ops_url) as catalog:
        recorded = {backup.name: backup for backup in catalog.backups(assets.ARCHIVE)}
    names = [archive] if archive else sorted(archives.ids() | recorded.keys())
    found = {name: archives.problems(name, recorded.get(name)) for name in names}
    if not names:
        console.print("There is no archive.")
    findings = (
        Finding(not wrong, f"{name}: {' '.join(wrong) or 'as its manifest says'}")
        for name, wrong in found.items()
    )
    raise typer.Exit(0 if print_findings(findings, verbose=True) else 1)
