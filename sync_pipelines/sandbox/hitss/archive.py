"""ZIP work that `zipfile` does not offer: new timestamps on a finished archive, and a cheap bomb."""

from datetime import datetime
from functools import lru_cache
from struct import pack, pack_into, unpack_from
from typing import Final
from zlib import DEFLATED, Z_FULL_FLUSH, compressobj, crc32

END_SIZE: Final = 22
BLOCK: Final = b"A" * (1 << 20)
GIGABYTE: Final = 1 << 30


def restamp(data: bytes, stamped: datetime) -> bytes:
    """The same archive with every member's timestamp replaced, in local headers and central directory alike.

    The real server packs the file anew for each download, so equal data never has equal bytes.
    """
    result = bytearray(data)
    time, day = _dos(stamped)
    count, _, place = unpack_from("<HII", data, len(data) - END_SIZE + 10)
    for _ in range(count):
        name, extra, comment = unpack_from("<HHH", data, place + 28)
        (header,) = unpack_from("<I", data, place + 42)
        pack_into("<HH", result, place + 12, time, day)
        pack_into("<HH", result, header + 10, time, day)
        place += 46 + name + extra + comment
    return bytes(result)


def zip_bomb(good: bytes, inflated: int = 3 * GIGABYTE) -> bytes:
    """`good` with a first sheet that inflates to about `inflated` bytes (below 4 GiB), all one cell's text.

    A flushed deflate block may be repeated as it is, so only a thousandth of the size is ever written.
    """
    return _replace(good, b"xl/worksheets/sheet1.xml", *_inflating_sheet(inflated))


@lru_cache(maxsize=2)
def _inflating_sheet(inflated: int) -> tuple[bytes, int, int]:
    """The deflated sheet, its checksum and its inflated size."""
    head = (
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>'
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>'
    )
    foot = b"</t></is></c></row></sheetData></worksheet>"
    blocks = inflated // len(BLOCK)
    body = _deflated(head) + _deflated(BLOCK) * blocks
    last = compressobj(9, DEFLATED, -15)
    body += last.compress(foot) + last.flush()
    check = crc32(head)
    for _ in range(blocks):
        check = crc32(BLOCK, check)
    size = len(head) + blocks * len(BLOCK) + len(foot)
    return body, crc32(foot, check), size


def _deflated(data: bytes) -> bytes:
    # A full flush ends on a byte and resets the state: such parts can be joined in any number.
    maker = compressobj(9, DEFLATED, -15)
    return maker.compress(data) + maker.flush(Z_FULL_FLUSH)


def _replace(archive: bytes, member: bytes, body: bytes, check: int, size: int) -> bytes:
    count, _, place = unpack_from("<HII", archive, len(archive) - END_SIZE + 10)
    packed, directory = bytearray(), bytearray()
    for _ in range(count):
        name_size, extra, comment = unpack_from("<HHH", archive, place + 28)
        (header,) = unpack_from("<I", archive, place + 42)
        name = archive[place + 46 : place + 46 + name_size]
        entry = bytearray(archive[place + 4 : place + 28])  # both versions up to the uncompressed size
        local_name, local_extra = unpack_from("<HH", archive, header + 26)
        start = header + 30 + local_name + local_extra
        content = archive[start : start + unpack_from("<I", entry, 16)[0]]
        if name == member:
            content = body
            pack_into("<III", entry, 12, check, len(body), size)
        offset = len(packed)
        packed += b"PK\x03\x04" + entry[2:] + pack("<HH", name_size, 0) + name + content
        directory += b"PK\x01\x02" + entry + pack("<HHHHHII", name_size, 0, 0, 0, 0, 0, offset) + name
        place += 46 + name_size + extra + comment
    end = pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(packed), 0)
    return bytes(packed + directory + end)


def _dos(when: datetime) -> tuple[int, int]:
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    return time, (when.year - 1980) << 9 | when.month << 5 | when.day
