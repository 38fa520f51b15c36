"""What only a folder can do wrong: modes, links, and what killed processes left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_store import ABANDONED_AFTER, STALE_AFTER, FolderStore
from sync_pipelines.lib.storage.landing import LinkError
from sync_pipelines_tests.lib.storage.stores import content, land, left_behind, mode, put


def test_files_and_folders_are_private(folder: FolderStore) -> None:
    path = folder.locate(land(folder).path)
    assert mode(path) == 0o600
    while path != folder.root:
        path = path.parent
        assert mode(path) == 0o700


def test_a_link_that_leaves_the_store_is_refused(folder: FolderStore, tmp_path: Path) -> None:
    land(folder)
    (folder.root / "link").symlink_to(tmp_path)
    with pytest.raises(PermanentError, match="outside the landing store"):
        folder.locate("link/secret")


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_link_is_not_read_and_goes_without_what_it_leads_to(
    folder: FolderStore, tmp_path: Path, place: str
) -> None:
    put(folder, "archive/a/1", b"mine")
    target = folder.locate("archive/a/1") if place == "inside" else tmp_path / "theirs"
    target.write_bytes(b"kept")
    link = folder.locate("archive/a/2")
    link.symlink_to(target)

    assert [file.name for file in folder.names("archive/a")] == ["archive/a/1", "archive/a/2"]
    with pytest.raises(LinkError, match="is a link"):
        content(folder, "archive/a/2")
    folder.remove("archive/a/2")
    assert target.read_bytes() == b"kept"
    assert not link.is_symlink()


def test_a_link_to_a_folder_is_listed_and_not_followed(folder: FolderStore, tmp_path: Path) -> None:
    put(folder, "archive/a/1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_bytes(b"x" * 100_000)
    (folder.root / "archive" / "b").symlink_to(other)
    assert [file.name for file in folder.names("archive")] == ["archive/a/1", "archive/b"]
    assert folder.size() < 1000
    folder.remove("archive/b")
    assert (other / "secret").exists()


def later(folder: FolderStore, seconds: float) -> FolderStore:
    made = (folder.root / "archive" / "incoming").stat().st_mtime
    return replace(folder, clock=lambda: made + seconds)


def test_what_a_living_process_writes_stays_however_long_it_takes(folder: FolderStore) -> None:
    with folder.incoming("archive", ".zst") as mine:
        with later(folder, STALE_AFTER + 1).incoming("archive", ".zst"):
            assert mine.exists()
        assert later(folder, STALE_AFTER + 1).remove_abandoned() == 0
        assert mine.exists()


def test_what_a_killed_process_left_goes_with_the_next_download(folder: FolderStore) -> None:
    left = left_behind(folder)
    with later(folder, ABANDONED_AFTER / 2).incoming("archive", ".zst"):
        assert left.exists()
    with later(folder, ABANDONED_AFTER + 1).incoming("archive", ".zst"):
        assert not left.exists()


def test_an_empty_folder_goes_with_its_last_file(folder: FolderStore) -> None:
    put(folder, "archive/2026/1")
    put(folder, "archive/2026/2")
    folder.remove("archive/2026/1")
    assert (folder.root / "archive/2026").is_dir()
    folder.remove("archive/2026/2")
    assert not (folder.root / "archive/2026").exists()
