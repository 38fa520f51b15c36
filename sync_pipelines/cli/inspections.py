"""What `migrate` and `doctor` print: plans, comparisons, findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from rich.console import Console

from sync_pipelines.lib.findings import Finding
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.settings import Settings, SettingsError, read_settings

NOTHING_CONFIGURED = (
    "No database is configured, so there is nothing to migrate: set OPS_DATABASE_URL and those of the systems"
    " that are to run, in the environment or in .env."
)


def migrate_and_print(console: Console, *, plan: bool, verify: bool, verbose: bool = False) -> bool:
    """Migrate the configured databases, or print what that would do, or whether they are as they should be.

    Raises SettingsError when none is configured.
    """
    from sync_pipelines.migrations import inspection, runner

    configured = list(_configured(read_settings(), console.print))
    if not configured:
        raise SettingsError(NOTHING_CONFIGURED)
    good = True
    for history, url in configured:
        if plan:
            console.print(f"{history.what}:", style="bold")
            for sentence in inspection.plan(history, url).sentences():
                console.print(f"  {sentence}")
        elif verify:
            console.print(f"{history.what}:", style="bold")
            good = print_findings(console, inspection.verify(history, url), verbose=verbose) and good
        else:
            runner.upgrade(history, url)
            console.print(f"{history.what} is at the newest structure.")
    return good


def _configured(settings: Settings, note: Callable[[str], None]) -> Iterator[tuple[History, str]]:
    urls = {
        OPS: settings.ops_database_url,
        History("fabricio"): settings.fabricio_database_url,
        History("hitss"): settings.hitss_database_url,
        History("aimindset"): settings.aimindset_database_url,
        History("tabuladormax"): settings.tabuladormax_database_url,
    }
    for history, secret in urls.items():
        if secret is None:
            note(f"{history.what}: {history.setting} is not set; left out.")
        elif history == History("aimindset") and not settings.aimindset_widen_backup_logs:
            note(f"{history.what}: AIMINDSET_WIDEN_BACKUP_LOGS is not true; left out.")
        else:
            yield history, secret.get_secret_value()


def diagnose_and_print(console: Console, *, probe_export: bool, send_mail: bool = False) -> bool:
    """Print what is right and what is wrong with the configured services; False when something is wrong."""
    from sync_pipelines.doctor import diagnose

    settings = read_settings()
    home = os.environ.get("DAGSTER_HOME")
    return print_findings(
        console,
        diagnose(settings, probe_export=probe_export, send_mail=send_mail, home=home),
        verbose=True,
    )


def print_findings(console: Console, findings: Iterable[Finding], *, verbose: bool) -> bool:
    """One line a finding, of the right ones only with `verbose`; False when one is not right."""
    right = wrong = 0
    for finding in findings:
        right, wrong = right + finding.ok, wrong + (not finding.ok)
        if verbose or not finding.ok:
            console.print(
                f"  {'ok   ' if finding.ok else 'WRONG'} {finding.sentence}",
                style=None if finding.ok else "red",
            )
    if not verbose:
        rest = f"{wrong} are not" if wrong else "nothing is missing"
        console.print(f"  {right} things are as they should be, {rest}.", style="red" if wrong else None)
    return wrong == 0
