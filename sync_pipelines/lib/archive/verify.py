"""Compares an archive with its manifest and names every difference.

In the order of pg_verifybackup: the manifest, then the files by presence, size and checksum, then their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sync_pipelines.lib.archive.manifest import MANIFEST, ArchivedTable, ArchiveError, read_archive
from sync_pipelines.lib.archive.table_stream import CHUNK, raw_stream
from sync_pipelines.lib.storage.landing import AbsentError, LandingStore, LinkError
from sync_pipelines.lib.storage.local_files import sha256_of


def find_problems(
    store: LandingStore, folder: str, identity: str | None = None, *, with_content: bool = True
) -> list[str]:
    """Everything that is wrong with an archive, a sentence each; empty for an intact one.

    `identity` is the age secret key. Without it the content of an encrypted archive is not read, which is no problem.
    `with_content=False` compares files by size and checksum only, and decrypts and decompresses nothing.
    """
    try:
        archive = read_archive(store, folder)
    except ArchiveError as error:
        return [str(error)]
    stored = {file.name.removeprefix(f"{folder}/") for file in store.names(folder)}
    found = [
        f"{name} is in the folder and not in the manifest."
        for name in sorted(stored - {MANIFEST, *(table.file for table in archive.tables)})
    ]
    reads_content = with_content and (not archive.encrypted or identity is not None)
    tables = {table.file_sha256: table.name for table in archive.tables}
    for table in archive.tables:
        if table.file not in stored:
            found.append(f"{table.file} is missing.")
            continue
        try:
            with store.fetch(f"{folder}/{table.file}") as path:
                if wrong := _file_problem(path, table, tables):
                    found.append(wrong)
                elif reads_content:
                    found += _content_problems(path, table, identity)
        except AbsentError:
            found.append(f"{table.file} is missing.")
        except LinkError:
            found.append(f"{table.file} is a link, and no file of the archive's own.")
        except OSError:
            found.append(f"{table.file} cannot be read.")
    return found


def _file_problem(path: Path, table: ArchivedTable, tables: Mapping[str, str]) -> str | None:
    """What is wrong with a file as such; `tables` are the archive's, by the checksum of their file."""
    digest, size = sha256_of(path)
    if digest == table.file_sha256 and size == table.file_bytes:
        return None
    if digest in tables:
        return f"{table.file} holds what belongs to {tables[digest]}: the files were swapped."
    if size < table.file_bytes:
        return f"{table.file} is cut: {size} of {table.file_bytes} bytes."
    if size > table.file_bytes:
        return f"{table.file} has grown: {size} instead of {table.file_bytes} bytes."
    return f"{table.file} was replaced or altered: its checksum is another."


def _content_problems(path: Path, table: ArchivedTable, identity: str | None) -> Iterator[str]:
    digest, rows, size, tabs = hashlib.sha256(), 0, 0, 0
    try:
        with raw_stream(path, identity) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                # COPY escapes line breaks inside values, so every line break left ends a row.
                rows += chunk.count(b"\n")
                tabs += chunk.count(b"\t")
    except ArchiveError as error:
        yield str(error)
        return
    if rows != table.rows:
        yield f"{table.file} holds {rows} rows, and the manifest says {table.rows}."
    elif digest.hexdigest() != table.sha256 or size != table.raw_bytes:
        yield f"{table.file} holds other content than the manifest says."
    elif tabs != rows * (len(table.columns) - 1):
        yield f"{table.file} holds rows of another number of columns than the {len(table.columns)} of the manifest."
