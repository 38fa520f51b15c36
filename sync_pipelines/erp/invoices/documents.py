"""The XML of invoices in the store, at `<user id>/<access key>.xml`, where the application reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.storage.landing import AbsentError, LandingStore, LinkError
from sync_pipelines.lib.storage.local_files import disk_errors_about

#: An access key has the issuer's CNPJ in it, which errors must not show.
_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
INCOMING, SUFFIX = "incoming", ".xml"


class DocumentStoreError(PermanentError):
    """The store itself does not do its work: no matter of one invoice."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Errors of the store and of this machine's disk as sentences without an access key."""
    try:
        with disk_errors_about("The XML of an invoice"):
            yield
    except TransientError as error:
        raise TransientError(_KEY.sub("…", str(error)), retry_after=error.retry_after) from None
    except SyncError as error:  # also one that refuses us: that says nothing of the ERP's credentials
        raise DocumentStoreError(_KEY.sub("…", str(error))) from None
    except OSError as error:
        raise DocumentStoreError(f"The store of XML does not do its work: {error.strerror}.") from None


@dataclass(frozen=True)
class Documents:
    """The documents of one user. Threads may use it at once."""

    store: LandingStore
    user_id: UUID

    @cached_property
    def _sizes(self) -> dict[str, int]:
        with store_errors():
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
        # A link leads out of the store: as good as no document.
        with store_errors(), suppress(AbsentError, LinkError), self.store.fetch(self.name(key)) as path:
            content = path.read_bytes()
            if digest is None or sha256(content).hexdigest() == digest:
                return content
        return None

    def put(self, key: str, content: bytes) -> None:
        """Store a document, also in the place of one that cannot be used."""
        with store_errors():
            self._put(self.name(key), key, content)

    def _put(self, name: str, key: str, content: bytes) -> None:
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
        except DocumentStoreError:
            other = self.read(key, None)
            if other is None:
                raise
            self._sizes[self.name(key)] = len(other)
            return other
        return content
