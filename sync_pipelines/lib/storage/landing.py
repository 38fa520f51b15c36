"""The landing store: raw answers, kept before anybody reads them, and archives.

A store is a private folder (`folder_store`) or a bucket of S3-compatible storage (`object_store`). A file is written
under a temporary name and appears under its own name whole or not at all.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from sync_pipelines.lib.failures import PermanentError


class AbsentError(PermanentError):
    """The store has no file of that name."""


class LinkError(PermanentError):
    """The name is a link to another place: its content does not belong to the store."""


@dataclass(frozen=True)
class LandedFile:
    """A file in the store: its name there, its SHA-256 and its size in bytes."""

    path: str
    sha256: str
    bytes: int


class StoredFile(NamedTuple):
    """A file's name in the store and its size in bytes."""

    name: str
    bytes: int


class LandingStore(Protocol):
    """A place for files; names are relative, with slashes."""

    def __hash__(self) -> int: ...

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        """A private local path to write to, removed after the block unless it was kept."""
        ...

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        """Move a finished file into the store under the hash of its content."""
        ...

    def put(self, path: Path, name: str) -> LandedFile:
        """Move a finished file into the store under a name; PermanentError if that name has other content."""
        ...

    def fetch(self, name: str) -> AbstractContextManager[Path]:
        """A local path to read a file from, inside the block; AbsentError if the store has no such file."""
        ...

    def names(self, prefix: str) -> list[StoredFile]:
        """Every finished file below a folder, by name; an empty prefix means the whole store."""
        ...

    def modified(self, name: str) -> datetime:
        """When a file was last written; AbsentError if the store has no such file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; a file that is already gone is no error."""
        ...

    def size(self) -> int:
        """Bytes in the whole store."""
        ...

    def remove_abandoned(self) -> int:
        """Remove the incoming folders of killed processes; returns how many there were."""
        ...

    def describe(self, name: str) -> str:
        """Where a person finds a file."""
        ...


def content_name(folder: str, digest: str, suffix: str) -> str:
    """The name of a file that is kept under the SHA-256 of its content."""
    return f"{folder}/{digest[:2]}/{digest}{suffix}"


def name_is_taken(where: str) -> PermanentError:
    """The error for a name that has other content."""
    return PermanentError(f"{where} holds other content already: it is not overwritten.")
