"""The landing store: raw answers as they came, kept before anybody looks at them.

A folder for now. Files are addressed by content, written under another name and renamed, and private
(0600 in 0700 folders), because they hold personal data.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LandedFile:
    """A file in the store: its path relative to the root, its SHA-256 and its size in bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class LandingStore:
    """A folder of landed files."""

    root: Path

    def locate(self, path: str) -> Path:
        """The file of a relative path; one that leaves the store is a ValueError."""
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise ValueError(f"{path} lies outside the landing store")
        return target

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        """A private path to write to, gone after the block unless it was kept."""
        target = self._folder(f"{folder}/incoming")
        handle, name = tempfile.mkstemp(suffix=suffix, dir=target)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        """Move a finished file into the store under its content's hash."""
        digest, size = _sha256(path)
        relative = f"{folder}/{digest[:2]}/{digest}{suffix}"
        target = self._folder(f"{folder}/{digest[:2]}") / f"{digest}{suffix}"
        path.chmod(0o600)
        path.replace(target)
        return LandedFile(relative, digest, size)

    def _folder(self, name: str) -> Path:
        folder = self.root
        for part in ("", *Path(name).parts):
            folder = folder / part
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def _sha256(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return digest, path.stat().st_size
