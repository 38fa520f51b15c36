"""What `doctor` asks for the DRE: is the export's address one, can it be reached, are we let in?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from sync_pipelines.hitss.dre.authentication import login_of
from sync_pipelines.hitss.dre.credentials import Credentials, CredentialSource
from sync_pipelines.hitss.dre.extract import (
    CA_SETTING,
    URL_SETTING,
    ExportClient,
    download_export,
    export_client,
    register_url,
    window_url,
)
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.http.reach import reach
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.settings.hitss import HitssSettings


def checks(settings: HitssSettings, inquiry: Inquiry) -> Sequence[Check]:
    return [Check(URL_SETTING, lambda: export(settings, inquiry))]


def export(
    settings: HitssSettings, inquiry: Inquiry, client: Callable[..., ExportClient] = export_client
) -> Iterator[Finding]:
    """The address, the connection, the login if there is one; with `probes_exports` the export of last month.

    `client` makes the client of the real request, as `export_client` does.
    """
    from_vault = settings.hitss_secrets_from == "vault"
    if settings.hitss_download_url is None and settings.fabricio_database_url is None:
        yield Finding(True, f"{URL_SETTING}: it is not set")
        return
    if settings.hitss_download_url is None and not from_vault:
        cure = "set it to the whole address that the application's export button calls"
        yield Finding(False, f"{URL_SETTING}: it is not set, and hitss cannot load without it: {cure}")
        return
    try:
        known = CredentialSource(settings).read()
    except SyncError as error:
        yield Finding(False, f"HITSS_{'SECRETS_FROM' if from_vault else 'AUTH_MODE'}: {error}")
        return
    for finding in _endpoint(known, settings, inquiry, client=client):
        yield Finding(finding.ok, f"{URL_SETTING}: {finding.sentence}")


def _endpoint(
    known: Credentials, settings: HitssSettings, inquiry: Inquiry, *, client: Callable[..., ExportClient]
) -> Iterator[Finding]:
    register_url(known.url)
    end = inquiry.now().astimezone(settings.zone).date().replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    try:
        window_url(known.url, start, end)
    except SyncError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, "it has a place for the first and the last month")
    bundle = settings.hitss_ca_bundle
    reached = reach(known.url, inquiry.resolve, ca_bundle=bundle, ca_setting=CA_SETTING)
    yield reached
    if reached.ok and (inquiry.probes_exports or known.mode == "login"):
        with client(ca_bundle=bundle, backoff=Backoff(attempts=1)) as opened:
            yield (
                _probe(opened, known, start, end=end) if inquiry.probes_exports else _log_in(opened, known)
            )


def _log_in(client: ExportClient, known: Credentials) -> Finding:
    try:
        login_of(known).check(client)
    except SyncError as error:
        return Finding(False, str(error))
    return Finding(True, "the login is accepted")


def _probe(client: ExportClient, known: Credentials, start: date, end: date) -> Finding:
    """Request the export of one month, look at it, throw it away; a login is part of it."""
    with tempfile.TemporaryDirectory(prefix="sync-pipelines-doctor-") as folder:
        try:
            got = download_export(client, known, start, end=end, target=Path(folder) / "export.xlsx")
        except SyncError as error:
            return Finding(False, str(error))
    return Finding(
        True,
        f"the export of {start:%Y-%m} came as a workbook of {got.bytes} bytes, in {got.seconds:.0f} s",
    )
