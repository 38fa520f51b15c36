"""What `migrate` and `doctor` print: plans, comparisons, findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from sync_pipelines.lib.console import console, print_findings
from sync_pipelines.lib.findings import Inquiry
from sync_pipelines.migrations.history import History, histories
from sync_pipelines.settings import Settings, SettingsError
from sync_pipelines.settings.databases import databases_of
from sync_pipelines.systems import read_settings

NOTHING_CONFIGURED = (
    "No database is configured, so there is nothing to migrate: set OPS_DATABASE_URL and those of the systems"
    " that are to run, in the environment or in .env."
)


def migrate_and_print(*, plan: bool, verify: bool, verbose: bool = False) -> bool:
    """Migrate the configured databases, or print what that would do, or whether they are as they should be.

    Returns False for a plan that would be refused, or a database that is not as it should be. Raises
    SettingsError when none is configured.
    """
    from sync_pipelines.migrations import inspection, runner

    configured = list(_configured(read_settings(), console.print))
    if not configured:
        raise SettingsError(NOTHING_CONFIGURED)
    good = True
    for history, url in configured:
        if plan:
            console.print(f"{history.what}:", style="bold")
            found = inspection.plan(history, url)
            for sentence in found.sentences():
                console.print(f"  {sentence}")
            good = good and not found.refused
        elif verify:
            console.print(f"{history.what}:", style="bold")
            good = print_findings(inspection.verify(history, url), verbose=verbose) and good
        else:
            runner.upgrade(history, url)
            console.print(f"{history.what} is at the newest structure.")
    return good


def _configured(settings: Settings, note: Callable[[str], None]) -> Iterator[tuple[History, str]]:
    """The databases that are migrated, ours first; `note` says which are left out, and why."""
    for one in databases_of(type(settings)):
        if not one.database.migrated:
            continue
        history, url = History(one.name), one.url(settings)
        if url is None:
            note(f"{history.what}: {one.variable} is not set; left out.")
        elif not one.is_migrated(settings):
            note(f"{history.what}: {str(one.database.migrated_if).upper()} is not true; left out.")
        else:
            yield from ((each, url) for each in histories(one.name, one.chosen(settings)))


def diagnose_and_print(*, probe_export: bool, send_mail: bool = False) -> bool:
    """Print what is right and what is wrong with the configured services; False when something is wrong."""
    from sync_pipelines.doctor import diagnose

    inquiry = Inquiry(probes_exports=probe_export, sends_mail=send_mail)
    findings = diagnose(read_settings(), inquiry, home=os.environ.get("DAGSTER_HOME"))
    return print_findings(findings, verbose=True)
