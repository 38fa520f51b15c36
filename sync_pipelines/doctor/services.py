"""What alerts leave by and what leads go to: the mail server, Gestão Scouter, the key set of TabuladorMax.

Each is asked as the work would ask it, and nothing is written or sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.redaction import redact

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.settings import Settings

TEST_SUBJECT = "[sync_pipelines] mensagem de teste"
TEST_TEXT = (
    "Esta é uma mensagem de teste, enviada por `sync-pipelines doctor --mail`. Os alertas chegam por este caminho;"
    " nada falhou."
)


def mail(settings: Settings, *, send: bool = False) -> Iterator[Finding]:
    """Does the mail server let us in? With `send`, does it take a message for each recipient?"""
    from sync_pipelines.lib.alerts import mail_server, recipients

    server, known = mail_server(settings), recipients(settings)
    if server is None or not known:
        missing = "SMTP_URL" if settings.smtp_url is None else "ALERT_EMAIL_TO"
        wrong = send or settings.sync_env == "production"
        cure = "set SMTP_URL and ALERT_EMAIL_TO" if wrong else "they are in the log only"
        yield Finding(not wrong, f"{missing} is not set: no alert leaves by mail: {cure}")
        return
    try:
        server.check()
    except SyncError as error:
        yield Finding(False, f"SMTP_URL: {error}")
        return
    yield Finding(True, "SMTP_URL: the mail server answers and lets us in")
    if not send:
        return
    try:
        taken = server.send(known, TEST_SUBJECT, TEST_TEXT)
    except SyncError as error:
        yield Finding(False, f"ALERT_EMAIL_TO: {error}")
        return
    whole = taken == len(known)
    cure = "" if whole else ": check the addresses"
    yield Finding(
        whole, f"ALERT_EMAIL_TO: a test mail was taken for {taken} of {len(known)} recipients{cure}"
    )


def gestao_scouter(settings: Settings) -> Iterator[Finding]:
    """The connection test of the application's screen: address, key, table, columns; no lead is touched."""
    if settings.tabuladormax_database_url is None:
        return
    if settings.gestao_scouter_url is None:
        yield Finding(
            False, "GESTAO_SCOUTER_URL: it is not set, and leads go nowhere: set it to the project's address"
        )
        return
    from sync_pipelines.lib.http.client import Backoff
    from sync_pipelines.scouter.client import gestao_client
    from sync_pipelines.scouter.push.pipeline import LeadPush

    once = Backoff(attempts=1)  # a person waits for the answer
    push = LeadPush(settings, client=lambda known: gestao_client(known, backoff=once))
    try:
        report = push.connection_test().run()
    except SyncError as error:
        yield Finding(False, f"GESTAO_SCOUTER_URL: {error}")
        return
    for name, check in report.checks.items():
        yield Finding(check.valid or check.is_warning, f"GESTAO_SCOUTER_URL: {name}: {redact(check.message)}")
    for warning in report.warnings:
        yield Finding(True, f"GESTAO_SCOUTER_URL: {redact(warning)}")


def key_set(settings: Settings) -> Iterator[Finding]:
    """Can the receiver verify the tokens of TabuladorMax's users by the project's key set?"""
    if settings.tabuladormax_project_url is None:
        return
    from sync_pipelines.lib.http.client import Backoff
    from sync_pipelines.lib.http.json import JsonClient
    from sync_pipelines.receiver.keyset import KeySet

    def client() -> JsonClient:
        return JsonClient(url_setting="TABULADORMAX_PROJECT_URL", backoff=Backoff(attempts=1))

    try:
        KeySet(settings.tabuladormax_project_url, client, lambda: 0.0).find("doctor", "ES256")
    except SyncError as error:
        yield Finding(False, f"TABULADORMAX_PROJECT_URL: {error}")
    else:
        yield Finding(True, "TABULADORMAX_PROJECT_URL: the project's key set can be read")
