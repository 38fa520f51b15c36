"""XML files by the links that a vendor sends. A link is untrusted: it could lead anywhere, and to anything.

It is followed to known origins only, without credentials, and what comes is bounded in size and in how far it unpacks.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from sync_pipelines.erp.vendors.session import Opening, VendorSession
from sync_pipelines.lib.failures import PermanentError, TransientError, from_http_status, retry_after_seconds
from sync_pipelines.lib.http.client import HttpClient

if TYPE_CHECKING:
    import httpx

#: Bytes of a file: what the application's bucket takes (contract of the ERPs, section 2.4).
LARGEST = 10 << 20
#: A file of invoices packs to a twentieth; what unpacks further than this is made to fill the memory.
HIGHEST_RATIO = 200
#: Bytes below which a ratio means nothing.
_SMALL = 256 << 10
_MOST_REDIRECTS = 3
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"https": 443, "http": 80}


class UntrustedLinkError(PermanentError):
    """A link that is not followed, or a file that is not taken."""


@dataclass(frozen=True)
class Origins:
    """Where the files of a vendor may lie: its own hosts over https, and the very origins of our settings."""

    hosts: frozenset[str]
    own: frozenset[tuple[str, str, int]] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str], urls: Iterable[str]) -> Self:
        """`urls` are the vendor's addresses as they are set, such as that of the sandbox."""
        return cls(frozenset(hosts), frozenset(_origin(url) for url in urls))

    def check(self, url: str, *, what: str) -> None:
        """Raise UntrustedLinkError unless a link leads to one of them."""
        try:
            parts, origin = urlsplit(url), _origin(url)
        except ValueError:
            raise UntrustedLinkError(f"{what}: the link to the XML is not an address.") from None
        scheme, host, port = origin
        if parts.username is not None or parts.password is not None:
            raise UntrustedLinkError(f"{what}: the link to the XML names a user.")
        if origin not in self.own and not (host in self.hosts and scheme == "https" and port == 443):
            raise UntrustedLinkError(
                f"{what}: the link to the XML leads to {scheme or 'no'}://{host[:80]}:{port}, which is not the"
                " vendor's."
            )


class XmlLinks(HttpClient):
    """Fetches files by links. Threads may share it."""

    def __init__(self, origins: Origins, **options: Any) -> None:
        super().__init__(**options)
        self._origins = origins

    @classmethod
    def open(cls, origins: Origins, opening: Opening, session: VendorSession) -> Self:
        """The files of an account's invoices; the end of the session's calls ends theirs."""
        options = {"sleep": session.cancellation.sleep, **opening.options}
        setting = opening.spec.url_setting.upper()
        links = cls(origins, name=f"{opening.spec.name} (XML)", url_setting=setting, **options)
        session.cancellation.on_cancel(links.abort)
        return links

    def fetch(self, url: str) -> bytes | None:
        """The file, None if there is none (404, 410, nothing in it). It is tried again after a TransientError.

        Raises UntrustedLinkError: the link leads elsewhere, or the file is too large. Raises other SyncErrors.
        """
        return self.retrying()(self._follow, url)

    def _follow(self, url: str) -> bytes | None:
        for _ in range(_MOST_REDIRECTS + 1):
            found = self._attempt(url)
            if not isinstance(found, str):
                return found
            url = found
        raise UntrustedLinkError(f"{self._name}: the link to the XML redirects for ever.")

    def _attempt(self, url: str) -> bytes | str | None:
        """The file, None if there is none, or where the answer redirects to."""
        self._origins.check(url, what=self._name)
        what, target = self._checked(url)
        deadline, packed = self._deadline(what), _Packed(what)
        plain = {"Accept-Encoding": "identity"}
        with self._answering(deadline, what, "GET", url=target, headers=plain) as response:
            if response.has_redirect_location:
                return urljoin(url, response.headers["location"])
            self._expect_file(response, what)
            body = bytearray()
            for chunk in packed.unpacked(response):
                deadline.received()
                body += chunk
        return _xml(bytes(body), what)

    def _expect_file(self, response: httpx.Response, what: str) -> None:
        if response.status_code in {200, 404, 410}:
            return
        wait = retry_after_seconds(response.headers, self._now())
        error = from_http_status(response.status_code, what=what, retry_after=wait)
        # A file that is refused says nothing of our credentials: none were sent.
        raise error if isinstance(error, TransientError) else UntrustedLinkError(str(error))


class _Packed:
    """A body as it is unpacked, which never gets larger than it may."""

    def __init__(self, what: str) -> None:
        self._what, self._came, self._size = what, 0, 0

    def unpacked(self, response: httpx.Response) -> Iterator[bytes]:
        if response.status_code != 200:
            return
        unpack = _unpacker(response.headers.get("content-encoding", ""), self._what)
        for chunk in response.iter_raw():
            self._came += len(chunk)
            yield from self._parts(chunk, unpack)
        if unpack is not None and not unpack.eof:
            raise TransientError(f"{self._what}: the answer was cut on its way.")

    def _parts(self, chunk: bytes, unpack: zlib._Decompress | None) -> Iterator[bytes]:
        if unpack is None:
            self._grow(len(chunk))
            yield chunk
            return
        while chunk:
            try:
                part = unpack.decompress(chunk, _SMALL)
            except zlib.error:
                raise TransientError(f"{self._what}: the answer was cut or garbled on its way.") from None
            self._grow(len(part))
            yield part
            chunk = unpack.unconsumed_tail

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST:
            raise UntrustedLinkError(f"{self._what}: the file has more than {LARGEST} bytes.")
        if self._size > max(_SMALL, HIGHEST_RATIO * self._came):
            raise UntrustedLinkError(
                f"{self._what}: the file unpacks to more than {HIGHEST_RATIO} times its size."
            )


def _unpacker(encoding: str, what: str) -> zlib._Decompress | None:
    """What unpacks a body; none was asked for, and some servers pack all the same."""
    name = encoding.strip().casefold()
    if name in {"", "identity"}:
        return None
    if name in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(wbits=47)  # gzip and zlib, told apart by their header
    raise UntrustedLinkError(f"{what}: the file is packed in a way that was not asked for.")


def _xml(body: bytes, what: str) -> bytes | None:
    start = body[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        return None
    if start.startswith((b"<!doctype html", b"<html")):
        raise TransientError(f"{what} answered with a page in place of the XML.")
    return body


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; this machine has one name. ValueError if the port is no number."""
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    host = (parts.hostname or "").casefold()
    return parts.scheme, "localhost" if host in _LOOPBACK else host, port
