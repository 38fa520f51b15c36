"""Is an archive what its manifest says, and the manifest what was written? Each thing that is wrong is named.

In the manner of pg_verifybackup: the manifest, then the files by presence, size and checksum, then what is in them.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from sync_pipelines.lib.archive.write import MANIFEST, PIECE, VERSION, Archive, ArchivedTable, checksum
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.landing import AbsentError, LandingStore, LinkError, sha256_of, told_when_full


class ArchiveError(PermanentError):
    """An archive cannot be read as one; the sentence names the file."""


def read_archive(store: LandingStore, folder: str) -> Archive:
    """The archive below a folder (`prefix/id`). Raises ArchiveError for a manifest that cannot be trusted."""
    name = f"{folder}/{MANIFEST}"
    try:
        with store.fetch(name) as path:
            text = path.read_text(encoding="utf-8")
    except AbsentError:
        raise ArchiveError(f"{name} is missing: without it there is no archive.") from None
    except LinkError:
        raise ArchiveError(f"{name} is a link, and no file of the archive's own.") from None
    except (OSError, UnicodeDecodeError):
        raise ArchiveError(f"{name} cannot be read.") from None
    try:
        written = json.loads(text)
        content, stated = written["manifest"], written["sha256"]
        found = checksum(content)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveError(f"{name} is no manifest: it is not the JSON that was written.") from None
    if not isinstance(content, dict) or found != stated:
        raise ArchiveError(f"{name} does not match its own checksum: it was altered.")
    if repr(content.get("version")) != repr(VERSION):  # true is 1 otherwise
        raise ArchiveError(f"{name} is of version {content.get('version')}; this program reads {VERSION}.")
    try:
        archive = Archive.from_content(content)
    except (KeyError, TypeError, ValueError):
        raise ArchiveError(f"{name} lacks a part of a manifest, or has one of another kind.") from None
    _stop_if_absurd(archive, folder)
    if text != archive.as_text():
        # Blanks, a name twice, a part that nobody reads: another text, though it says the same.
        raise ArchiveError(f"{name} is not the text that was written: it was altered.")
    return archive


def _stop_if_absurd(archive: Archive, folder: str) -> None:
    if archive.id != Path(folder).name:
        raise ArchiveError(f"{folder}/{MANIFEST} belongs to the archive {archive.id}.")
    files = [table.file for table in archive.tables]
    for named in (files, [table.name for table in archive.tables]):
        if twice := sorted({one for one in named if named.count(one) > 1}):
            raise ArchiveError(f"{folder}/{MANIFEST} names {', '.join(twice)} twice.")
    if unkeyed := [
        t.name for t in archive.tables if {*t.primary_key} - {column.name for column in t.columns}
    ]:
        raise ArchiveError(f"{folder}/{MANIFEST} gives {', '.join(unkeyed)} a key of columns that it lacks.")
    if outside := [file for file in files if Path(file).name != file or file in {"", ".", ".."}]:
        raise ArchiveError(f"{folder}/{MANIFEST} names files outside its folder: {', '.join(outside)}.")


def problems(
    store: LandingStore, folder: str, identity: str | None = None, *, inside: bool = True
) -> list[str]:
    """Everything that is wrong with an archive, a sentence each; empty for one that is intact.

    `identity` is the age secret key; an encrypted archive is not looked into without it, and that is no problem.
    Without `inside` files are compared by size and checksum alone, and nothing is decrypted or decompressed.
    """
    try:
        archive = read_archive(store, folder)
    except ArchiveError as error:
        return [str(error)]
    there = {file.name.removeprefix(f"{folder}/") for file in store.names(folder)}
    owners = {table.file_sha256: table.name for table in archive.tables}
    found = [
        f"{name} is in the folder and not in the manifest."
        for name in sorted(there - {MANIFEST, *(table.file for table in archive.tables)})
    ]
    for table in archive.tables:
        if table.file not in there:
            found.append(f"{table.file} is missing.")
            continue
        try:
            with store.fetch(f"{folder}/{table.file}") as path:
                if wrong := _file_problem(path, table, owners):
                    found.append(wrong)
                elif inside and (not archive.encrypted or identity is not None):
                    found += _content_problems(path, table, identity)
        except AbsentError:
            found.append(f"{table.file} is missing.")
        except LinkError:
            found.append(f"{table.file} is a link, and no file of the archive's own.")
        except OSError:
            found.append(f"{table.file} cannot be read.")
    return found


def _file_problem(path: Path, table: ArchivedTable, owners: Mapping[str, str]) -> str | None:
    digest, size = sha256_of(path)
    if digest == table.file_sha256 and size == table.file_bytes:
        return None
    if digest in owners:
        return f"{table.file} holds what belongs to {owners[digest]}: the files were swapped."
    if size < table.file_bytes:
        return f"{table.file} is cut: {size} of {table.file_bytes} bytes."
    if size > table.file_bytes:
        return f"{table.file} has grown: {size} instead of {table.file_bytes} bytes."
    return f"{table.file} was replaced or altered: its checksum is another."


def _content_problems(path: Path, table: ArchivedTable, identity: str | None) -> Iterator[str]:
    digest, rows, size, tabs = hashlib.sha256(), 0, 0, 0
    try:
        with raw_stream(path, identity) as stream:
            while piece := stream.read(PIECE):
                digest.update(piece)
                size += len(piece)
                # COPY escapes the line breaks inside values: each that is left ends a row.
                rows += piece.count(b"\n")
                tabs += piece.count(b"\t")
    except ArchiveError as error:
        yield str(error)
        return
    if rows != table.rows:
        yield f"{table.file} holds {rows} rows, and the manifest says {table.rows}."
    elif digest.hexdigest() != table.sha256 or size != table.raw_bytes:
        yield f"{table.file} holds other content than the manifest says."
    elif tabs != rows * (len(table.columns) - 1):
        yield f"{table.file} holds rows of another number of columns than the {len(table.columns)} of the manifest."


@contextmanager
def raw_stream(path: Path, identity: str | None = None) -> Iterator[IO[bytes]]:
    """The COPY stream in an archive's file, decrypted if it is an age file, decompressed as it is read."""
    import zstandard

    with _decrypted(path, identity) if path.suffix == ".age" else path.open("rb") as file:
        yield _Reader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True), path)  # type: ignore[misc]


