"""Whether an address can be reached: its host is known and answers, and its certificate is trusted."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from sync_pipelines.lib import network
from sync_pipelines.lib.failures import SyncError, from_http_error
from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.http.tls import tls_context


def reach(url: str, resolve: network.Resolver, *, ca_bundle: Path | None, ca_setting: str) -> Finding:
    """Connect and shake hands, as a request would; none is made. `ca_setting` is named where a CA is missing."""
    import httpx

    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    if secure and not network.is_local(host) and _has_proxy(host):
        return Finding(True, f"{host} is reached through a proxy, which only a request can try")
    try:
        with network.connect(host, parts.port or (443 if secure else 80), resolve) as line:
            if secure:
                tls_context(ca_bundle, ca_setting).wrap_socket(line, server_hostname=host).close()
    except network.UnreachableError as error:
        return Finding(False, str(error))
    except SyncError as error:
        return Finding(False, str(error))
    except OSError as error:
        failure = httpx.ConnectError("")
        failure.__cause__ = error if isinstance(error, ssl.SSLError) else None
        return Finding(False, str(from_http_error(failure, what=host, ca_setting=ca_setting)))
    return Finding(True, f"{host} answers{' and its certificate is trusted' * secure}")


def _has_proxy(host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool({"https", "all"} & proxies.keys()) and not urllib.request.proxy_bypass(host)
