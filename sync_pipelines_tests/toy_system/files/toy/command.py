"""What `sync-pipelines` does with the toy system: `run toy`, and a command of its own, `coldest` (`has_commands`)."""

from __future__ import annotations

import typer

from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, Runner

app = typer.Typer()


def _load() -> Runner:
    from sync_pipelines.toy.defs.load_run import run

    return Runner(run)


RUNS = (
    Run(
        "toy",
        needs=("toy_database_url", "toy_meter_url", "toy_meter_key", "ops_database_url"),
        load=_load,
    ),
)


@app.command()
def coldest() -> None:
    """Print the coldest reading of the toy project."""
    from sync_pipelines.lib import postgres
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.toy import ToySettings

    settings = read_as(ToySettings)
    with postgres.connect(settings.toy_url, what="the toy database", read_only=True) as connection:
        row = connection.execute("select min(celsius) from public.readings").fetchone()
    console.print(f"The coldest reading is {row[0] if row else 'unknown'}.")
