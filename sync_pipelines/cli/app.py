"""`sync-pipelines`: the demo, the sandbox, a run without Dagster's servers, migrations, the doctor.

Dagster and pandas are imported by the commands that need them, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from sync_pipelines.cli.commands import Commands, console

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Five Supabase cron jobs as one Dagster project: nothing is a success until it is proved.",
)
sandbox_app = typer.Typer(no_args_is_help=True, help="The outside world in a box: Postgres and a fake HITSS.")
app.add_typer(sandbox_app, name="sandbox")
backup_app = typer.Typer(no_args_is_help=True, help="Backups that retention must leave, or may let go again.")
app.add_typer(backup_app, name="backup")


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


Home = Annotated[Path, typer.Option("--home", help="Folder that keeps the sandbox's data.")]
Scale = Annotated[float, typer.Option(help="Size of the export; 1 is about 22,300 rows.")]
Leads = Annotated[int, typer.Option(help="Leads in TabuladorMax; 250,000 take seconds.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds before the fake HITSS answers; really 160.")]
DEFAULT_HOME = Path(".state/sandbox")


def _month_or_day(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])(-\d{2})?", value):
        raise typer.BadParameter("a month is written 2025-08, a day 2025-08-31")
    return value


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the table; exit status 0 or 1.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
    home: Home = DEFAULT_HOME,
    scale: Scale = 1.0,
    wait: Wait = 2.0,
    leads: Leads = 2000,
) -> None:
    """Start the sandbox, migrate, run every system once, print what was proved, then serve the UI."""
    from sync_pipelines.sandbox.demo import run_demo
    from sync_pipelines.sandbox.parts import PARTS
    from sync_pipelines.sandbox.world import Sandbox

    sandbox = Sandbox(home, PARTS, {"scale": scale, "wait_seconds": wait, "leads": leads})
    raise typer.Exit(run_demo(sandbox, console, once=once, port=port))


@app.command()
def run(
    system: Annotated[
        str, typer.Argument(help="hitss, hitss/dre_mirror, hitss/dre_backup, aimindset or scouter.")
    ],
    first: Annotated[
        str | None,
        typer.Option(
            "--from", callback=_month_or_day, help="First month, such as 2025-01, or day of scouter."
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", callback=_month_or_day, help="Last month or day, included.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A guard whose change you accept, or what to do with own rows; may be repeated."),
    ] = None,
) -> None:
    """Run a system or asset in this process, without daemon or webserver. Exit status 0 only when all is proved.

    Without --from and --to the months that changed are loaded or mirrored; with them those months in any case.
    """
    from sync_pipelines.cli.report import run_and_print

    succeeded = run_and_print(system, console, first=first, last=last, accept=accept or [])
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def restore(
    system: Annotated[str, typer.Argument(help="What to restore: dre.")],
    backup: Annotated[
        str, typer.Option("--from", help="The backup's table, dre_hitss_backup_YYYYMMDD_HH24MI.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Restore; without it the difference is only shown.")
    ] = False,
) -> None:
    """Show what a backup would bring back, month by month; with --yes restore it, after a safety copy."""
    from sync_pipelines.cli.report import restore_and_print

    if system != "dre":
        raise typer.BadParameter("what can be restored is dre")
    raise typer.Exit(0 if restore_and_print(console, backup, confirmed=yes) else 1)


@backup_app.command()
def pin(name: Annotated[str, typer.Argument(help="A backup's table, or an archive's id.")]) -> None:
    """Keep a backup whatever the retention policy lets go of."""
    from sync_pipelines.cli.report import pin_and_print

    pin_and_print(console, name, pinned=True)


@backup_app.command()
def unpin(name: Annotated[str, typer.Argument(help="A backup's table, or an archive's id.")]) -> None:
    """Leave a pinned backup to the retention policy again."""
    from sync_pipelines.cli.report import pin_and_print

    pin_and_print(console, name, pinned=False)


@app.command()
def verify(
    archive: Annotated[
        str | None, typer.Argument(help="An archive of AIMindset, 20261124T061500000000Z; all without it.")
    ] = None,
) -> None:
    """Read archives back and say of each what is wrong with it. Exit status 0 only when nothing is."""
    from sync_pipelines.cli.report import verify_and_print

    raise typer.Exit(0 if verify_and_print(console, archive) else 1)


@app.command()
def webhook(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; a reverse proxy brings TLS.")] = 8000,
) -> None:
    """Serve the old screen's endpoint of the lead export and, where it is switched on, the way back's webhook."""
    from sync_pipelines.cli.report import serve_receiver

    serve_receiver(port)


@app.command()
def replay(
    system: Annotated[str, typer.Argument(help="Whose refused rows to send again: scouter.")],
    job: Annotated[
        str | None, typer.Option(help="Those of one export job; without it those of all jobs.")
    ] = None,
) -> None:
    """Send refused leads again, as they are now. Exit status 0 only when none was refused again."""
    from sync_pipelines.cli.report import replay_and_print

    if system != "scouter":
        raise typer.BadParameter("what can be replayed is scouter")
    raise typer.Exit(0 if replay_and_print(console, job) else 1)


@sandbox_app.command()
def up(home: Home = DEFAULT_HOME, scale: Scale = 1.0, wait: Wait = 2.0, leads: Leads = 2000) -> None:
    """Start the sandbox in the background and migrate its databases."""
    from sync_pipelines.sandbox.parts import PARTS
    from sync_pipelines.sandbox.world import Sandbox

    sandbox = Sandbox(home, PARTS, {"scale": scale, "wait_seconds": wait, "leads": leads})
    sandbox.start(detached=True)
    sandbox.migrate(sandbox.environment(os.environ))
    there = "" if home == DEFAULT_HOME else f" --home {shlex.quote(str(home))}"
    console.print(
        f'The sandbox is up. Its variables: eval "$({shlex.quote(sys.argv[0])} sandbox env{there})"',
        soft_wrap=True,
    )


@sandbox_app.command()
def down(home: Home = DEFAULT_HOME) -> None:
    """Stop the sandbox; its data stay."""
    from sync_pipelines.sandbox.parts import PARTS
    from sync_pipelines.sandbox.world import Sandbox

    Sandbox(home, PARTS).stop()
    console.print("The sandbox is down.")


@sandbox_app.command()
def status(home: Home = DEFAULT_HOME) -> None:
    """Say what of the sandbox is running, and where its faults are switched; exit status 1 when not all is."""
    from sync_pipelines.sandbox.parts import PARTS
    from sync_pipelines.sandbox.world import Sandbox

    sandbox = Sandbox(home, PARTS)
    found, switches, replaced = sandbox.status(), sandbox.switches(), sandbox.replaced(os.environ)
    for name, running in found.items():
        told = "running" if running else "replaced by the environment" if name in replaced else "stopped"
        faults = f"  faults: {switches[name]}" if running and name in switches else ""
        # Not to be wrapped: the address is there to be copied.
        console.print(f"{name:10} {told}{faults}", soft_wrap=True)
    raise typer.Exit(0 if all(running or name in replaced for name, running in found.items()) else 1)


@sandbox_app.command()
def env(home: Home = DEFAULT_HOME) -> None:
    """Print the sandbox's variables as shell exports. A variable that is set already keeps its value."""
    from sync_pipelines.sandbox.parts import PARTS
    from sync_pipelines.sandbox.world import Sandbox

    for name, value in Sandbox(home, PARTS).environment(os.environ).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


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

    raise typer.Exit(0 if migrate_and_print(console, plan=plan, verify=verify, verbose=verbose) else 1)


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

    raise typer.Exit(0 if diagnose_and_print(console, probe_export=probe_export, send_mail=mail) else 1)


if __name__ == "__main__":
    app()
