"""The sample archive that tests of archives read, damage and restore.

| table | rows | columns |
|---|---|---|
| `public.people` | 200 | a uuid key, and a column of each kind: text, date, numeric, enum, jsonb, … |
| `public.letters` | 400 | a serial key, `person` and `answers` (foreign keys), `body` |

It lies in a `FolderStore` under `archives/one`; `scratch` is an empty database to restore into.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import zstandard

from sync_pipelines.lib.archive.manifest import Archive, checksum
from sync_pipelines.lib.archive.verify import find_problems
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.storage.folder_store import FolderStore

MADE = datetime(2026, 11, 24, 6, tzinfo=UTC)
TABLES = ("public.people", "public.letters")
SCHEMA = """
create type mood as enum ('calm', 'wild');
create table people (
    id uuid primary key default gen_random_uuid(), name text not null, born date, height numeric(6, 3), feeling mood,
    data jsonb, seen timestamptz, raw bytea, tags text[], wait interval, ratio double precision
);
create table letters (
    id bigserial primary key, person uuid not null references people (id), answers bigint references letters (id),
    body text
);
insert into people (name, born, height, feeling, data, seen, raw, tags, wait, ratio)
select 'Pessoa ' || n || E'\\t\\n\\\\ "ção"', date '2000-01-01' + n, n / 7.0,
    (array['calm', 'wild', null])[1 + n % 3]::mood,
    jsonb_build_object('n', n), timestamptz '2025-01-01 00:00:00.123456-03' + n * interval '1 hour',
    decode(lpad(to_hex(n), 8, '0'), 'hex'), array['a', null, 'b"c'], n * interval '1 day', n / 3.0
from generate_series(1, 200) as n;
insert into letters (person, body) select id, repeat('linha' || chr(10), 5) from people;
insert into letters (person, body, answers) select person, '', id from letters;
"""


PEOPLE, LETTERS = "public.people.copy.zst", "public.letters.copy.zst"


def as_written(manifest: object) -> str:
    """A manifest as the text that the writer gives it: who knows the checksum formula knows that too."""
    return json.dumps(manifest, indent=1, ensure_ascii=False)


@dataclass
class Sample:
    """A database, the store, the archive in it, and an empty database."""

    connection: psycopg.Connection[Any]
    store: FolderStore
    archive: Archive
    scratch: psycopg.Connection[Any]
    identity: str | None = None

    @property
    def folder(self) -> str:
        return f"archives/{self.archive.id}"

    def path(self, name: str) -> Path:
        return self.store.locate(f"{self.folder}/{name}")

    def file(self, number: int = 0) -> Path:
        return self.path(self.archive.tables[number].file)

    def problems(self) -> list[str]:
        return find_problems(self.store, self.folder, self.identity)

    def rewrite(self, change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> None:
        """Change the manifest; with `sign` write its checksum as somebody would who knows the formula."""
        path = self.path("manifest.json")
        written = json.loads(path.read_text())
        change(written["manifest"])
        if sign:
            written["sha256"] = checksum(written["manifest"])
        path.write_text(as_written(written))


def write(
    connection: psycopg.Connection[Any], store: FolderStore, archive_id: str, recipient: str | None = None
) -> Archive:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        writer = ArchiveWriter(reader=connection, store=store, prefix="archives", recipient=recipient)
        return writer.write(archive_id, TABLES, made_at=MADE, run_id="run-1")


def repack(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put other content into a file, well compressed."""
    raw = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    path.write_bytes(zstandard.ZstdCompressor().compress(change(raw)))


def forge(sample: Sample, change: Callable[[bytes], bytes]) -> None:
    """Put other content into a file, and adapt the manifest to the file but not to its content."""
    repack(sample.file(), change)
    content = sample.file().read_bytes()

    def adapt(manifest: dict[str, Any]) -> None:
        table = manifest["tables"][0]
        table["file_sha256"], table["file_bytes"] = hashlib.sha256(content).hexdigest(), len(content)

    sample.rewrite(adapt)
