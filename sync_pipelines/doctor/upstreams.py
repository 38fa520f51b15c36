"""What is reached by HTTP: the HITSS endpoint, and the bucket of landed files.

Is there an address, does it take a window of months, is anybody there we can trust, are we let in?
"""

from __future__ import annotations

import secrets
import ssl
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sync_pipelines.doctor import network
from sync_pipelines.lib.failures import SyncError, from_http_error
from sync_pipelines.lib.findings import Finding

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.hitss.dre.credentials import Credentials
    from sync_pipelines.hitss.dre.extract import ExportClient
    from sync_pipelines.settings import Settings


PROBE = "A file of `sync-pipelines doctor`, which removes it again.\n"


def bucket(settings: Settings) -> Iterator[Finding]:
    """Where landed files go to a bucket: can one be written, listed, read and removed?"""
    if not settings.landing_url.startswith("s3://"):
        return
    store, name = settings.landing_store, f"doctor/{secrets.token_hex(8)}.txt"
    try:
        with store.incoming("doctor", ".txt") as path:
            path.write_text(PROBE)
            store.put(path, name)
        listed = name in {file.name for file in store.names("doctor")}
        with store.fetch(name) as copy:
            same = copy.read_text() == PROBE
        store.remove(name)
    except SyncError as error:
        yield Finding(False, f"LANDING_URL: {error}")
        return
    if listed and same:
        yield Finding(True, f"LANDING_URL: {settings.landing_url} takes files and gives them back")
    else:
        wrong = "a file came back altered" if listed else "a file that was written is not listed"
        yield Finding(False, f"LANDING_URL: {settings.landing_url}: {wrong}; use another storage")


def hitss(
    settings: Settings,
    resolve: network.Resolver,
    today: date,
    *,
    http: ExportClient | None,
    probe_export: bool,
) -> Iterator[Finding]:
    """The address, the connection, the login if there is one; with `probe_export` the export of last month."""
    from sync_pipelines.hitss.dre.credentials import credentials
    from sync_pipelines.hitss.dre.extract import URL_SETTING

    from_vault = settings.hitss_secrets_from == "vault"
    if settings.hitss_download_url is None and settings.fabricio_database_url is None:
        yield Finding(True, f"{URL_SETTING}: it is not set")
        return
    if settings.hitss_download_url is None and not from_vault:
        cure = "set it to the whole address that the application's export button calls"
        yield Finding(False, f"{URL_SETTING}: it is not set, and hitss cannot load without it: {cure}")
        return
    try:
        known = credentials(settings)
    except SyncError as error:
        yield Finding(False, f"HITSS_{'SECRETS_FROM' if from_vault else 'AUTH_MODE'}: {error}")
        return
    for finding in _endpoint(
        known, settings.hitss_ca_bundle, resolve, today=today, http=http, probe_export=probe_export
    ):
        yield Finding(finding.ok, f"{URL_SETTING}: {finding.sentence}")


def aimindset(settings: Settings) -> Iterator[Finding]:
    """Is the service key in the project's Vault, where it is said to be?"""
    from sync_pipelines.aimindset.pipeline import AimindsetPipeline
    from sync_pipelines.settings import SettingsError

    if settings.aimindset_database_url is None or settings.aimindset_secrets_from != "vault":
        return
    try:
        AimindsetPipeline(settings).project()
    except (SyncError, SettingsError) as error:
        yield Finding(False, f"AIMINDSET_SECRETS_FROM: {error}")
    else:
        yield Finding(True, "AIMINDSET_SECRETS_FROM: the service key was found")


def _endpoint(
    known: Credentials,
    ca_bundle: Path | None,
    resolve: network.Resolver,
    today: date,
    http: ExportClient | None,
    probe_export: bool,
) -> Iterator[Finding]:
    from sync_pipelines.hitss.dre.extract import export_client, register_url, window_url
    from sync_pipelines.lib.http.client import Backoff

    register_url(known.url)
    end = today.replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    try:
        window_url(known.url, start, end)
    except SyncError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, "it has a place for the first and the last month")
    reached = reach(known.url, ca_bundle, resolve)
    yield reached
    if reached.ok and (probe_export or known.mode == "login"):
        with http or export_client(ca_bundle=ca_bundle, backoff=Backoff(attempts=1)) as client:
            yield _probe(client, known, start, end=end) if probe_export else _log_in(client, known)


def reach(url: str, ca_bundle: Path | None, resolve: network.Resolver) -> Finding:
    """Connect and shake hands, as the download would; no request is made."""
    import httpx

    from sync_pipelines.hitss.dre.extract import CA_SETTING
    from sync_pipelines.lib.http.tls import tls_context

    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    if secure and not network.is_local(host) and _has_proxy(host):
        return Finding(True, f"{host} is reached through a proxy, which only a request can try")
    try:
        with network.connect(host, parts.port or (443 if secure else 80), resolve) as line:
            if secure:
                tls_context(ca_bundle, CA_SETTING).wrap_socket(line, server_hostname=host).close()
    except network.UnreachableError as error:
        return Finding(False, str(error))
    except SyncError as error:
        return Finding(False, str(error))
    except OSError as error:
        failure = httpx.ConnectError("")
        failure.__cause__ = error if isinstance(error, ssl.SSLError) else None
        return Finding(False, str(from_http_error(failure, what=host, ca_setting=CA_SETTING)))
    return Finding(True, f"{host} answers{' and its certificate is trusted' * secure}")


def _has_proxy(host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool({"https", "all"} & proxies.keys()) and not urllib.request.proxy_bypass(host)


def _log_in(client: ExportClient, known: Credentials) -> Finding:
    from sync_pipelines.hitss.dre.authentication import Authentication

    try:
        Authentication(client, known).headers()
    except SyncError as error:
        return Finding(False, str(error))
    return Finding(True, "the login is accepted")


def _probe(client: ExportClient, known: Credentials, start: date, end: date) -> Finding:
    """Request the export of one month, look at it, throw it away; a login is part of it."""
    from sync_pipelines.hitss.dre.extract import download_export

    with tempfile.TemporaryDirectory(prefix="sync-pipelines-doctor-") as folder:
        try:
            got = download_export(client, known, start, end=end, target=Path(folder) / "export.xlsx")
        except SyncError as error:
            return Finding(False, str(error))
    return Finding(
        True,
        f"the export of {start:%Y-%m} came as a workbook of {got.bytes} bytes, in {got.seconds:.0f} s",
    )
