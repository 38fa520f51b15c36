"""The landing store: raw answers as they came, kept before anybody looks at them, and archives.

A folder, private (0600 in 0700 folders) because the files hold personal data, or a bucket of S3-compatible storage
(`object_store`). Files are written under another name and appear whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_locks import is_locked, locked

INCOMING = "incoming"
#: Seconds after which what is still incoming, and locked by nobody, belongs to a process that was killed.
ABANDONED_AFTER = 1.0
#: The same where the file system knows no locks: no run takes a day.
STALE_AFTER = 86_400.0


class AbsentError(PermanentError):
    """The store has no file of that name."""


class LinkError(PermanentError):
    """What bears the name is a link to somewhere else: its content is not the store's to keep or to remove."""


@dataclass(frozen=True)
class LandedFile:
    """A file in the store: its name in it, its SHA-256 and its size in bytes."""

    path: str
    sha256: str
    bytes: int


class StoredFile(NamedTuple):
    """A file's name in the store and its size in bytes."""

    name: str
    bytes: int


class LandingStore(Protocol):
    """Where files are kept; names are relative, with slashes."""

    def __hash__(self) -> int: ...

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        """A private local path to write to, gone after the block unless it was kept."""
        ...

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        """Move a finished file into the store under its content's hash."""
        ...

    def put(self, path: Path, name: str) -> LandedFile:
        """Move a finished file into the store under a name; PermanentError where that holds other content."""
        ...

    def fetch(self, name: str) -> AbstractContextManager[Path]:
        """A local path to read a file from, inside the block; AbsentError when the store has no such file."""
        ...

    def names(self, prefix: str) -> list[StoredFile]:
        """Every finished file below a folder, by name; of the whole store with an empty prefix."""
        ...

    def modified(self, name: str) -> datetime:
        """When a file was last written; AbsentError when the store has no such file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def size(self) -> int:
        """Bytes in the whole store."""
        ...

    def remove_abandoned(self) -> int:
        """Remove what killed processes left on its way into the store; returns how many folders that were."""
        ...

    def describe(self, name: str) -> str:
        """Where a person finds a file."""
        ...


@dataclass(frozen=True)
class FolderStore:
    """A folder of landed files; `clock` tells seconds since the epoch, as the files' own times do."""

    root: Path
    clock: Callable[[], float] = time.time

    def locate(self, name: str) -> Path:
        """Where a file lies, or would; a name that leaves the store is a PermanentError."""
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
        """A folder of its own below `folder`, gone after the block with all that is in it."""
        target = self._folder(f"{folder}/{INCOMING}")
        self._remove_stale(target)
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
        return self._place(path, LandedFile(kept_name(folder, digest, suffix), digest, size))

    def put(self, path: Path, name: str) -> LandedFile:
        file = LandedFile(name, *sha256_of(path))
        target = self.locate(name)
        if target.exists() and sha256_of(target) != (file.sha256, file.bytes):
            raise other_content(str(target))
        return self._place(path, file)

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
        # A link goes by itself: what it leads to is another file, or another program's.
        path = self.locate(str(path.parent)) / path.name if path.is_symlink() else self.locate(name)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the folder holds other files, or is gone already
            path.parent.rmdir()

    def size(self) -> int:
        return sum(file.bytes for file in self._files(self.root.resolve()))

    def _files(self, folder: Path) -> Iterator[StoredFile]:
        """Every file below a folder, unfinished ones too; what vanishes meanwhile is not there."""
        root = self.root.resolve()
        for parent, folders, names in os.walk(folder, onerror=_stop_unless_gone):
            # A link to a folder is not walked into, and not passed over either.
            for name in [*names, *(one for one in folders if Path(parent, one).is_symlink())]:
                path = Path(parent, name)
                with suppress(FileNotFoundError):
                    yield StoredFile(path.relative_to(root).as_posix(), path.lstat().st_size)

    def _place(self, path: Path, file: LandedFile) -> LandedFile:
        target = self.locate(file.path)
        self._folder(str(PurePosixPath(file.path).parent))
        path.chmod(0o600)
        with path.open("rb") as written:
            os.fsync(written.fileno())  # or a power cut leaves an empty file under the final name
        path.replace(target)
        return file

    def _folder(self, name: str) -> Path:
        self.locate(name)
        folder = self.root
        for part in ("", *Path(name).parts):
            folder = folder / part
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def remove_abandoned(self) -> int:
        found = [Path(parent) for parent, _, _ in os.walk(self.root) if Path(parent).name == INCOMING]
        return sum(self._remove_stale(folder) for folder in found)

    def _remove_stale(self, folder: Path) -> int:
        """What killed processes left: it holds personal data, and nobody else would look here."""
        removed = 0
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # its process ended well meanwhile
                age = self.clock() - path.stat().st_mtime
                held = is_locked(path)
                if age > (STALE_AFTER if held is None else ABANDONED_AFTER) and not held:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    removed += 1
        return removed


def kept_name(folder: str, digest: str, suffix: str) -> str:
    """The name of a file that is kept under its content's SHA-256."""
    return f"{folder}/{digest[:2]}/{digest}{suffix}"


def other_content(where: str) -> PermanentError:
    """The error for a name that is taken."""
    return PermanentError(f"{where} holds other content already: it is not overwritten.")


def _stop_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def told_when_full(what: str) -> Iterator[None]:
    """Turn a full disk, or one that cannot be written, into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG):
            raise
        raise PermanentError(
            f"{what} could not be written: {error.strerror}. Nothing of it was kept."
        ) from None


def sha256_of(path: Path) -> tuple[str, int]:
    """A file's SHA-256 and its size in bytes."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return digest, path.stat().st_size
