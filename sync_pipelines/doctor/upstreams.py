"""The HITSS endpoint: is there an address, does it take a window of months, is anybody there we can trust?"""

from __future__ import annotations

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
    from sync_pipelines.lib.http import HttpClient
    from sync_pipelines.settings import Settings


def hitss(
    settings: Settings, resolve: network.Resolver, today: date, *, http: HttpClient | None, probe_export: bool
) -> Iterator[Finding]:
    """The address, the connection, and with `probe_export` the export of the month before this one."""
    from sync_pipelines.hitss.client import URL_SETTING

    for finding in _hitss(settings, resolve, today, http, probe_export):
        yield Finding(finding.ok, f"{URL_SETTING}: {finding.sentence}")


def _hitss(
    settings: Settings, resolve: network.Resolver, today: date, http: HttpClient | None, probe_export: bool
) -> Iterator[Finding]:
    from sync_pipelines.hitss.client import register_url, window_url

    if settings.hitss_download_url is None:
        wanted = settings.fabricio_database_url is not None
        cure = "set it to the whole address that the application's export button calls"
        yield Finding(not wanted, f"it is not set{f', and hitss cannot load without it: {cure}' * wanted}")
        return
    url = settings.hitss_download_url.get_secret_value()
    register_url(url)
    end = today.replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    try:
        window_url(url, start, end)
    except SyncError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, "it has a place for the first and the last month")
    reached = _reach(url, settings.hitss_ca_bundle, resolve)
    yield reached
    if probe_export and reached.ok:
        yield _probe(url, start, end, settings.hitss_ca_bundle, http)


def _reach(url: str, ca_bundle: Path | None, resolve: network.Resolver) -> Finding:
    """Connect and shake hands, as the download would; no request is made."""
    import httpx

    from sync_pipelines.hitss.client import CA_SETTING
    from sync_pipelines.lib.http import tls_context

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


def _probe(url: str, start: date, end: date, ca_bundle: Path | None, http: HttpClient | None) -> Finding:
    """Request the export of one month, look at it, throw it away."""
    from sync_pipelines.hitss.client import download_export, export_client
    from sync_pipelines.lib.http import Backoff

    with tempfile.TemporaryDirectory(prefix="sync-pipelines-doctor-") as folder:
        try:
            with http or export_client(ca_bundle=ca_bundle, backoff=Backoff(attempts=1)) as client:
                got = download_export(client, url, start, end, Path(folder) / "export.xlsx")
        except SyncError as error:
            return Finding(False, str(error))
    return Finding(
        True,
        f"the export of {start:%Y-%m} came as a workbook of {got.bytes} bytes, in {got.seconds:.0f} s",
    )
