"""One contract for both landing stores."""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import AbsentError, LandedFile, LandingStore, StoredFile
from sync_pipelines.lib.storage.local_files import disk_errors_about
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines_tests.lib.storage.stores import content, files, land, left_behind, mode, put


def test_a_file_is_kept_under_its_content(store: LandingStore) -> None:
    file = land(store)
    digest = hashlib.sha256(b"workbook").hexdigest()
    assert file == LandedFile(f"hitss/dre_export/{digest[:2]}/{digest}.xlsx", digest, 8)
    assert content(store, file.path) == b"workbook"


def test_the_same_content_is_one_file(store: LandingStore) -> None:
    assert land(store) == land(store)
    assert len(store.names("hitss")) == 1


def test_a_file_is_put_under_a_name_which_keeps_its_content(store: LandingStore) -> None:
    name = "archive/2026-11-24/articles.copy.zst"
    file = put(store, name)
    assert (file.path, file.bytes) == (name, 7)
    assert put(store, name) == file
    with pytest.raises(PermanentError, match=r"articles\.copy\.zst holds other content.*not overwritten"):
        put(store, name, b"another")
    assert content(store, name) == b"archive"


def test_a_file_is_read_under_its_own_name(store: LandingStore) -> None:
    put(store, "archive/1/articles.copy.zst.age")
    with store.fetch("archive/1/articles.copy.zst.age") as path:
        assert path.name == "articles.copy.zst.age"
        assert mode(path) == 0o600


def test_names_and_size_know_every_file_that_is_whole(store: LandingStore) -> None:
    assert (store.names(""), store.size()) == ([], 0)
    for name in ("archive/b/2", "archive/b/1", "archive/a/1", "archive-old/1"):
        put(store, name, name.encode())
    below = [StoredFile("archive/a/1", 11), StoredFile("archive/b/1", 11), StoredFile("archive/b/2", 11)]
    with store.incoming("archive", ".zst") as path:
        path.write_bytes(b"half")
        assert store.names("archive") == below
    assert store.names("archive/b") == below[1:]
    assert store.names("") == [StoredFile("archive-old/1", 13), *below]
    assert store.names("archive/c") == []
    assert store.size() == 46


def test_a_removed_file_is_gone_and_may_be_removed_again(store: LandingStore) -> None:
    put(store, "archive/a/1")
    put(store, "archive/a/2")
    for _ in range(2):
        store.remove("archive/a/1")
    assert [file.name for file in store.names("archive")] == ["archive/a/2"]
    with pytest.raises(AbsentError, match="archive/a/1 is not there"):
        content(store, "archive/a/1")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "hitss/../../x"])
def test_a_name_that_leaves_the_store_is_refused(store: LandingStore, name: str) -> None:
    asked: list[Callable[[], Any]] = [
        lambda: content(store, name),
        lambda: put(store, name),
        lambda: land(store, folder=name),
        lambda: store.names(name),
        lambda: store.remove(name),
        lambda: store.describe(name),
    ]
    for ask in asked:
        with pytest.raises(PermanentError, match="outside the landing store"):
            ask()


def test_what_is_not_kept_is_gone_with_all_beside_it(store: LandingStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), store.incoming("hitss/dre_export", ".xlsx") as path:
        assert (mode(path), path.suffix) == (0o600, ".xlsx")
        path.write_bytes(b"half")
        path.with_name("beside").write_bytes(b"part")
        raise ValueError("stop")
    assert files(tmp_path) == []
    assert store.names("") == []


def test_two_arrivals_do_not_meet(store: LandingStore) -> None:
    with store.incoming("a", ".xlsx") as one, store.incoming("a", ".xlsx") as other:
        assert one != other


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As a full disk, but without one: the kernel refuses to let a file of this process grow further."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_leaves_nothing(store: LandingStore, tmp_path: Path) -> None:
    with (
        pytest.raises(
            PermanentError, match=r"^The archive could not be written: .*\. Nothing of it was kept"
        ),
        disk_errors_about("The archive"),
        largest_file(1000),
    ):
        put(store, "archive/1", bytes(5000))
    assert store.names("") == []
    assert files(tmp_path) == []


def test_what_killed_processes_left_anywhere_is_removed_at_once(store: LandingStore) -> None:
    staging = store.staging if isinstance(store, ObjectStore) else store
    assert isinstance(staging, FolderStore)
    assert store.remove_abandoned() == 0
    left = left_behind(staging)
    old = left.stat().st_mtime - 60
    os.utime(left, (old, old))
    assert store.remove_abandoned() == 1
    assert not left.exists()


def test_a_file_knows_when_it_was_written(store: LandingStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # a bucket counts in whole seconds
    name = land(store).path
    assert before <= store.modified(name) <= datetime.now(UTC) + timedelta(seconds=1)
    with pytest.raises(AbsentError):
        store.modified("hitss/nothing")
