"""Writes archives of tables off their database: one compressed COPY stream a table, then the manifest.

An archive without a manifest does not exist, so a write that dies in the middle leaves no archive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sync_pipelines.lib.archive.manifest import MANIFEST, Archive, ArchivedTable
from sync_pipelines.lib.archive.table_stream import SESSION, dump, encrypt
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.local_files import disk_errors_about


@dataclass(frozen=True)
class ArchiveWriter:
    """Writes archives below `prefix` of a store; `recipient` is an age public key, None for plain archives.

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
        before_manifest: Callable[[Archive], None] = lambda archive: None,
    ) -> Archive:
        """Write every table, then the manifest. Raises SyncError; files written before an error are removed.

        `before_manifest` receives the archive just before its manifest makes it one.
        """
        for name, value in SESSION.items():
            self.reader.execute("select set_config(%s, %s, true)", (name, value))
        written: list[str] = []
        try:
            archive = Archive(
                id=archive_id,
                made_at=made_at.isoformat(),
                run_id=run_id,
                server=str(self.reader.info.parameter_status("server_version")),
                encrypted=self.recipient is not None,
                tables=tuple(self._write(archive_id, table, written) for table in tables),
            )
            before_manifest(archive)
            self._put_text(f"{self.prefix}/{archive_id}/{MANIFEST}", archive.as_text())
        except BaseException:
            for name in written:
                # A file that cannot be removed now has no manifest: recovery removes it later.
                with suppress(SyncError, OSError):
                    self.store.remove(name)
            raise
        return archive

    def _write(self, archive_id: str, table: str, written: list[str]) -> ArchivedTable:
        columns = columns_of(self.reader, table)
        primary_key, foreign_keys = _keys(self.reader, table)
        suffix = ".copy.zst.age" if self.recipient else ".copy.zst"
        name = f"{self.prefix}/{archive_id}/{table}{suffix}"
        with (
            disk_errors_about(f"The archive of {table}"),
            self.store.incoming(self.prefix, ".zst") as path,
        ):
            raw = dump(self.reader, table, columns, path=path)
            if self.recipient is not None:
                encrypt(path, self.recipient)
            file = self.store.put(path, name)
            written.append(name)
        return ArchivedTable(
            name=table,
            columns=columns,
            primary_key=primary_key,
            foreign_keys=foreign_keys,
            rows=raw.rows,
            raw_bytes=raw.bytes,
            sha256=raw.sha256,
            file=f"{table}{suffix}",
            file_bytes=file.bytes,
            file_sha256=file.sha256,
        )

    def _put_text(self, name: str, text: str) -> None:
        with disk_errors_about("The manifest"), self.store.incoming(self.prefix, ".json") as path:
            path.write_text(text, encoding="utf-8")
            self.store.put(path, name)


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
