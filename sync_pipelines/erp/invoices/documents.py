"""The XML of invoices in the store, at `<user id>/<access key>.xml`, where the application reads it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.landing import AbsentError, LandingStore

INCOMING, SUFFIX = "incoming", ".xml"


@dataclass(frozen=True)
class Documents:
    """The documents of one user. Threads may use it at once."""

    store: LandingStore
    user_id: UUID

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {file.name: file.bytes for file in self.store.names(str(self.user_id))}

    @property
    def sizes(self) -> Mapping[str, int]:
        """The size in bytes of every stored document by its name, as one listing had them, and those put since."""
        return self._sizes

    def name(self, key: str) -> str:
        """The name of the document of a key."""
        return f"{self.user_id}/{key}{SUFFIX}"

    def size(self, key: str) -> int | None:
        return self._sizes.get(self.name(key))

    def read(self, key: str, digest: str | None) -> bytes | None:
        """A stored document; None if it is not there, or its SHA-256 (hexadecimal) is not the one given."""
        with suppress(AbsentError), self.store.fetch(self.name(key)) as path:
            content = path.read_bytes()
            if digest is None or sha256(content).hexdigest() == digest:
                return content
        return None

    def put(self, key: str, content: bytes) -> None:
        """Store a document, also in the place of one that cannot be used."""
        name = self.name(key)
        if name in self._sizes and self.read(key, sha256(content).hexdigest()) is None:
            self.store.remove(name)
        with self.store.incoming(INCOMING, SUFFIX) as path:
            path.write_bytes(content)
            self.store.put(path, name)
        self._sizes[name] = len(content)

    def put_or_read(self, key: str, content: bytes) -> bytes:
        """Store a document and return it, or what somebody stored beside us meanwhile."""
        try:
            self.put(key, content)
        except PermanentError:
            other = self.read(key, None)
            if other is None:
                raise
            self._sizes[self.name(key)] = len(other)
            return other
        return content
