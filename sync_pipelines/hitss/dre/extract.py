"""The export of HITSS Control: one GET whose query string is both the request and the identity of the caller.

A setting adds a password or a token (`authentication`). Every rule here comes from the contract of HITSS, section 1
and traps 1 to 4.
"""

import html
import re
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sync_pipelines.hitss.dre.authentication import auth_of, explain
from sync_pipelines.hitss.dre.credentials import Credentials
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.downloads import Download, DownloadClient
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.redaction import redact, register
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.settings.hitss import HitssSettings

URL_SETTING = "HITSS_DOWNLOAD_URL"
CA_SETTING = "HITSS_CA_BUNDLE"
MAX_EXPORT_BYTES = 50 << 20  # the application's own upload limit; an export of nine years is 1.4 MB

# A good export sends nothing for 146 to 183 s and then all of it in seconds; the gateway gives up after 300 s.
TIMEOUTS = Timeouts(connect=10.0, read=420.0, total=480.0)
BACKOFF = Backoff(attempts=3, first=5.0, longest=60.0)

_START = ("inicio", "filtroDeFiltro")
_END = ("fim", "filtroAteFiltro")


def register_url(url: str) -> None:
    """Register the URL, and the personal data in its query, with the redactor as soon as it is read."""
    register(url, harmless=HitssSettings.harmless_parameters)


class ExportClient(DownloadClient, JsonClient):
    """Logs in by JSON and downloads a file."""


def export_client(*, ca_bundle: Path | None = None, **overrides: Any) -> ExportClient:
    """A client with the time limits of the contract; `overrides` are arguments of HttpClient."""
    fixed = {"name": "The HITSS export", "url_setting": URL_SETTING, "ca_setting": CA_SETTING}
    return ExportClient(
        **{**fixed, "timeouts": TIMEOUTS, "backoff": BACKOFF, "ca_bundle": ca_bundle, **overrides}
    )


def window_url(url: str, start: date, end: date) -> str:
    """The URL that asks for the months of the half-open range `[start, end)`, all else left byte for byte.

    The window replaces the placeholders `{inicio}` and `{fim}`, or the values of the parameters `filtroDeFiltro`
    and `filtroAteFiltro`, inclusive and as `MM-YYYY`. PermanentError if either end has no such place: every known URL
    had its end month typed in, and no newer month could ever arrive.
    """
    last = end - timedelta(days=1)
    if last < start:
        raise PermanentError(f"The window from {start} to {end} holds no day: nothing can be asked of HITSS.")
    for (placeholder, parameter), month in ((_START, start), (_END, last)):
        url, places = re.subn(
            rf"(?i)(?:\{{|%7B){placeholder}(?:\}}|%7D)|(?<=[?&]{parameter}=)[^&#]*", f"{month:%m-%Y}", url
        )
        if not places:
            raise PermanentError(
                f"{URL_SETTING} has no place for the months: it needs the placeholders {{inicio}} and "
                f"{{fim}}, or the parameters {_START[1]} and {_END[1]}."
            )
    return url


def download_export(
    client: ExportClient,
    credentials: Credentials,
    start: date,
    end: date,
    target: Path,
    *,
    on_wait: Callable[[float], None] | None = None,
) -> Download:
    """Download the export of the months of `[start, end)` to `target`, if its bytes are those of a workbook.

    An expired token is renewed once. Raises TransientError after the last attempt, PermanentError at once; neither
    message contains the query.
    """
    asked = window_url(credentials.url, start, end)
    register_url(asked)
    client.auth = auth_of(credentials)
    try:
        return client.download(asked, target, max_bytes=MAX_EXPORT_BYTES, on_wait=on_wait, accept=sniff)
    except RefusedError as refusal:
        raise explain(refusal, credentials) from None


def sniff(path: Path) -> None:
    """Raise SyncError for anything but a workbook: other things come with status 200 and a workbook's content type.

    An empty or cut file is transient. A legacy workbook and a page are permanent; the message has the title of the
    page, never its body, which may greet a person by name.
    """
    with path.open("rb") as file:
        head = file.read(8192)
    if not head:
        raise TransientError("The HITSS export came empty.")
    if head.startswith(b"PK\x03\x04"):
        if not zipfile.is_zipfile(path):
            raise TransientError("The HITSS export came cut: its ZIP container has no end.")
        return
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise PermanentError(
            "The HITSS export came as a legacy .xls workbook, which is not read. Ask for the .xlsx export."
        )
    raise PermanentError(
        f"The HITSS export came as {_kind(head)} instead of a workbook: most likely a login or error page. "
        f"Open {URL_SETTING} in a browser and renew it if it asks for a login."
    )


def _kind(head: bytes) -> str:
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        words = " ".join(html.unescape(title[1]).split()) if title else ""
        return f'an HTML page ("{redact(words)[:120]}")' if words else "an HTML page"
    if text.startswith(("{", "[")):
        return "JSON"
    return "unknown bytes" if re.search(r"[\0-\x08\x0e-\x1f]", text) else "plain text"
