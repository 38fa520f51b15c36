"""The landing store: raw answers as they came, kept before anybody looks at them, and archives.

A folder, private (0600 in 0700 folders) because the files hold personal data, or S3-compatible storage with such
a folder as its cache. Files are written under another name and appear whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from sync_pipelines.lib.failures import PermanentError


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

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        """A private local path to write to, gone after the block unless it was kept."""
        ...

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        """Move a finished file into the store under its content's hash."""
        ...

    def put(self, path: Path, name: str) -> LandedFile:
        """Move a finished file into the store under a name; PermanentError where that holds other content."""
        ...

    def locate(self, path: str) -> Path:
        """A local path with a file's content; one that leaves the store is a ValueError."""
        ...

    def names(self, prefix: str) -> list[StoredFile]:
        """Every file below a folder, by name."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def size(self) -> int:
        """Bytes in the whole store."""
        ...

    def describe(self, name: str) -> str:
        """Where a person finds a file."""
        ...


@dataclass(frozen=True)
class FolderStore:
    """A folder of landed files."""

    root: Path

    def locate(self, path: str) -> Path:
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise ValueError(f"{path} lies outside the landing store")
        return target

    def describe(self, name: str) -> str:
        return str(self.locate(name))

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        target = self._folder(f"{folder}/incoming")
        handle, name = tempfile.mkstemp(suffix=suffix, dir=target)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        digest, _ = sha256_of(path)
        return self._place(path, f"{folder}/{digest[:2]}/{digest}{suffix}")

    def put(self, path: Path, name: str) -> LandedFile:
        target = self.locate(name)
        if target.exists() and sha256_of(target) != sha256_of(path):
            raise PermanentError(
                f"The landing store holds other content under {name}: it is not overwritten."
            )
        return self._place(path, name)

    def names(self, prefix: str) -> list[StoredFile]:
        folder = self.locate(prefix)
        return sorted(
            StoredFile(path.relative_to(self.root.resolve()).as_posix(), path.stat().st_size)
            for path in folder.rglob("*")
            if path.is_file() and "incoming" not in path.relative_to(folder).parts
        )

    def remove(self, name: str) -> None:
        path = self.locate(name)
        path.unlink(missing_ok=True)
        # An empty folder of an archive that is gone says nothing any more.
        if path.parent != self.root.resolve() and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    def _place(self, path: Path, name: str) -> LandedFile:
        digest, size = sha256_of(path)
        target = self.locate(name)
        self._folder(str(PurePosixPath(name).parent))
        path.chmod(0o600)
        path.replace(target)
        return LandedFile(name, digest, size)

    def _folder(self, name: str) -> Path:
        folder = self.root
        for part in ("", *Path(name).parts):
            folder = folder / part
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


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
