"""The mail server that alerts leave by, asked as an alert would ask it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Finding

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.settings import Settings

TEST_SUBJECT = "[sync_pipelines] mensagem de teste"
TEST_TEXT = (
    "Esta é uma mensagem de teste, enviada por `sync-pipelines doctor --mail`. Os alertas chegam por este caminho;"
    " nada falhou."
)


def mail(settings: Settings, *, send: bool = False) -> Iterator[Finding]:
    """Does the mail server let us in? With `send`, does it take a message for each recipient?"""
    server, known = settings.mail_server, settings.alert_recipients
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
