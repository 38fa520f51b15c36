"""Where the parts of a ZIP lie, as every reader of it must see them.

A ZIP has its list of files at its end, and each file begins with a header of its own: a reader that goes by the one
may see other files than a reader that goes by the other. An archive is read only where both say the same. The bytes of
packed files are never searched for marks, which may stand there by chance.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

#: Of the end record, of an entry of the directory and of a file's own header, each without its texts.
_END: Final = struct.Struct("<4s4H2LH")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_FILE: Final = struct.Struct("<4s5H3L2H")
_END_MARK, _ENTRY_MARK, _FILE_MARK = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
#: Names a second end record, of sizes beyond 4 GB; it stands right before the first one.
_LOCATOR_MARK, _LOCATOR_BYTES = b"PK\x06\x07", 20
_LONGEST_COMMENT: Final = 0xFFFF
#: Bytes of what may follow a file whose size its header does not know yet, with its mark or without.
_DESCRIPTORS: Final = frozenset({12, 16, 20, 24})
_NOTHING: Final = frozenset({0})
_SIZE_FOLLOWS: Final = 0x8


class GarbledArchiveError(ValueError):
    """The parts of an archive do not follow each other without gap or overlap."""


class Directory(NamedTuple):
    """How many files the end record counts, where their list begins, and where it ends."""

    files: int
    first: int
    end: int


class _Entry(NamedTuple):
    """A file as the directory has it: its flags, packed bytes, and where its own header is."""

    flags: int
    packed: int
    place: int
    name: bytes


def read_directory(content: bytes) -> Directory:
    """The end record of an archive. Raises GarbledArchiveError unless there is one that all readers find."""
    tail = max(0, len(content) - _END.size - _LONGEST_COMMENT)
    ends = [place for place in _places(content, _END_MARK, tail) if _reaches_the_end(content, place)]
    # Some readers take the last mark, others the one whose comment fits: these must be the same.
    if len(ends) != 1 or ends[0] != content.rfind(_END_MARK):
        raise GarbledArchiveError("not one end record")
    _, disk, first_disk, here, files, size, first, _ = _END.unpack_from(content, ends[0])
    if (disk, first_disk, here) != (0, 0, files) or first + size != ends[0]:
        raise GarbledArchiveError("an end record of another archive")
    locator = ends[0] - _LOCATOR_BYTES
    if locator >= 0 and content.startswith(_LOCATOR_MARK, locator):
        raise GarbledArchiveError("a second end record")
    return Directory(files, first, ends[0])


def check_layout(content: bytes, directory: Directory) -> None:
    """Raise GarbledArchiveError unless the files of the directory fill the archive, one after the other."""
    entries = sorted(_entries(content, directory), key=lambda one: one.place)
    begins = [*(one.place for one in entries), directory.first]
    if begins[0] != 0:
        raise GarbledArchiveError("something before the first file")
    for entry, following in zip(entries, begins[1:], strict=True):
        between = following - _end_of(content, entry, directory)
        if between not in (_DESCRIPTORS if entry.flags & _SIZE_FOLLOWS else _NOTHING):
            raise GarbledArchiveError("something between two files")


def _entries(content: bytes, directory: Directory) -> Iterator[_Entry]:
    place = directory.first
    for _ in range(directory.files):
        if place + _ENTRY.size > directory.end or not content.startswith(_ENTRY_MARK, place):
            raise GarbledArchiveError("fewer files than are counted")
        fields = _ENTRY.unpack_from(content, place)
        name, texts = fields[10], sum(fields[10:13])
        begin = place + _ENTRY.size
        yield _Entry(fields[3], fields[8], place=fields[16], name=content[begin : begin + name])
        place = begin + texts
    if place != directory.end:
        raise GarbledArchiveError("more files than are counted")


def _end_of(content: bytes, entry: _Entry, directory: Directory) -> int:
    """Where the bytes of a file end."""
    if entry.place + _FILE.size > directory.first or not content.startswith(_FILE_MARK, entry.place):
        raise GarbledArchiveError("a file without its header")
    fields = _FILE.unpack_from(content, entry.place)
    begin = entry.place + _FILE.size
    if content[begin : begin + fields[9]] != entry.name:
        raise GarbledArchiveError("a file of two names")
    return int(begin + fields[9] + fields[10] + entry.packed)


def _places(content: bytes, mark: bytes, first: int) -> Iterator[int]:
    while (first := content.find(mark, first)) >= 0:
        yield first
        first += 1


def _reaches_the_end(content: bytes, place: int) -> bool:
    """Whether an end record is whole and its comment ends where the archive ends."""
    if place + _END.size > len(content):
        return False
    comment = _END.unpack_from(content, place)[7]
    return bool(place + _END.size + comment == len(content))
