"""What `sync-pipelines` does with the lead push: `run scouter` and `replay scouter`."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, Runner

app = typer.Typer()


def _push() -> Runner:
    from sync_pipelines.scouter.defs.push_run import run
    from sync_pipelines.scouter.push.options import DECISIONS

    return Runner(run, accepts=DECISIONS)


RUNS = (
    Run(
        "scouter",
        needs=("tabuladormax_database_url", "gestao_scouter_url", "ops_database_url"),
        load=_push,
    ),
)


@app.command()
def replay(
    system: Annotated[str, typer.Argument(help="Whose rejected rows to send again: scouter.")],
    job: Annotated[
        str | None, typer.Option(help="Those of one export job; without it those of all jobs.")
    ] = None,
) -> None:
    """Send rejected leads again, as they are now. Exit status 0 only when none was rejected again."""
    from sync_pipelines.scouter.push.pipeline import LeadPush
    from sync_pipelines.scouter.push.replay import replay as send_again
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.scouter import ScouterSettings

    if system != "scouter":
        raise typer.BadParameter("what can be replayed is scouter")
    done = send_again(LeadPush.from_settings(read_as(ScouterSettings)), f"replay-{uuid4()}", job_id=job)
    console.print(done.sentence(), style="red" if done.rejected else "green")
    raise typer.Exit(1 if done.rejected else 0)
