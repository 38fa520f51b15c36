"""What `sync-pipelines` does with the segments' leads: `run sprinthub`, and `sprinthub` with what people do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, Runner, RunOption

if TYPE_CHECKING:  # psycopg, which `--help` must not wait for
    from sync_pipelines.sprinthub.segments.actions import SegmentActions

app = typer.Typer()
segments_app = typer.Typer(
    no_args_is_help=True, help="The segments whose leads are synced: the control table."
)
app.add_typer(segments_app, name="sprinthub")

Segments = Annotated[list[str], typer.Argument(metavar="SEGMENT...", help="Numbers of segments.")]


def _sync() -> Runner:
    from sync_pipelines.sprinthub.defs.sync_run import run
    from sync_pipelines.sprinthub.pipeline import ACCEPTS

    return Runner(run, accepts=ACCEPTS)


RUNS = (
    Run(
        "sprinthub",
        needs=(
            "oficialmed_database_url",
            "sprinthub_base_url",
            "sprinthub_api_token",
            "sprinthub_instance",
            "ops_database_url",
        ),
        load=_sync,
        options=(
            RunOption(
                "segments",
                flag="segment",
                kind=int,
                help="A segment to sync whatever its time or pause; may be repeated. Without it every due one.",
            ),
            RunOption("full", flag="full", kind=bool, help="Read the details of all leads again."),
        ),
        has_dates=False,
    ),
)


@segments_app.command()
def add(
    segments: Segments,
    now: Annotated[bool, typer.Option("--now", help="Due at once, and not at the next tick.")] = False,
) -> None:
    """Add segments to the control table; one that is there already is said to be."""
    with _actions() as actions:
        _each(segments, lambda number: actions.add(number, now=datetime.now(UTC), at_once=now))


@segments_app.command()
def pause(segments: Segments) -> None:
    """Let no automatic run take the segments until they are reactivated."""
    with _actions() as actions:
        _each(segments, actions.pause)


@segments_app.command()
def reactivate(
    segments: Annotated[
        list[str] | None, typer.Argument(metavar="SEGMENT...", help="Numbers of segments.")
    ] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="All that wait for a person, such as after a renewed token.")
    ] = False,
) -> None:
    """Make segments active again: after an error at once, after a pause at their own time."""
    with _actions() as actions:
        numbers = [*(segments or []), *(map(str, actions.waiting()) if waiting else ())]
        if not numbers and not waiting:
            raise typer.BadParameter("name a segment, or --waiting")
        if not numbers:
            console.print("No segment waits for a person.")
        _each(numbers, lambda number: actions.reactivate(number, now=datetime.now(UTC)))


@segments_app.command("run-now")
def run_now(segments: Segments) -> None:
    """Make segments due at once: the sensor takes them at its next tick."""
    with _actions() as actions:
        _each(segments, lambda number: actions.run_now(number, now=datetime.now(UTC)))


@segments_app.command("list")
def list_segments() -> None:
    """Print the segments: status, last success, next try, leads, and what became of the last run."""
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.sprinthub import SprinthubSettings
    from sync_pipelines.sprinthub.segments.listing import read_listing, sentences_of, table_of

    settings = read_as(SprinthubSettings)
    listing, now = read_listing(settings.oficialmed_url), datetime.now(UTC)
    console.print(table_of(listing, now, settings.zone))
    for sentence in sentences_of(listing, now):
        console.print(sentence, style="yellow", soft_wrap=True)


@segments_app.command("export-config")
def export_config(file: Annotated[Path, typer.Argument(help="The JSON file to write.")]) -> None:
    """Write the control table and the schedule to a file."""
    from sync_pipelines.sprinthub.segments import config_file
    from sync_pipelines.sprinthub.segments.control import Control

    with _actions() as actions:
        rows = Control(actions.connection).all()
        config = config_file.SegmentConfig.of(rows, actions.cadence)
        config_file.write(file, config, datetime.now(UTC))
    console.print(f"{len(config.segments)} segments and the schedule are in {file}.", soft_wrap=True)
    if left_out := len(rows) - len(config.segments):
        console.print(f"{left_out} rows are left out: doubled, or no number or status.", style="yellow")


@segments_app.command("import-config")
def import_config(
    file: Annotated[Path, typer.Argument(help="A file that export-config wrote.")],
    plan: Annotated[bool, typer.Option("--plan", help="Only print what would be done.")] = False,
) -> None:
    """Add and update segments from a file; none is deleted."""
    from sync_pipelines.sprinthub.segments import config_file

    config = config_file.read(file)
    with _actions() as actions:
        done = config_file.apply(actions.connection, config, plan=plan)
        for sentence in done or ["The control table is as the file says."]:
            console.print(sentence, soft_wrap=True)
        for difference in config.differences(actions.cadence):
            console.print(difference, style="yellow", soft_wrap=True)
    if plan and done:
        console.print("Nothing was changed. Without --plan it is.", style="yellow")


@contextmanager
def _actions() -> Iterator[SegmentActions]:
    from sync_pipelines.lib import postgres
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.sprinthub import SprinthubSettings
    from sync_pipelines.sprinthub.segments.actions import SegmentActions
    from sync_pipelines.sprinthub.segments.cadence import Cadence
    from sync_pipelines.sprinthub.segments.tables import OFICIALMED

    settings = read_as(SprinthubSettings)
    with (
        postgres.connect(settings.oficialmed_url, what=OFICIALMED) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        yield SegmentActions(connection, Cadence.from_settings(settings))


def _each(segments: Iterable[str], action: Callable[[int], str]) -> None:
    """Do it for each segment; one that is refused keeps no other from it, and makes the exit status 1."""
    from sync_pipelines.lib.failures import PermanentError
    from sync_pipelines.sprinthub.segments.segment_id import segment_id

    refused = False
    for segment in segments:
        try:
            console.print(action(segment_id(segment)), soft_wrap=True)
        except PermanentError as error:
            console.print(str(error), style="red", soft_wrap=True)
            refused = True
    if refused:
        raise typer.Exit(1)
