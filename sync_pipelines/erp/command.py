"""What `sync-pipelines` does with ERP connections: `run erp`, and `erp` with what people do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sync_pipelines.lib.console import console
from sync_pipelines.lib.runs import Run, Runner, RunOption

if TYPE_CHECKING:  # psycopg, which `--help` must not wait for
    from sync_pipelines.erp.connections.actions import ConnectionActions

app = typer.Typer()
connections_app = typer.Typer(no_args_is_help=True, help="The connected ERPs whose data is synced.")
app.add_typer(connections_app, name="erp")

Connections = Annotated[
    list[str], typer.Argument(metavar="CONNECTION...", help="UUIDs or keys of connections.")
]


def _sync() -> Runner:
    from sync_pipelines.erp.defs.sync_run import run
    from sync_pipelines.erp.pipeline import ACCEPTS

    return Runner(run, accepts=ACCEPTS)


RUNS = (
    Run(
        "erp",
        needs=("erp_database_url", "ops_database_url"),
        load=_sync,
        options=(
            RunOption(
                "connections",
                flag="connection",
                kind=str,
                help="A connection to sync whatever its time or auto-sync, by UUID or key; may be repeated.",
            ),
            RunOption(
                "modules",
                flag="modules",
                kind=str,
                help="Of nfe,produtos,financeiro,empresa; else what each wants.",
            ),
            RunOption("full", flag="full", kind=bool, help="Read all products and details of titles again."),
        ),
    ),
)


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@connections_app.command("list")
def list_connections() -> None:
    """Print the connections: company, ERP, auto-sync, status, times, and what became of the last sync."""
    from sync_pipelines.erp.connections.listing import read_listing, sentences_of, table_of
    from sync_pipelines.erp.vendors.registry import VENDORS
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.erp import ErpSettings

    settings = read_as(ErpSettings)
    listing, now = read_listing(settings.erp_url, VENDORS), datetime.now(UTC)
    console.print(table_of(listing, now, settings.zone))
    for sentence in sentences_of(listing, now):
        console.print(sentence, style="yellow", soft_wrap=True)


@connections_app.command("auto-sync")
def auto_sync(switch: Switch, connections: Connections) -> None:
    """Let automatic runs take the connections, or none; switched on, the first comes after a whole interval."""
    with _actions() as actions:
        _each(
            connections,
            lambda one: actions.auto_sync(one, on=switch is Switch.ON, now=datetime.now(UTC)),
        )


@connections_app.command()
def reviewed(
    connections: Annotated[
        list[str] | None, typer.Argument(metavar="CONNECTION...", help="UUIDs or keys of connections.")
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="All that wait for a person.")] = False,
) -> None:
    """End the waiting of connections whose credentials were refused: they are due at once."""
    with _actions() as actions:
        names = [*(connections or []), *(str(one.id) for one in actions.waiting() if waiting)]
        if not names and not waiting:
            raise typer.BadParameter("name a connection, or --waiting")
        if not names:
            console.print("No connection waits for a person.")
        _each(names, lambda one: actions.reviewed(one, now=datetime.now(UTC)))


@connections_app.command("sync")
def sync_now(
    context: typer.Context,
    connections: Connections,
    modules: Annotated[
        str, typer.Option(help="Of nfe,produtos,financeiro,empresa; else what each wants.")
    ] = "",
    first: Annotated[
        str | None, typer.Option("--from", help="First month of invoices and titles, such as 2026-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month, included.")] = None,
) -> None:
    """Sync connections at once: short for `run erp --connection …`."""
    given = [("--modules", modules), ("--from", first), ("--to", last)]
    arguments = ["erp", *(part for one in connections for part in ("--connection", one))]
    arguments += [part for option, value in given if value for part in (option, value)]
    root = context.find_root()
    run = root.command.get_command(root, "run")  # type: ignore[attr-defined]
    with run.make_context("run", arguments, parent=root) as inner:
        run.invoke(inner)


@contextmanager
def _actions() -> Iterator[ConnectionActions]:
    from sync_pipelines.erp.connections.actions import ConnectionActions
    from sync_pipelines.erp.connections.tables import ERP
    from sync_pipelines.lib import postgres
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.erp import ErpSettings

    with postgres.connect(read_as(ErpSettings).erp_url, what=ERP) as connection, postgres.errors_about(ERP):
        yield ConnectionActions(connection)


def _each(connections: Iterable[str], action: Callable[[str], str]) -> None:
    """Do it for each connection; one that is refused keeps no other from it, and makes the exit status 1."""
    from sync_pipelines.lib.failures import PermanentError

    refused = False
    for connection in connections:
        try:
            console.print(action(connection), soft_wrap=True)
        except PermanentError as error:
            console.print(str(error), style="red", soft_wrap=True)
            refused = True
    if refused:
        raise typer.Exit(1)
