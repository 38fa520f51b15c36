"""What the commands print: tables of runs, plans of migrations, findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from sync_pipelines.cli.inspections import print_findings
from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.orchestration.in_process import RunReport
from sync_pipelines.settings import Settings, SettingsError, read_settings

#: What can be run, and the settings without which it cannot.
RUNNABLE: Mapping[str, Sequence[str]] = {
    "hitss": ("fabricio_database_url", "ops_database_url"),
    "hitss/dre_mirror": ("fabricio_database_url", "hitss_database_url", "ops_database_url"),
    "hitss/dre_backup": ("fabricio_database_url", "ops_database_url"),
    "aimindset": ("aimindset_database_url", "ops_database_url"),
    "scouter": ("tabuladormax_database_url", "gestao_scouter_url", "ops_database_url"),
}


def run_and_print(
    system: str, console: Console, *, first: str | None, last: str | None, accept: Collection[str]
) -> bool:
    """Run a system or one of its assets by name, showing progress; False when something is not proved."""
    from sync_pipelines.lib import redaction
    from sync_pipelines.settings.dagster import take_from_file

    take_from_file(os.environ)
    redaction.install_logging()
    if system not in RUNNABLE:
        raise SettingsError(f"There is no {system!r} to run; there are {', '.join(RUNNABLE)}.")
    settings = read_settings()
    for name in RUNNABLE[system]:
        settings.require(name)
    with console.status(f"{system} …") as status:

        def progress(sentence: str) -> None:
            if console.is_terminal:
                status.update(f"{system}: {sentence}")
            else:
                console.print(f"{system}: {sentence}")

        report = _run(system, settings, first, last=last, accept=accept, progress=progress)
    print_run(console, system, report)
    return report.succeeded


def _run(
    system: str,
    settings: Settings,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    progress: Callable[[str], None],
) -> RunReport:
    if system == "hitss/dre_backup":
        from sync_pipelines.hitss.copies_command import run_backup

        _refuse_unknown(accept, ())
        return run_backup(settings, progress=progress)
    if system == "aimindset":
        from sync_pipelines.aimindset.backup import load
        from sync_pipelines.aimindset.command import run as run_aimindset

        _refuse_unknown(accept, load.GUARDS)
        return run_aimindset(settings, accept=accept, progress=progress)
    if system == "hitss/dre_mirror":
        from sync_pipelines.hitss.copies_command import run_mirror
        from sync_pipelines.hitss.mirror.adoption import DECISIONS

        _refuse_unknown(accept, DECISIONS)
        return run_mirror(settings, first=first, last=last, accept=accept, progress=progress)
    if system == "scouter":
        from sync_pipelines.scouter.command import run as run_scouter
        from sync_pipelines.scouter.push.options import DECISIONS as LEAD_DECISIONS

        _refuse_unknown(accept, LEAD_DECISIONS)
        return run_scouter(settings, first=first, last=last, accept=accept, progress=progress)
    from sync_pipelines.hitss.command import run
    from sync_pipelines.hitss.dre.guards import GUARDS

    _refuse_unknown(accept, GUARDS)
    progress("asking HITSS for the export.")
    return run(settings, first=first, last=last, accept=accept, progress=progress)


def _refuse_unknown(accept: Collection[str], known: Collection[str]) -> None:
    if unknown := sorted(set(accept) - set(known)):
        choices = f"there are {', '.join(known)}" if known else "there is nothing to accept"
        raise SettingsError(f"{', '.join(unknown)} cannot be accepted; {choices}.")


def restore_and_print(console: Console, name: str, *, confirmed: bool) -> bool:
    """Print by month what a restore of a backup of dre_hitss would change; with `confirmed`, do it."""
    from sync_pipelines.hitss.backup.pipeline import BackupPipeline

    settings = read_settings()
    keeping = BackupPipeline(settings)
    months = keeping.difference(name)
    table = Table(title=f"dre_hitss and {name}", title_justify="left")
    table.add_column("month")
    for heading in ("rows now", "in backup", "total now", "in backup", "only now", "only in backup"):
        table.add_column(heading, justify="right")
    for month in months:
        table.add_row(month.label, *(str(value) for value in month[1:]))
    console.print(table if months else "The table is as the backup: nothing would change.")
    if not confirmed:
        console.print(
            "Nothing was changed. Add --yes to restore; a safety copy is made first.", style="yellow"
        )
        return True
    report = keeping.restore(f"restore-{uuid4()}", name)
    console.print(f"{report.rows} rows of {report.restored} are back and proved.", style="green")
    console.print(f"What was there before is in {report.safety.name}.")
    if report.added_since:
        console.print(f"Columns that the backup does not know are empty: {', '.join(report.added_since)}.")
    if months:
        console.print(
            "The check published_rows_are_still_as_proved will name these months until they are loaded."
        )
    return True


def pin_and_print(console: Console, name: str, *, pinned: bool) -> None:
    """Pin a backup, or take its pin away, and say so."""
    from sync_pipelines.lib.records.backups import open_backup_catalog

    with open_backup_catalog(read_settings().require("ops_database_url")) as catalog:
        asset = catalog.pin(name, pinned=pinned)
    console.print(
        f"{name} of {asset} stays until it is unpinned."
        if pinned
        else f"{name} of {asset} goes by the policy again."
    )


def serve_receiver(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    from sync_pipelines.receiver.serving import serve
    from sync_pipelines.scouter.endpoints import functions
    from sync_pipelines.scouter.push.pipeline import LeadPush

    settings = read_settings()
    screen = functions(LeadPush(settings)) if settings.tabuladormax_database_url else None
    serve(settings, port=port, screen=screen)


def replay_and_print(console: Console, job: str | None) -> bool:
    """Send refused leads again and print what became of them; False when one was refused again."""
    from sync_pipelines.scouter.push.pipeline import LeadPush
    from sync_pipelines.scouter.push.replay import replay

    done = replay(LeadPush(read_settings()), f"replay-{uuid4()}", job_id=job)
    console.print(done.sentence(), style="red" if done.rejected else "green")
    return not done.rejected


def verify_and_print(console: Console, archive: str | None) -> bool:
    """Print what is wrong with AIMindset's archives, or with one; False when something is."""
    from sync_pipelines.aimindset.archive.pipeline import ASSET, wrong_with
    from sync_pipelines.aimindset.pipeline import AimindsetPipeline
    from sync_pipelines.lib.records.backups import open_backup_catalog

    settings = read_settings()
    archiver = AimindsetPipeline(settings).archiver
    with open_backup_catalog(settings.require("ops_database_url")) as catalog:
        recorded = {copy.name: copy for copy in catalog.backups(ASSET)}
    names = [archive] if archive else sorted(archiver.ids() | recorded.keys())
    found = {
        name: wrong_with(archiver.store, name, archiver.identity, recorded=recorded.get(name))
        for name in names
    }
    if not names:
        console.print("There is no archive.")
    return print_findings(
        console,
        (
            Finding(not wrong, f"{name}: {' '.join(wrong) or 'as its manifest says'}")
            for name, wrong in found.items()
        ),
        verbose=True,
    )


def print_run(console: Console, system: str, report: RunReport) -> None:
    table = Table(title=system, title_justify="left")
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
