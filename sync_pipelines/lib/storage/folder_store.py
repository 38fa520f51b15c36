"""The landing store in a folder: files 0600 in folders 0700, because they hold personal data."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_locks import is_locked, locked
from sync_pipelines.lib.storage.landing import (
    AbsentError,
    LandedFile,
    LinkError,
    StoredFile,
    content_name,
    name_is_taken,
)
from sync_pipelines.lib.storage.local_files import sha256_of

INCOMING = "incoming"
#: Seconds after which an incoming folder without a lock belongs to a killed process.
ABANDONED_AFTER = 1.0
#: The same where the file system has no locks: no run takes a day.
STALE_AFTER = 86_400.0


@dataclass(frozen=True)
class FolderStore:
    """A folder of landed files; `clock` returns seconds since the epoch, as the files' times do."""

    root: Path
    clock: Callable[[], float] = time.time

    def locate(self, name: str) -> Path:
        """The path of a name. Raises PermanentError for a name that leaves the store."""
        target = (self.root / name).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise PermanentError(f"{name} lies outside the landing store.")
        return target

    def describe(self, name: str) -> str:
        return str(self.locate(name))

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        with self.private_folder(folder) as private:
            path = private / f"file{suffix}"
            path.touch(mode=0o600)
            yield path

    @contextmanager
    def private_folder(self, folder: str) -> Iterator[Path]:
        """A folder below `folder` for this block alone, removed after it with everything in it."""
        target = self._make_folder(f"{folder}/{INCOMING}")
        self._remove_abandoned_in(target)
        with tempfile.TemporaryDirectory(dir=target) as private, locked(Path(private)):
            yield Path(private)

    @contextmanager
    def fetch(self, name: str) -> Iterator[Path]:
        if (self.root / name).is_symlink():
            raise LinkError(f"{self.root / name} is a link: the store keeps files of its own only.")
        path = self.locate(name)
        if not path.is_file():
            raise AbsentError(f"{path} is not there.")
        yield path

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        digest, size = sha256_of(path)
        return self._move(path, LandedFile(content_name(folder, digest, suffix), digest, size))

    def put(self, path: Path, name: str) -> LandedFile:
        digest, size = sha256_of(path)
        target = self.locate(name)
        if target.exists() and sha256_of(target) != (digest, size):
            raise name_is_taken(str(target))
        return self._move(path, LandedFile(name, digest, size))

    def names(self, prefix: str) -> list[StoredFile]:
        found = self._files(self.locate(prefix))
        return sorted(file for file in found if INCOMING not in PurePosixPath(file.name).parts)

    def modified(self, name: str) -> datetime:
        path = self.locate(name)
        if not path.is_file():
            raise AbsentError(f"{path} is not there.")
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def remove(self, name: str) -> None:
        path = self.root / name
        # Remove a link itself, never its target: that is another file, or another program's.
        path = self.locate(str(path.parent)) / path.name if path.is_symlink() else self.locate(name)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the folder holds other files, or is gone already
            path.parent.rmdir()

    def size(self) -> int:
        return sum(file.bytes for file in self._files(self.root.resolve()))

    def remove_abandoned(self) -> int:
        found = [Path(parent) for parent, _, _ in os.walk(self.root) if Path(parent).name == INCOMING]
        return sum(self._remove_abandoned_in(folder) for folder in found)

    def _files(self, folder: Path) -> Iterator[StoredFile]:
        """Every file below a folder, unfinished ones too, without files that disappear meanwhile."""
        root = self.root.resolve()
        for parent, folders, names in os.walk(folder, onerror=_raise_unless_gone):
            # A link to a folder is listed as a file and not followed.
            for name in [*names, *(one for one in folders if Path(parent, one).is_symlink())]:
                path = Path(parent, name)
                with suppress(FileNotFoundError):
                    yield StoredFile(path.relative_to(root).as_posix(), path.lstat().st_size)

    def _move(self, path: Path, file: LandedFile) -> LandedFile:
        target = self.locate(file.path)
        self._make_folder(str(PurePosixPath(file.path).parent))
        path.chmod(0o600)
        with path.open("rb") as written:
            os.fsync(written.fileno())  # or a power cut leaves an empty file under the final name
        path.replace(target)
        return file

    def _make_folder(self, name: str) -> Path:
        self.locate(name)
        folder = self.root
        for part in ("", *Path(name).parts):
            folder = folder / part
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _remove_abandoned_in(self, folder: Path) -> int:
        """Remove what killed processes left in an incoming folder: personal data that nobody would look for."""
        removed = 0
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # its process ended normally meanwhile
                age = self.clock() - path.stat().st_mtime
                held = is_locked(path)
                if age > (STALE_AFTER if held is None else ABANDONED_AFTER) and not held:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    removed += 1
        return removed


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
