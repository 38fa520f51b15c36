"""A ZIP in which a vendor sends an invoice with its events. It is untrusted: what it unpacks to is bounded before
anything of it is unpacked, and no name in it leads anywhere (contract of the ERPs, section 6, trap 25).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from sync_pipelines.erp.vendors.zip_directory import check_layout, read_directory
from sync_pipelines.lib.failures import PermanentError

if TYPE_CHECKING:  # an archive is rare
    from zipfile import ZipFile, ZipInfo

#: Bytes of the archive, of one file and of all of them: a document is at most what the application's bucket takes.
LARGEST, LARGEST_FILE, LARGEST_TOTAL = 10 << 20, 10 << 20, 20 << 20
MOST_FILES = 50
#: XML packs to a twentieth; what unpacks further than this is made to fill the memory.
HIGHEST_RATIO = 200
#: Bytes below which a ratio means nothing.
_SMALL = 256 << 10
_LONGEST_NAME = 150
_MAGIC = b"PK\x03\x04"
#: Stored as it is, deflated.
_METHODS = frozenset({0, 8})
_ENCRYPTED = 0x1
_NESTED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")


class UntrustedArchiveError(PermanentError):
    """An archive that is not unpacked, or holds something other than one invoice and its events."""


class ArchivedInvoice(NamedTuple):
    """What an archive holds: the document of the invoice, None if there is none, and those of its events."""

    note: bytes | None
    events: tuple[bytes, ...] = ()


def is_archive(content: bytes) -> bool:
    """Whether a body is a ZIP, whatever its type says."""
    return content.startswith(_MAGIC)


def read_archive(content: bytes, *, key: str, what: str) -> ArchivedInvoice:
    """The invoice of an access key and its events; `what` begins an error's sentence.

    The files are told apart by what they are, not by their names. Raises UntrustedArchiveError.
    """
    notes, events = list[bytes](), list[bytes]()
    for document in unpacked(content, what=what):
        (events if _is_event(document) else notes).append(document)
    if len(notes) > 1:
        notes = [note for note in notes if f"NFe{key}".encode() in note]
        if len(notes) != 1:
            raise UntrustedArchiveError(
                f"{what}: the ZIP holds several documents, and {len(notes)} of this key."
            )
    return ArchivedInvoice(notes[0] if notes else None, tuple(events))


def unpacked(content: bytes, *, what: str) -> Iterator[bytes]:
    """The files of an archive, each whole. Raises UntrustedArchiveError before anything too large is unpacked."""
    import struct
    import zlib
    from zipfile import BadZipFile, ZipFile

    broken = (
        BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,  # also what the directory raises
        OverflowError,
    )
    if len(content) > LARGEST:
        raise UntrustedArchiveError(f"{what}: the ZIP has more than {LARGEST} bytes.")
    try:
        directory = read_directory(content)
        if directory.files > MOST_FILES:
            raise UntrustedArchiveError(f"{what}: the ZIP holds more than {MOST_FILES} files.")
        check_layout(content, directory)  # an event that is not seen could be a cancellation
        with ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
            _check(entries, content, what)
            for entry in entries:
                yield _file(archive, entry, what)
    except broken:
        raise UntrustedArchiveError(f"{what}: the ZIP is cut, garbled, or none that can be read.") from None


def _check(entries: list[ZipInfo], content: bytes, what: str) -> None:
    """Raise UntrustedArchiveError for what an archive of invoices never is."""
    names = [entry.filename.casefold() for entry in entries]
    total = sum(entry.file_size for entry in entries)
    problem = None
    if len(set(names)) != len(names):
        problem = "holds two files of one name"
    elif not all(map(_is_plain, entries)):
        problem = "holds a file whose name leads elsewhere"
    elif any(entry.flag_bits & _ENCRYPTED for entry in entries):
        problem = "is encrypted"
    elif any(entry.compress_type not in _METHODS for entry in entries):
        problem = "is packed in an unusual way"
    elif any(entry.file_size > LARGEST_FILE for entry in entries) or total > LARGEST_TOTAL:
        problem = f"unpacks to more than {LARGEST_TOTAL} bytes, or a file of it to more than {LARGEST_FILE}"
    elif total > max(_SMALL, HIGHEST_RATIO * len(content)):
        problem = f"unpacks to more than {HIGHEST_RATIO} times its size"
    if problem is not None:
        raise UntrustedArchiveError(f"{what}: the ZIP {problem}.")


def _is_plain(entry: ZipInfo) -> bool:
    """Whether a name is that of a file alone: no folder, no path, no drive, nothing that is not printed."""
    name = entry.filename
    # What follows a zero byte is cut off by the library.
    is_whole = entry.orig_filename == name
    return (
        is_whole and len(name) <= _LONGEST_NAME and name.isprintable() and not set(name) & set('/\\:*?"<>|')
    )


def _file(archive: ZipFile, entry: ZipInfo, what: str) -> bytes:
    """A file; what the archive says of its size was checked, and the library unpacks no more than that."""
    with archive.open(entry) as packed:
        content = packed.read(LARGEST_FILE + 1)
    if len(content) != entry.file_size:
        raise UntrustedArchiveError(f"{what}: a file of the ZIP is not as long as it says.")
    if content.startswith(_NESTED):
        raise UntrustedArchiveError(f"{what}: the ZIP holds another archive.")
    return content


def _is_event(document: bytes) -> bool:
    """Whether the root is that of an event or an old cancellation; what is no XML its reader rejects as a note."""
    from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
    from sync_pipelines.erp.invoices.nfe.tree import read_tree

    try:
        root = str(read_tree(document).tag).casefold()
    except InvoiceRejectedError:
        return False
    return "evento" in root or "canc" in root
