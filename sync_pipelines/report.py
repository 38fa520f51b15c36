"""What the commands print: tables of runs, plans of migrations, findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import Console
from rich.table import Table

from sync_pipelines.lib.findings import Finding
from sync_pipelines.runs import RunReport
from sync_pipelines.settings import SettingsError, read_settings


def run_and_print(
    system: str, console: Console, *, first: str | None, last: str | None, accept: Collection[str]
) -> bool:
    """Run a system by name, showing progress; False when something failed or is not proved."""
    from sync_pipelines.hitss.guards import GUARDS
    from sync_pipelines.hitss.run import run
    from sync_pipelines.lib import redaction

    redaction.install_logging()
    if system != "hitss":
        raise SettingsError(f"There is no system {system!r}; the one that lives here is hitss.")
    if unknown := sorted(set(accept) - set(GUARDS)):
        raise SettingsError(f"{', '.join(unknown)} is no guard; the guards are {', '.join(GUARDS)}.")
    settings = read_settings()
    for name in ("fabricio_database_url", "ops_database_url", "hitss_download_url"):
        settings.require(name)
    with console.status(f"{system} …") as status:

        def progress(sentence: str) -> None:
            if console.is_terminal:
                status.update(f"{system}: {sentence}")
            else:
                console.print(f"{system}: {sentence}")

        progress("asking HITSS for the export.")
        report = run(settings, first=first, last=last, accept=accept, progress=progress)
    print_run(console, system, report)
    return report.succeeded


def print_run(console: Console, system: str, report: RunReport) -> None:
    table = Table(title=system, title_justify="left")
    table.add_column("asset")
    for heading in ("read", "loaded", "unchanged", "rejected", "proved", "seconds"):
        table.add_column(heading, justify="right")
    for row in report.rows:
        counts = (row.read, row.loaded, row.unchanged, row.rejected)
        table.add_row(row.asset, *(f"{count:,}" for count in counts), row.proved, f"{row.seconds:.1f}")
    console.print(table)
    for note in report.notes:
        console.print(note, style="yellow")
    for problem in report.problems:
        console.print(problem, style="red")
    if report.succeeded:
        console.print("Everything is proved.", style="green")
    else:
        console.print("Not everything is proved.", style="red")


def migrate_and_print(console: Console, *, plan: bool, verify: bool) -> bool:
    """Migrate the configured databases, or print what that would do, or whether they are as they should be."""
    from sync_pipelines.migrations import inspect as inspection
    from sync_pipelines.migrations import runner

    settings = read_settings()
    configured = {
        runner.OPS: settings.ops_database_url,
        runner.FABRICIO: settings.fabricio_database_url,
        runner.HITSS: settings.hitss_database_url,
    }
    good = True
    for history, secret in configured.items():
        if secret is None:
            console.print(f"{history.what}: {history.name.upper()}_DATABASE_URL is not set; left out.")
            continue
        url = secret.get_secret_value()
        if plan:
            console.print(f"{history.what}:", style="bold")
            for sentence in inspection.plan(history, url).sentences():
                console.print(f"  {sentence}")
        elif verify:
            console.print(f"{history.what}:", style="bold")
            good = print_findings(console, inspection.verify(history, url)) and good
        else:
            runner.upgrade(history, url)
            console.print(f"{history.what} is at the newest structure.")
    return good


def diagnose_and_print(console: Console, *, probe_export: bool) -> bool:
    """Print what is right and what is wrong with the configured services; False when something is wrong."""
    from sync_pipelines.doctor import diagnose

    return print_findings(console, diagnose(read_settings(), probe_export=probe_export))


def print_findings(console: Console, findings: Iterable[Finding]) -> bool:
    """One line a finding; False when one is not right."""
    good = True
    for finding in findings:
        good = good and finding.ok
        console.print(
            f"  {'ok   ' if finding.ok else 'WRONG'} {finding.sentence}", style=None if finding.ok else "red"
        )
    return good
