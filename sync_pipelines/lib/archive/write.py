"""Archives of tables off their database: one compressed COPY stream a table, and a manifest that is written last.

An archive without a manifest does not exist. The manifest holds, of every table, its structure, its row count and
the SHA-256 of the raw stream; of every file its size and SHA-256; and of itself its own. No row content is in it.
Encrypted archives are age files (age-encryption.org), which other programs open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import TableColumn, columns_of
from sync_pipelines.lib.postgres.streams import copy_out
from sync_pipelines.lib.storage.landing import LandingStore, told_when_full

VERSION = 1
MANIFEST = "manifest.json"
LEVEL = 3  # of zstd: three times as quick as 9, and within a tenth of its size on text
PIECE = 1 << 20
#: What decides how values are written, set alike for every archive.
SESSION: dict[LiteralString, str] = {
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "search_path": "",
    # A scan begins where another is at otherwise, and the stream would depend on who else reads.
    "synchronize_seqscans": "off",
    # Workers would give the rows of a SELECT in the order in which they find them.
    "max_parallel_workers_per_gather": "0",
}


@dataclass(frozen=True)
class ArchivedTable:
    """A table in an archive; `sha256` is of the raw COPY stream, `file_sha256` of the file as it lies there."""

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
    def bytes(self) -> int:
        return sum(table.file_bytes for table in self.tables)

    @property
    def sha256(self) -> str:
        """The manifest's checksum. Who alters a manifest can write another into it, but not into other books."""
        return checksum(self._content)

    def as_text(self) -> str:
        """The manifest, with its own checksum."""
        written = {"manifest": self._content, "sha256": self.sha256}
        return json.dumps(written, indent=1, ensure_ascii=False)

    @property
    def _content(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Archive:
        """Raises KeyError, TypeError or ValueError for what is no manifest of ours."""
        kinds = {"id": str, "made_at": str, "run_id": str, "server": str, "encrypted": bool}
        known = {name: _typed(content[name], kind) for name, kind in kinds.items()}
        if datetime.fromisoformat(known["made_at"]).tzinfo is None:
            raise ValueError(known["made_at"])
        return cls(**known, tables=tuple(_table(table) for table in _typed(content["tables"], list)))


def checksum(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest's content in one canonical text."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
    """The value, TypeError where it is of another type: a manifest is what somebody else may have written."""
    if type(value) is not kind:
        raise TypeError(type(value).__name__)
    return value


@dataclass(frozen=True)
class ArchiveWriter:
    """Writes archives below `prefix` of a store; `recipient` is an age public key, None for plain ones.

    `reader` is in a transaction at REPEATABLE READ.
    """

    reader: Connection
    store: LandingStore
    prefix: str
    recipient: str | None = None

    def write(
        self,
        archive_id: str,
        tables: Sequence[str],
        *,
        made_at: datetime,
        run_id: str,
        announce: Callable[[Archive], None] = lambda archive: None,
    ) -> Archive:
        """Write every table, then the manifest. Raises SyncError; what was written before it goes again.

        `announce` is told of the archive just before its manifest makes it one.
        """
        for name, value in SESSION.items():
            self.reader.execute("select set_config(%s, %s, true)", (name, value))
        written: list[str] = []
        try:
            done = tuple(self._write(archive_id, table, written) for table in tables)
            server = str(self.reader.info.parameter_status("server_version"))
            archive = Archive(
                id=archive_id,
                made_at=made_at.isoformat(),
                run_id=run_id,
                server=server,
                encrypted=self.recipient is not None,
                tables=done,
            )
            announce(archive)
            self._put_text(f"{self.prefix}/{archive_id}/{MANIFEST}", archive.as_text())
        except BaseException:
            for name in written:
                # What cannot be removed has no manifest: it is removed as an orphan later.
                with suppress(SyncError, OSError):
                    self.store.remove(name)
            raise
        return archive

    def _write(self, archive_id: str, table: str, written: list[str]) -> ArchivedTable:
        columns = columns_of(self.reader, table)
        keys = _keys(self.reader, table)
        suffix = ".copy.zst.age" if self.recipient else ".copy.zst"
        name = f"{self.prefix}/{archive_id}/{table}{suffix}"
        with (
            told_when_full(f"The archive of {table}"),
            self.store.incoming(self.prefix, ".zst") as path,
        ):
            rows, size, sha256 = _dump(self.reader, table, columns, path=path)
            if self.recipient is not None:
                _encrypt(path, self.recipient)
            file = self.store.put(path, name)
            written.append(name)
        return ArchivedTable(
            *(table, columns, *keys, rows, size, sha256),
            *(f"{table}{suffix}", file.bytes, file.sha256),
        )

    def _put_text(self, name: str, text: str) -> None:
        with told_when_full("The manifest"), self.store.incoming(self.prefix, ".json") as path:
            path.write_text(text, encoding="utf-8")
            self.store.put(path, name)


def _dump(
    connection: Connection, table: str, columns: Sequence[TableColumn], path: Path
) -> tuple[int, int, str]:
    """COPY a table, compressed, to a file; its rows, and the size and SHA-256 of the raw stream."""
    import zstandard

    digest, size = hashlib.sha256(), 0
    # A worker compresses while this thread reads the next rows.
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=1, write_checksum=True)
    with (
        path.open("wb") as file,
        compressor.stream_writer(file, closefd=False) as target,
        copy_out(connection, copy_statement(table, columns)) as stream,
    ):
        for piece in stream:
            digest.update(piece)
            target.write(piece)
            size += len(piece)
    return stream.rows, size, digest.hexdigest()


def copy_statement(table: str, columns: Sequence[TableColumn]) -> sql.Composed:
    """The COPY by which a table leaves, in text that a person and every version of Postgres can read.

    It is of a SELECT, because a COPY of the table itself leaves out the rows of tables that inherit from it.
    """
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    return sql.SQL("copy (select {} from {}) to stdout").format(names, postgres.table(table))


def _keys(connection: Connection, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of the primary key, and the definitions of the foreign keys."""
    rows = connection.execute(
        "select contype::text, pg_get_constraintdef(oid),"
        " array(select attname::text from unnest(conkey) with ordinality as keys (number, place)"
        "   join pg_attribute on attrelid = conrelid and attnum = number order by place)"
        " from pg_constraint where conrelid = to_regclass(%s) and contype in ('p', 'f') order by conname",
        (table,),
    ).fetchall()
    primary = next((tuple(names) for kind, _, names in rows if kind == "p"), ())
    return primary, tuple(definition for kind, definition, _ in rows if kind == "f")


def _encrypt(path: Path, recipient: str) -> None:
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
