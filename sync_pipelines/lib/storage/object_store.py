"""The landing store in a bucket of S3-compatible storage, such as Supabase Storage.

The bucket is all there is: what is read comes from it, so that a copy which is read back is the copy that counts.
Files pass through a private folder of this machine and are gone from there when the block that uses them ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError, classify_http_status
from sync_pipelines.lib.storage.landing import (
    AbsentError,
    FolderStore,
    LandedFile,
    StoredFile,
    kept_name,
    other_content,
    sha256_of,
    told_when_full,
)

PIECE = 1 << 20
_KEYS = "LANDING_S3_ACCESS_KEY and LANDING_S3_SECRET_KEY"


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, below a prefix; `passage` is the folder that files pass through."""

    passage: FolderStore
    bucket: str
    prefix: str
    endpoint: str | None
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        return self.passage.incoming(folder, suffix)

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        digest, size = sha256_of(path)
        return self._upload(path, LandedFile(kept_name(folder, digest, suffix), digest, size))

    def put(self, path: Path, name: str) -> LandedFile:
        file = LandedFile(name, *sha256_of(path))
        if self._bytes(name) is not None:
            # Not by a checksum of the storage's own: compatible storages do not agree on one.
            with self.fetch(name) as there:
                if sha256_of(there) != (file.sha256, file.bytes):
                    raise other_content(self.describe(name))
            return file
        return self._upload(path, file)

    @contextmanager
    def fetch(self, name: str) -> Iterator[Path]:
        where = self.describe(name)
        with self.passage.private_folder("fetched") as folder:
            path = folder / Path(name).name
            path.touch(mode=0o600)
            with told_when_full(f"A copy of {where}"), self._told(where), path.open("wb") as file:
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name))
                # Fails when fewer bytes come than were announced.
                for piece in answer["Body"].iter_chunks(PIECE):
                    file.write(piece)
            yield path

    def names(self, prefix: str) -> list[StoredFile]:
        # With a slash at its end, or `archive` would also find `archive-old`.
        folder = self._key(prefix).strip("/")
        start = f"{folder}/" if folder else ""
        with self._told(self.describe(prefix)):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start)
            entries: list[Mapping[str, Any]] = [entry for page in pages for entry in page.get("Contents", ())]
        return sorted(
            StoredFile(entry["Key"].removeprefix(self._key("")), entry["Size"]) for entry in entries
        )

    def modified(self, name: str) -> datetime:
        with self._told(self.describe(name)):
            answer = self._client.head_object(Bucket=self.bucket, Key=self._key(name))
        moment: datetime = answer["LastModified"]
        return moment

    def remove(self, name: str) -> None:
        with self._told(self.describe(name)):
            self._client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def size(self) -> int:
        return sum(file.bytes for file in self.names(""))

    def remove_abandoned(self) -> int:
        return self.passage.remove_abandoned()

    def describe(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    @property
    def _client(self) -> Any:
        return _client(self.endpoint, self.region, self.access_key, secret_key=self.secret_key)

    def _key(self, name: str) -> str:
        self.passage.locate(name)  # refuses what would leave the store
        return f"{self.prefix}/{name}" if self.prefix else name

    def _upload(self, path: Path, file: LandedFile) -> LandedFile:
        from boto3.s3.transfer import TransferConfig

        where = self.describe(file.path)
        # Large files go in parts of 8 MiB, of which each thread holds one.
        transfer = TransferConfig(max_concurrency=4)
        with self._told(where), path.open("rb") as stream:
            self._client.upload_fileobj(stream, self.bucket, self._key(file.path), Config=transfer)
        if self._bytes(file.path) != file.bytes:
            raise TransientError(f"{where} did not arrive whole.")
        return file

    def _bytes(self, name: str) -> int | None:
        """The size of a file in the bucket, None where there is none."""
        try:
            with self._told(self.describe(name)):
                return int(self._client.head_object(Bucket=self.bucket, Key=self._key(name))["ContentLength"])
        except AbsentError:
            return None

    @contextmanager
    def _told(self, where: str) -> Iterator[None]:
        """Turn an error of the library into a sentence that names the settings, and no key."""
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as error:
            raise refusal(where, error.response) from None
        except exceptions.SSLError:
            raise PermanentError(
                f"{where}: the storage's certificate was not accepted. Check LANDING_S3_ENDPOINT."
            ) from None
        except exceptions.BotoCoreError as error:
            raise TransientError(
                f"{where}: the storage gave no whole answer ({type(error).__name__})."
                " If it stays so, check LANDING_S3_ENDPOINT and LANDING_S3_REGION."
            ) from None


@lru_cache(maxsize=2)  # making one takes longer than using it
def _client(endpoint: str | None, region: str, access_key: str, secret_key: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=region,
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=10,
        read_timeout=60,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # Newer defaults add checksums to each request, which compatible storages do not know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
    return boto3.client("s3", endpoint_url=endpoint, config=config, **keys)


def refusal(where: str, response: Mapping[str, Any]) -> SyncError:
    """The error for an answer that is an error; its code is told, its message never: it may quote the request."""
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(response.get("Error", {}).get("Code", status))
    if code == "NoSuchBucket":
        return PermanentError(f"{where}: there is no such bucket. Make it, or check LANDING_URL.")
    if status == 404:
        return AbsentError(f"{where} is not there.")
    if status in {401, 403}:
        return PermanentError(
            f"{where}: the storage refused us ({code}). Check {_KEYS}, and what they may do with the bucket."
        )
    if classify_http_status(status):
        return TransientError(f"{where}: the storage answered {status} ({code}).")
    return PermanentError(
        f"{where}: the storage answered {status} ({code}). Check LANDING_S3_ENDPOINT and LANDING_S3_REGION."
    )
