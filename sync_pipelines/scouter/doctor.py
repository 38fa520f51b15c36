"""What `doctor` asks for the lead push: what leads go to, and whether the receiver can verify who calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.http.key_set import require_readable
from sync_pipelines.lib.redaction import redact
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings.scouter import ScouterSettings


def checks(settings: ScouterSettings, inquiry: Inquiry) -> Sequence[Check]:
    destination = [Check("GESTAO_SCOUTER_URL", lambda: gestao_scouter(settings))]
    return [
        *(destination if settings.tabuladormax_database_url is not None else []),
        Check("TABULADORMAX_PROJECT_URL", lambda: key_set(settings)),
    ]


def gestao_scouter(settings: ScouterSettings) -> Iterator[Finding]:
    """The connection test of the application's screen: address, key, table, columns; no lead is touched."""
    if settings.gestao_scouter_url is None:
        yield Finding(
            False, "GESTAO_SCOUTER_URL: it is not set, and leads go nowhere: set it to the project's address"
        )
        return
    once = Backoff(attempts=1)  # a person waits for the answer
    push = LeadPush.from_settings(settings, backoff=once)
    try:
        report = push.connection_test().run()
    except SyncError as error:
        yield Finding(False, f"GESTAO_SCOUTER_URL: {error}")
        return
    for name, check in report.checks.items():
        yield Finding(check.valid or check.is_warning, f"GESTAO_SCOUTER_URL: {name}: {redact(check.message)}")
    for warning in report.warnings:
        yield Finding(True, f"GESTAO_SCOUTER_URL: {redact(warning)}")


def key_set(settings: ScouterSettings) -> Iterator[Finding]:
    """Can the receiver verify the tokens of TabuladorMax's users by the project's key set?"""
    if settings.tabuladormax_project_url is None:
        return
    try:
        require_readable(settings.tabuladormax_project_url, "TABULADORMAX_PROJECT_URL")
    except SyncError as error:
        yield Finding(False, f"TABULADORMAX_PROJECT_URL: {error}")
    else:
        yield Finding(True, "TABULADORMAX_PROJECT_URL: the project's key set can be read")
