"""An archive in a bucket: what the bucket holds is verified and restored, not what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyrage
import pytest

from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.manifest import read_archive
from sync_pipelines.lib.archive.verify import find_problems
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server

FOLDER = "archives/one"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    with s3_server() as endpoint:
        access_key, secret_key = KEYS
        yield ObjectStore(
            FolderStore(tmp_path / "staging"),
            bucket=make_bucket(endpoint),
            prefix="",
            endpoint=endpoint,
            region=REGION,
            access_key=access_key,
            secret_key=secret_key,
        )


@pytest.fixture
def identity(store: ObjectStore, new_database: Callable[[str | None], str]) -> str:
    """The key of an archive of one table, which lies in the bucket."""
    key = pyrage.x25519.Identity.generate()
    with psycopg.connect(new_database(None), autocommit=True) as connection, connection.transaction():
        connection.execute(
            "create table people as select n as id, 'Pessoa ' || n as name from generate_series(1, 99) n"
        )
        writer = ArchiveWriter(
            reader=connection, store=store, prefix="archives", recipient=str(key.to_public())
        )
        writer.write("one", ["public.people"], made_at=datetime(2026, 11, 24, tzinfo=UTC), run_id="run-1")
    return str(key)


def test_an_encrypted_archive_is_verified_and_restored_from_the_bucket(
    store: ObjectStore, identity: str, new_database: Callable[[str | None], str]
) -> None:
    assert find_problems(store, FOLDER, identity) == []
    with psycopg.connect(new_database(None), autocommit=True) as scratch:
        archive = read_archive(store, FOLDER)
        restored = restore.restore(scratch, store, FOLDER, archive=archive, identity=identity)
        assert (restored.rows, restored.differences) == (99, ())
        assert scratch.execute("select count(*) from public.people").fetchone() == (99,)
    assert [path for path in store.staging.root.rglob("*") if path.is_file()] == []


def test_a_file_that_was_altered_in_the_bucket_is_named(store: ObjectStore, identity: str) -> None:
    name = f"{FOLDER}/public.people.copy.zst.age"
    with store.fetch(name) as path:
        cut = path.read_bytes()[:-9]
    store.remove(name)
    with store.incoming("x", ".age") as path:
        path.write_bytes(cut)
        store.put(path, name)
    [wrong] = find_problems(store, FOLDER, identity)
    assert wrong.startswith("public.people.copy.zst.age is cut")


def test_a_missing_manifest_is_named(store: ObjectStore, identity: str) -> None:
    store.remove(f"{FOLDER}/manifest.json")
    assert find_problems(store, FOLDER, identity) == [
        f"{FOLDER}/manifest.json is missing: without it there is no archive."
    ]
