"""`sync-pipelines`: the demo, the sandbox, a run without Dagster's servers, migrations, the doctor.

Dagster and pandas are imported by the commands that need them, so that `--help` answers at once.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Annotated

import typer

from sync_pipelines import systems
from sync_pipelines.cli.commands import Commands
from sync_pipelines.cli.options import chosen
from sync_pipelines.cli.run_options import WithRunOptions
from sync_pipelines.cli.sandbox import DEFAULT_HOME, Home, WithPartOptions, open_sandbox
from sync_pipelines.cli.sandbox import app as sandbox_app
from sync_pipelines.lib.console import console

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Five Supabase cron jobs as one Dagster project: nothing is a success until it is proved.",
)
app.add_typer(sandbox_app, name="sandbox")
backup_app = typer.Typer(no_args_is_help=True, help="Backups that retention must leave, or may let go again.")
app.add_typer(backup_app, name="backup")
for _system in systems.SYSTEMS:
    if _system.commands is not None:
        app.add_typer(_system.commands)
RUNNABLE = [run.name for system in systems.SYSTEMS for run in system.runs]


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(version("sync_pipelines"))
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    pass


def _month_or_day(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])(-\d{2})?", value):
        raise typer.BadParameter("a month is written 2025-08, a day 2025-08-31")
    return value


@app.command(cls=WithPartOptions)
def demo(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop after the table; exit status 0 or 1.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
    home: Home = DEFAULT_HOME,
) -> None:
    """Start the sandbox, migrate, run every system once, print what was proved, then serve the UI."""
    from sync_pipelines.cli.demo import run_demo

    raise typer.Exit(run_demo(open_sandbox(home, ctx), once=once, port=port))


@app.command(cls=WithRunOptions)
def run(
    ctx: typer.Context,
    system: Annotated[str, typer.Argument(help=f"{', '.join(RUNNABLE[:-1])} or {RUNNABLE[-1]}.")],
    first: Annotated[
        str | None,
        typer.Option(
            "--from", callback=_month_or_day, help="First month, such as 2025-01, or day, such as 2025-01-31."
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", callback=_month_or_day, help="Last month or day, included.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            help="A guard whose change you accept, or a decision that a run asked for; may be repeated."
        ),
    ] = None,
) -> None:
    """Run a system or asset in this process, without daemon or webserver. Exit status 0 only when all is proved.

    Without --from and --to what changed is brought up to date; with them those months or days in any case.
    """
    from sync_pipelines.cli.runs import run_and_print

    succeeded = run_and_print(system, first=first, last=last, accept=accept or [], options=chosen(ctx))
    raise typer.Exit(0 if succeeded else 1)


@backup_app.command()
def pin(name: Annotated[str, typer.Argument(help="A backup's table, or an archive's id.")]) -> None:
    """Keep a backup whatever the retention policy lets go of."""
    console.print(f"{name} of {_pin(name, pinned=True)} stays until it is unpinned.")


@backup_app.command()
def unpin(name: Annotated[str, typer.Argument(help="A backup's table, or an archive's id.")]) -> None:
    """Leave a pinned backup to the retention policy again."""
    console.print(f"{name} of {_pin(name, pinned=False)} goes by the policy again.")


def _pin(name: str, *, pinned: bool) -> str:
    """Pin a backup, or take its pin away; returns the asset that it is of."""
    from sync_pipelines.lib.records.backups import open_backup_catalog
    from sync_pipelines.systems import read_settings

    with open_backup_catalog(read_settings().ops_url) as catalog:
        return catalog.pin(name, pinned=pinned)


@app.command()
def webhook(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; a reverse proxy brings TLS.")] = 8000,
) -> None:
    """Serve what applications call: the functions of their screens, and the webhooks that are switched on."""
    from sync_pipelines.receiver.serving import serve
    from sync_pipelines.systems import read_settings

    settings = read_settings()
    # Also of a system without its database: it may still serve, or says why it does not.
    mounts = [system.endpoints(settings) for system in systems.SYSTEMS if system.has_endpoints]
    serve(settings, mounts, port=port)


@app.command()
def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Only look, and print what would be done.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the databases with what they should be.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --verify: also print each thing that is right.")
    ] = False,
) -> None:
    """Bring the configured databases to the newest structure; nothing of an application is dropped."""
    from sync_pipelines.cli.inspections import migrate_and_print

    raise typer.Exit(0 if migrate_and_print(plan=plan, verify=verify, verbose=verbose) else 1)


@app.command()
def doctor(
    probe_export: Annotated[
        bool, typer.Option("--probe-export", help="Also request the export, which takes minutes.")
    ] = False,
    mail: Annotated[
        bool, typer.Option("--mail", help="Also send a test mail to ALERT_EMAIL_TO, as alerts are sent.")
    ] = False,
) -> None:
    """Say what is right and what is wrong with databases, endpoints and the mail server, before anything runs."""
    from sync_pipelines.cli.inspections import diagnose_and_print

    raise typer.Exit(0 if diagnose_and_print(probe_export=probe_export, send_mail=mail) else 1)


if __name__ == "__main__":
    app()
