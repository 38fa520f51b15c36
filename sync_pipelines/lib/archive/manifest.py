"""The manifest of an archive: what it says of every table and file, and how it is read back.

Of every table it holds the structure, the row count and the SHA-256 of the raw COPY stream; of every file its size
and SHA-256; of itself its own SHA-256. It holds no row content. Reading is strict, because somebody else may have
written the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.lib.storage.landing import AbsentError, LandingStore, LinkError

VERSION = 1
MANIFEST = "manifest.json"


class ArchiveError(PermanentError):
    """An archive cannot be read as one; the sentence names the file."""


@dataclass(frozen=True)
class ArchivedTable:
    """A table in an archive; `sha256` is that of the raw COPY stream, `file_sha256` that of the stored file."""

    name: str
    columns: tuple[TableColumn, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[str, ...]
    rows: int
    raw_bytes: int
    sha256: str
    file: str
    file_bytes: int
    file_sha256: str


@dataclass(frozen=True)
class Archive:
    """An archive as its manifest describes it."""

    id: str
    made_at: str
    run_id: str
    server: str
    encrypted: bool
    tables: tuple[ArchivedTable, ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def raw_bytes(self) -> int:
        return sum(table.raw_bytes for table in self.tables)

    @property
    def bytes(self) -> int:
        return sum(table.file_bytes for table in self.tables)

    @property
    def sha256(self) -> str:
        """The manifest's checksum: who alters a manifest can rewrite it there, but not where a database recorded it."""
        return checksum(self._content)

    def as_text(self) -> str:
        """The manifest with its own checksum."""
        written = {"manifest": self._content, "sha256": self.sha256}
        return json.dumps(written, indent=1, ensure_ascii=False)

    @property
    def _content(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Archive:
        """Raises KeyError, TypeError or ValueError for content that is no manifest of ours."""
        kinds = {"id": str, "made_at": str, "run_id": str, "server": str, "encrypted": bool}
        known = {name: _typed(content[name], kind) for name, kind in kinds.items()}
        if datetime.fromisoformat(known["made_at"]).tzinfo is None:
            raise ValueError(known["made_at"])
        return cls(**known, tables=tuple(_table(table) for table in _typed(content["tables"], list)))


def checksum(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest's content in one canonical text."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_archive(store: LandingStore, folder: str) -> Archive:
    """The archive in a folder (`prefix/id`). Raises ArchiveError for a manifest that cannot be trusted."""
    name = f"{folder}/{MANIFEST}"
    text = _read_text(store, name)
    try:
        written = json.loads(text)
        content, stated = written["manifest"], written["sha256"]
        found = checksum(content)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveError(f"{name} is no manifest: it is not the JSON that was written.") from None
    if not isinstance(content, dict) or found != stated:
        raise ArchiveError(f"{name} does not match its own checksum: it was altered.")
    if repr(content.get("version")) != repr(VERSION):  # repr, because True == 1
        raise ArchiveError(f"{name} is of version {content.get('version')}; this program reads {VERSION}.")
    try:
        archive = Archive.from_content(content)
    except (KeyError, TypeError, ValueError):
        raise ArchiveError(f"{name} lacks a part of a manifest, or has one of another kind.") from None
    _require_consistent(archive, folder)
    if text != archive.as_text():
        # The same content in another text: added blanks, a doubled name, a part that nobody reads.
        raise ArchiveError(f"{name} is not the text that was written: it was altered.")
    return archive


def _read_text(store: LandingStore, name: str) -> str:
    try:
        with store.fetch(name) as path:
            return path.read_text(encoding="utf-8")
    except AbsentError:
        raise ArchiveError(f"{name} is missing: without it there is no archive.") from None
    except LinkError:
        raise ArchiveError(f"{name} is a link, and no file of the archive's own.") from None
    except (OSError, UnicodeDecodeError):
        raise ArchiveError(f"{name} cannot be read.") from None


def _require_consistent(archive: Archive, folder: str) -> None:
    """Raise ArchiveError for a manifest that contradicts itself or names files outside its folder."""
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


def _table(table: Mapping[str, Any]) -> ArchivedTable:
    numbers, texts = ("rows", "raw_bytes", "file_bytes"), ("name", "sha256", "file", "file_sha256")
    known: dict[str, Any] = {name: _typed(table[name], int) for name in numbers}
    known |= {name: _typed(table[name], str) for name in texts}
    known |= {
        name: tuple(_typed(one, str) for one in _typed(table[name], list))
        for name in ("primary_key", "foreign_keys")
    }
    columns = tuple(_column(column) for column in _typed(table["columns"], list))
    if not columns:
        raise ValueError("no columns")
    return ArchivedTable(**known, columns=columns)


def _column(column: object) -> TableColumn:
    name, kind, not_null = _typed(column, list)
    return TableColumn(_typed(name, str), _typed(kind, str), _typed(not_null, bool))


def _typed(value: object, kind: type) -> Any:
    """The value; TypeError if it is of another type."""
    if type(value) is not kind:
        raise TypeError(type(value).__name__)
    return value