class _Reader:
    """A stream whose errors name its file."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream, self._path = stream, path

    def read(self, size: int = -1) -> bytes:
        import zstandard

        with _named(self._path, zstandard.ZstdError):
            return bytes(self._stream.read(size))


@contextmanager
def _named(path: Path, *kinds: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kinds:
        raise ArchiveError(f"{path.name} cannot be decompressed: it is damaged.") from None


def _decrypted(path: Path, identity: str | None) -> IO[bytes]:
    """What is in an age file, in a file without a name: nobody finds it, and a killed process leaves none."""
    import pyrage

    if identity is None:
        raise ArchiveError(f"{path.name} is encrypted, and ARCHIVE_AGE_IDENTITY is not set.")
    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except Exception:  # the library's own error type carries the text that it was given
        raise ArchiveError(
            "ARCHIVE_AGE_IDENTITY is no age identity; it begins with AGE-SECRET-KEY-1."
        ) from None
    with ExitStack() as stack:
        plain = stack.enter_context(tempfile.TemporaryFile())
        try:
            with told_when_full(f"What is in {path.name}"), path.open("rb") as source:
                pyrage.decrypt_io(source, plain, [key])
        except (pyrage.DecryptError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk, and no fault of the archive; a damaged body is an OSError without a number
            raise ArchiveError(
                f"{path.name} cannot be decrypted with ARCHIVE_AGE_IDENTITY: it is damaged, or for another key."
            ) from None
        plain.seek(0)
        stack.pop_all()
        return plain
