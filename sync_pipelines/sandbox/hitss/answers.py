"""What the fake answers instead of a good workbook, or does to a good one's bytes.

An answer gets the client's connection and a function that packs the workbook; its result is ignored.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sync_pipelines.sandbox.client_connection import ClientConnection
from sync_pipelines.sandbox.hitss import archive

SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML: Final = "text/html; charset=utf-8"
LEGACY_MAGIC: Final = bytes.fromhex("D0CF11E0A1B11AE1")
MEGABYTE: Final = 1 << 20

Pack = Callable[[], Awaitable[bytes]]
Act = TypeVar("Act", bound=Callable[..., object])


def _needs_workbook(act: Act) -> Act:
    act.needs_workbook = True  # type: ignore[attr-defined]
    return act


def slow(seconds: float = 160.0) -> float:
    """The first byte comes `seconds` later than usual; the real server takes 146 to 183 s."""
    return seconds


async def hang(client: ClientConnection, _pack: Pack) -> None:
    """Never answers; ends when the client does."""
    await client.left_within(None)


async def bad_gateway(client: ClientConnection, _pack: Pack, after: float = 0.0) -> None:
    """502 from the gateway, after `after` seconds; the real gateway gives up after 300 s."""
    if not await client.left_within(after):
        await client.answer(
            502, HTML, b"<html><head><title>502 Bad Gateway</title></head><body></body></html>"
        )


async def status(
    client: ClientConnection, _pack: Pack, code: int = 503, retry_after: str | None = None
) -> None:
    """Any status, with a Retry-After header when given (seconds or an HTTP date)."""
    headers = {"retry-after": str(retry_after)} if retry_after is not None else {}
    await client.answer(code, "application/json", b'{"message": "sandbox fault"}', headers=headers)


async def unauthorized(client: ClientConnection, _pack: Pack) -> None:
    """401 for every user."""
    await client.answer(401, "application/json", b'{"message": "unknown user"}')


async def reset(client: ClientConnection, _pack: Pack) -> None:
    """The connection is reset before any answer."""
    await client.hang_up(reset=True)


@_needs_workbook
async def truncated(client: ClientConnection, pack: Pack, share: float = 0.5) -> None:
    """The connection is closed after `share` of the announced length."""
    data = await pack()
    await client.start(200, {"content-type": SPREADSHEET, "content-length": str(len(data))})
    await client.body(data[: int(len(data) * share)], more=True)
    await client.hang_up(reset=False)


async def html_login(client: ClientConnection, _pack: Pack) -> None:
    """200 with a login page under a spreadsheet's content type."""
    page = b"<!DOCTYPE html><html><title>Login</title><body><form method='post'></form></body></html>"
    await client.answer(200, SPREADSHEET, page)


@_needs_workbook
async def octet_stream(client: ClientConnection, pack: Pack) -> None:
    """A good workbook under application/octet-stream."""
    await client.answer(200, "application/octet-stream", await pack())


async def empty_body(client: ClientConnection, _pack: Pack) -> None:
    """200 with a spreadsheet's content type and no byte."""
    await client.answer(200, SPREADSHEET, b"")


async def legacy_xls(client: ClientConnection, _pack: Pack) -> None:
    """The beginning of an old binary workbook, which the path announces and the real server never sends."""
    await client.answer(200, "application/vnd.ms-excel", LEGACY_MAGIC + bytes(4096))


async def too_large(client: ClientConnection, _pack: Pack, megabytes: int = 1_000_000) -> None:
    """A body without announced length that goes on until the client hangs up."""
    await client.start(200, {"content-type": SPREADSHEET})
    await client.body(b"PK\x03\x04", more=True)
    for _ in range(megabytes):
        if await client.left_within(0):
            return
        await client.body(bytes(MEGABYTE), more=True)
    await client.body(b"")


def truncated_zip(data: bytes, share: float = 0.5) -> bytes:
    """A complete answer that holds only the first part of the file: the ZIP has no directory."""
    return data[: int(len(data) * share)]


def zip_bomb(data: bytes, inflated: int = 3 * archive.GIGABYTE) -> bytes:
    """A small file whose sheet inflates to `inflated` bytes in one cell."""
    return archive.zip_bomb(data, inflated)
