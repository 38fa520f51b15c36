"""The landing store in a bucket of S3-compatible storage, such as Supabase Storage.

Only the bucket holds files, and every read comes from it: a file that is read back proves what the bucket holds.
Files pass through a private folder of this machine and are removed from it when the block that uses them ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import (
    AbsentError,
    LandedFile,
    StoredFile,
    content_name,
    name_is_taken,
)
from sync_pipelines.lib.storage.local_files import disk_errors_about, sha256_of
from sync_pipelines.lib.storage.s3 import s3_client, s3_errors_about

CHUNK = 1 << 20


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, below a prefix; files pass through the folder `staging`."""

    staging: FolderStore
    bucket: str
    prefix: str
    endpoint: str | None
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        return self.staging.incoming(folder, suffix)

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        digest, size = sha256_of(path)
        return self._upload(path, LandedFile(content_name(folder, digest, suffix), digest, size))

    def put(self, path: Path, name: str) -> LandedFile:
        digest, size = sha256_of(path)
        file = LandedFile(name, digest, size)
        if self._bytes(name) is None:
            return self._upload(path, file)
        # Compared by content, because compatible storages do not agree on a checksum.
        with self.fetch(name) as there:
            if sha256_of(there) != (digest, size):
                raise name_is_taken(self.describe(name))
        return file

    @contextmanager
    def fetch(self, name: str) -> Iterator[Path]:
        where = self.describe(name)
        with self.staging.private_folder("fetched") as folder:
            path = folder / Path(name).name
            path.touch(mode=0o600)
            with disk_errors_about(f"A copy of {where}"), s3_errors_about(where), path.open("wb") as file:
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name))
                # Raises if fewer bytes arrive than were announced.
                for chunk in answer["Body"].iter_chunks(CHUNK):
                    file.write(chunk)
            yield path

    def names(self, prefix: str) -> list[StoredFile]:
        # With a slash at its end, or `archive` would also find `archive-old`.
        folder = self._key(prefix).strip("/")
        start = f"{folder}/" if folder else ""
        with s3_errors_about(self.describe(prefix)):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start)
            entries: list[Mapping[str, Any]] = [entry for page in pages for entry in page.get("Contents", ())]
        return sorted(
            StoredFile(entry["Key"].removeprefix(self._key("")), entry["Size"]) for entry in entries
        )

    def modified(self, name: str) -> datetime:
        with s3_errors_about(self.describe(name)):
            answer = self._client.head_object(Bucket=self.bucket, Key=self._key(name))
        moment: datetime = answer["LastModified"]
        return moment

    def remove(self, name: str) -> None:
        with s3_errors_about(self.describe(name)):
            self._client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def size(self) -> int:
        return sum(file.bytes for file in self.names(""))

    def remove_abandoned(self) -> int:
        return self.staging.remove_abandoned()

    def describe(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    @property
    def _client(self) -> Any:
        return s3_client(self.endpoint, self.region, self.access_key, secret_key=self.secret_key)

    def _key(self, name: str) -> str:
        self.staging.locate(name)  # raises for a name that leaves the store
        return f"{self.prefix}/{name}" if self.prefix else name

    def _upload(self, path: Path, file: LandedFile) -> LandedFile:
        from boto3.s3.transfer import TransferConfig

        where = self.describe(file.path)
        # Large files go in parts of 8 MiB; each thread holds one part.
        transfer = TransferConfig(max_concurrency=4)
        with s3_errors_about(where), path.open("rb") as stream:
            self._client.upload_fileobj(stream, self.bucket, self._key(file.path), Config=transfer)
        if self._bytes(file.path) != file.bytes:
            raise TransientError(f"{where} did not arrive whole.")
        return file

    def _bytes(self, name: str) -> int | None:
        """The size of a file in the bucket, None if there is no such file."""
        try:
            with s3_errors_about(self.describe(name)):
                return int(self._client.head_object(Bucket=self.bucket, Key=self._key(name))["ContentLength"])
        except AbsentError:
            return None
