"""What `sync-pipelines` does with the DRE: `run hitss` and two of its assets, and `restore dre`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import typer

from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, Runner, RunReport

app = typer.Typer()


def _dre() -> Runner:
    from sync_pipelines.hitss.defs.dre_run import run
    from sync_pipelines.hitss.dre.guards import GUARDS

    return Runner(run, accepts=GUARDS)


def _mirror() -> Runner:
    from sync_pipelines.hitss.defs.mirror_run import run
    from sync_pipelines.hitss.mirror.adoption import DECISIONS

    return Runner(run, accepts=DECISIONS)


def _backup() -> Runner:
    from sync_pipelines.hitss.defs import backup_run

    def run(settings: Any, **asked: Any) -> RunReport:
        return backup_run.run(settings, progress=asked["progress"])

    return Runner(run)


RUNS = (
    Run("hitss", needs=("fabricio_database_url", "ops_database_url"), load=_dre),
    Run(
        "hitss/dre_mirror",
        needs=("fabricio_database_url", "hitss_database_url", "ops_database_url"),
        load=_mirror,
    ),
    Run("hitss/dre_backup", needs=("fabricio_database_url", "ops_database_url"), load=_backup),
)


@app.command()
def restore(
    what: Annotated[str, typer.Argument(metavar="{system}", help="What to restore: dre.")],
    backup: Annotated[
        str, typer.Option("--from", help="The backup's table, dre_hitss_backup_YYYYMMDD_HH24MI.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Restore; without it the difference is only shown.")
    ] = False,
) -> None:
    """Show what a backup would bring back, month by month; with --yes restore it, after a safety copy."""
    from rich.table import Table

    from sync_pipelines.hitss.backup.pipeline import BackupPipeline
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.hitss import HitssSettings

    if what != "dre":
        raise typer.BadParameter("what can be restored is dre")
    pipeline = BackupPipeline.from_settings(read_as(HitssSettings))
    months = pipeline.difference(backup)
    table = Table(title=f"dre_hitss and {backup}", title_justify="left")
    table.add_column("month")
    for heading in ("rows now", "in backup", "total now", "in backup", "only now", "only in backup"):
        table.add_column(heading, justify="right")
    for month in months:
        table.add_row(month.label, *(str(value) for value in month[1:]))
    console.print(table if months else "The table is as the backup: nothing would change.")
    if not yes:
        console.print(
            "Nothing was changed. Add --yes to restore; a safety copy is made first.", style="yellow"
        )
        return
    report = pipeline.restore(f"restore-{uuid4()}", backup)
    console.print(f"{report.rows} rows of {report.restored} are back and proved.", style="green")
    console.print(f"What was there before is in {report.safety.name}.")
    if report.added_since:
        console.print(f"Columns that the backup does not know are empty: {', '.join(report.added_since)}.")
    if months:
        console.print(
            "The check published_rows_are_still_as_proved will name these months until they are loaded."
        )
