import hashlib
from pathlib import Path

import pytest

from sync_pipelines.lib.landing import FolderStore, LandedFile, LandingStore


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def land(store: LandingStore, data: bytes = b"workbook", folder: str = "hitss/dre_export") -> LandedFile:
    with store.incoming(folder, ".xlsx") as path:
        path.write_bytes(data)
        return store.keep(path, folder, ".xlsx")


@pytest.fixture
def store(tmp_path: Path) -> LandingStore:
    return FolderStore(tmp_path / "deep" / "landing")


def test_a_file_is_kept_under_its_content(store: LandingStore) -> None:
    file = land(store)
    digest = hashlib.sha256(b"workbook").hexdigest()
    assert file == LandedFile(f"hitss/dre_export/{digest[:2]}/{digest}.xlsx", digest, 8)
    assert store.locate(file.path).read_bytes() == b"workbook"


def test_the_same_content_is_one_file(store: LandingStore) -> None:
    assert land(store) == land(store)
    assert len([path for path in store.root.rglob("*") if path.is_file()]) == 1


def test_files_and_folders_are_private(store: LandingStore) -> None:
    path = store.locate(land(store).path)
    assert mode(path) == 0o600
    while path != store.root.parent:
        path = path.parent
        if path != store.root.parent:
            assert mode(path) == 0o700


def test_what_is_not_kept_is_gone(store: LandingStore) -> None:
    with pytest.raises(ValueError, match="stop"), store.incoming("hitss/dre_export", ".xlsx") as path:
        assert mode(path) == 0o600
        path.write_bytes(b"half")
        raise ValueError("stop")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_two_arrivals_do_not_meet(store: LandingStore) -> None:
    with store.incoming("a", ".xlsx") as one, store.incoming("a", ".xlsx") as other:
        assert one != other


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "hitss/../../x"])
def test_a_path_that_leaves_the_store_is_refused(store: LandingStore, path: str) -> None:
    with pytest.raises(ValueError, match="outside the landing store"):
        store.locate(path)


def test_a_link_that_leaves_the_store_is_refused(store: LandingStore, tmp_path: Path) -> None:
    land(store)
    (store.root / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="outside the landing store"):
        store.locate("link/secret")
