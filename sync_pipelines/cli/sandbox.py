"""`sync-pipelines sandbox`: the outside world in a box, started, stopped, looked at."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from sync_pipelines import systems
from sync_pipelines.cli.options import Extra, chosen, parameters
from sync_pipelines.lib.console import console

if TYPE_CHECKING:  # never without a command of this module
    from sync_pipelines.sandbox.world import Sandbox

app = typer.Typer(no_args_is_help=True, help="The outside world in a box: Postgres and fake upstreams.")

Home = Annotated[Path, typer.Option("--home", help="Folder that keeps the sandbox's data.")]
DEFAULT_HOME = Path(".state/sandbox")


class WithPartOptions(TyperCommand):
    """A command with the options of every system's part: the sandbox is imported once somebody calls it."""

    def get_params(self, ctx: Any) -> list[Any]:
        *own, help_option = super().get_params(ctx)
        return [*own, *_part_options(), help_option]


def _part_options() -> list[Any]:
    return parameters(
        Extra(
            option.name, flag=option.flag, kind=type(option.default), default=option.default, help=option.help
        )
        for system in systems.SYSTEMS
        for option in system.sandbox.options
    )


def open_sandbox(home: Path, ctx: typer.Context | None = None) -> Sandbox:
    """The sandbox below `home`, with the options that a command `WithPartOptions` was given."""
    from sync_pipelines.sandbox.world import Sandbox

    given = chosen(ctx) if ctx is not None else {}
    return Sandbox(home, [system.sandbox for system in systems.SYSTEMS], given)


@app.command(cls=WithPartOptions)
def up(ctx: typer.Context, home: Home = DEFAULT_HOME) -> None:
    """Start the sandbox in the background and migrate its databases."""
    sandbox = open_sandbox(home, ctx)
    sandbox.start(detached=True)
    sandbox.migrate(sandbox.environment(os.environ))
    there = "" if home == DEFAULT_HOME else f" --home {shlex.quote(str(home))}"
    console.print(
        f'The sandbox is up. Its variables: eval "$({shlex.quote(sys.argv[0])} sandbox env{there})"',
        soft_wrap=True,
    )


@app.command()
def down(home: Home = DEFAULT_HOME) -> None:
    """Stop the sandbox; its data stay."""
    open_sandbox(home).stop()
    console.print("The sandbox is down.")


@app.command()
def status(home: Home = DEFAULT_HOME) -> None:
    """Say what of the sandbox is running, and where its faults are switched; exit status 1 when not all is."""
    sandbox = open_sandbox(home)
    found, switches, replaced = sandbox.status(), sandbox.switches(), sandbox.replaced(os.environ)
    for name, running in found.items():
        state = "running" if running else "replaced by the environment" if name in replaced else "stopped"
        faults = f"  faults: {switches[name]}" if running and name in switches else ""
        # Not to be wrapped: the address is there to be copied.
        console.print(f"{name:10} {state}{faults}", soft_wrap=True)
    raise typer.Exit(0 if all(running or name in replaced for name, running in found.items()) else 1)


@app.command()
def env(home: Home = DEFAULT_HOME) -> None:
    """Print the sandbox's variables as shell exports. A variable that is set already keeps its value."""
    for name, value in open_sandbox(home).environment(os.environ).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
