"""A table as a COPY stream in a file: compressed with zstd, and encrypted with age where a recipient is set.

The text of the stream is readable by a person and by every version of Postgres. Encrypted files are age files
(age-encryption.org), which other programs open.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive.manifest import ArchiveError
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.lib.postgres.streams import copy_out
from sync_pipelines.lib.storage.local_files import disk_errors_about

CHUNK = 1 << 20
LEVEL = 3  # of zstd: three times as fast as 9, and within a tenth of its size on text
#: Settings that decide how values are written, the same for every archive.
SESSION: dict[LiteralString, str] = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "search_path": "",
    # Otherwise a scan starts where another one is, and the stream depends on who else reads.
    "synchronize_seqscans": "off",
    # Parallel workers would return the rows in the order in which they find them.
    "max_parallel_workers_per_gather": "0",
}


class RawStream(NamedTuple):
    """A raw COPY stream by its rows, its size and its SHA-256."""

    rows: int
    bytes: int
    sha256: str


def copy_statement(table: str, columns: Sequence[TableColumn]) -> sql.Composed:
    """The COPY of a table as text.

    It copies a SELECT, because a COPY of the table itself leaves out the rows of tables that inherit from it.
    """
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    return sql.SQL("copy (select {} from {}) to stdout").format(names, postgres.table(table))


def dump(connection: Connection, table: str, columns: Sequence[TableColumn], *, path: Path) -> RawStream:
    """COPY a table, compressed, to a file."""
    import zstandard

    digest, size = hashlib.sha256(), 0
    # A worker thread compresses while this thread reads the next rows.
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=1, write_checksum=True)
    with (
        path.open("wb") as file,
        compressor.stream_writer(file, closefd=False) as target,
        copy_out(connection, copy_statement(table, columns)) as stream,
    ):
        for chunk in stream:
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
    return RawStream(stream.rows, size, digest.hexdigest())


def encrypt(path: Path, recipient: str) -> None:
    """Replace a file by its age file. Raises PermanentError for a recipient that is no age public key."""
    import pyrage

    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except Exception:  # the library's own error type carries the text that it was given
        raise PermanentError("ARCHIVE_AGE_RECIPIENT is no age recipient; it begins with age1.") from None
    secret = path.with_name(f"{path.name}.age")
    secret.touch(mode=0o600)
    try:
        with path.open("rb") as plain, secret.open("wb") as target:
            pyrage.encrypt_io(plain, target, [key])
        secret.replace(path)
    finally:
        secret.unlink(missing_ok=True)


@contextmanager
def raw_stream(path: Path, identity: str | None = None) -> Iterator[IO[bytes]]:
    """The COPY stream in an archive's file: decrypted if it is an age file, and decompressed as it is read."""
    import zstandard

    with _decrypted(path, identity) if path.suffix == ".age" else path.open("rb") as file:
        yield _Reader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True), path)  # type: ignore[misc]


class _Reader:
    """A decompressed stream whose errors name its file."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream, self._path = stream, path

    def read(self, size: int = -1) -> bytes:
        import zstandard

        try:
            return bytes(self._stream.read(size))
        except zstandard.ZstdError:
            raise ArchiveError(f"{self._path.name} cannot be decompressed: it is damaged.") from None


def _decrypted(path: Path, identity: str | None) -> IO[bytes]:
    """The content of an age file, in a file without a name: nobody can find it, and a killed process leaves none."""
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
            with disk_errors_about(f"What is in {path.name}"), path.open("rb") as source:
                pyrage.decrypt_io(source, plain, [key])
        except (pyrage.DecryptError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk failed, not the archive; a damaged body is an OSError without a number
            raise ArchiveError(
                f"{path.name} cannot be decrypted with ARCHIVE_AGE_IDENTITY: it is damaged, or for another key."
            ) from None
        plain.seek(0)
        stack.pop_all()
        return plain
