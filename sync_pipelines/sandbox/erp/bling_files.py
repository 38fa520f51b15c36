"""The XML files of the fake Bling: links that need no token, and what comes in place of a file when it must not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp import bling_faults
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.oauth import BlingAccount

FILE_PATH: Final = "/relatorios/nfe.xml.php"
#: The bytes of the bomb when it is unpacked.
BOMB_BYTES: Final = 100 * 1024 * 1024


@dataclass
class Addresses:
    """Where the fake listens, and a port of this machine where it does not: known once it listens."""

    origin: str = ""
    other_port: int = 9


def link_of(note: SandboxNote, addresses: Addresses, strikes: Callable[[str], bool]) -> str:
    """The link to the file of an invoice, or where a fault makes it lead."""
    for name, link in bling_faults.LINKS.items():
        if strikes(name):
            host = addresses.origin.removeprefix("http://")
            with_user = f"http://user:pass@{host}"
            return link.format(port=addresses.other_port, origin_with_user=with_user, key=note.key)
    return f"{addresses.origin}{FILE_PATH}?chaveAcesso={note.key}&id={note.vendor_id}"


def find(accounts: Sequence[BlingAccount], key: str) -> tuple[BlingAccount, SandboxNote] | None:
    """The invoice of this key, of whichever account."""
    for account in accounts:
        with suppress(KeyError):
            return account, account.company.by_key(key)
    return None


@dataclass(frozen=True)
class Wanted:
    """A file that was asked for by a link."""

    company: ErpCompany
    note: SandboxNote
    url: str


def file_of(wanted: Wanted, addresses: Addresses, strikes: Callable[[str], bool]) -> Response:
    """The file, or what a fault puts in its place."""
    note = wanted.note
    if strikes("redirect_other_port"):
        location = f"http://127.0.0.1:{addresses.other_port}/nfe.xml"
        return Response(status_code=302, headers={"Location": location})
    if strikes("redirect_loop"):
        return Response(status_code=302, headers={"Location": wanted.url})
    if strikes("page"):
        return Response("<html><title>Bling - Login</title></html>", media_type="text/html")
    if strikes("bomb"):
        return Response(_bomb(), media_type="text/xml", headers={"Content-Encoding": "gzip"})
    if strikes("packed"):
        return Response(
            gzip.compress(note.xml()), media_type="text/xml", headers={"Content-Encoding": "gzip"}
        )
    if strikes("of_another"):
        others = wanted.company.select(lambda one: one.key is not None and one.has_xml)
        note = others[others.index(note) - 1]
    return Response(note.xml(), media_type="text/xml")


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    megabyte = b" " * (1024 * 1024)
    packed = [packer.compress(megabyte) for _ in range(BOMB_BYTES // len(megabyte))]
    return b"".join([*packed, packer.flush()])
