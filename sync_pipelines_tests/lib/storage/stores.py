"""What tests of landing stores write and read.

| file | in the store | content |
|---|---|---|
| `land(store)` | `hitss/dre_export/<hash>.xlsx`, under the hash of its content | `workbook` |
| `put(store, name)` | under `name` | `archive` |
| `left_behind(folder)` | `archive/incoming/tmp1/file.zst`, of a killed process | `half` |
"""

from __future__ import annotations

from pathlib import Path

from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def land(store: LandingStore, data: bytes = b"workbook", folder: str = "hitss/dre_export") -> LandedFile:
    with store.incoming(folder, ".xlsx") as path:
        path.write_bytes(data)
        return store.keep(path, folder, ".xlsx")


def put(store: LandingStore, name: str, data: bytes = b"archive") -> LandedFile:
    with store.incoming("archive", ".zst") as path:
        path.write_bytes(data)
        return store.put(path, name)


def content(store: LandingStore, name: str) -> bytes:
    with store.fetch(name) as path:
        return path.read_bytes()


def left_behind(folder: FolderStore) -> Path:
    """What a process that was killed while it wrote leaves: nobody holds its lock."""
    private = folder.root / "archive" / "incoming" / "tmp1"
    private.mkdir(parents=True)
    (private / "file.zst").write_bytes(b"half")
    return private
