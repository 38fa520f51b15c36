"""The landing store on S3-compatible storage, such as Supabase Storage, with a private folder as its cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.landing import FolderStore, LandedFile, StoredFile, sha256_of
from sync_pipelines.lib.redaction import redact

_MISSING = {"404", "NoSuchKey", "NotFound", "NoSuchBucket"}
_REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"}


@dataclass(frozen=True)
class ObjectStore:
    """A bucket, below a prefix. What was kept or read stays in the cache; the bucket is what counts."""

    cache: FolderStore
    bucket: str
    prefix: str
    endpoint: str | None
    region: str
    access_key: str
    secret_key: str

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            region_name=self.region,
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": 3, "mode": "standard"},
            # Newer defaults add checksums to each request, which compatible stores do not know.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=config,
        )

    def incoming(self, folder: str, suffix: str) -> AbstractContextManager[Path]:
        return self.cache.incoming(folder, suffix)

    def keep(self, path: Path, folder: str, suffix: str) -> LandedFile:
        file = self.cache.keep(path, folder, suffix)
        self._upload(file)
        return file

    def put(self, path: Path, name: str) -> LandedFile:
        digest, _ = sha256_of(path)
        if (there := self._head(name)) is not None and there["Metadata"].get("sha256") != digest:
            raise PermanentError(
                f"The landing store holds other content under {name}: it is not overwritten."
            )
        file = self.cache.put(path, name)
        self._upload(file)
        return file

    def locate(self, path: str) -> Path:
        """The cached file, if it is the bucket's; otherwise it is fetched."""
        target = self.cache.locate(path)
        there = self._head(path)
        if there is None:
            raise PermanentError(f"{self.describe(path)} is not there.")
        if target.is_file() and target.stat().st_size == there["ContentLength"]:
            digest = there["Metadata"].get("sha256")
            if digest is None or digest == sha256_of(target)[0]:
                return target
        with self.cache.incoming("fetched", ".part") as part, self._told(path):
            self._client.download_file(self.bucket, self._key(path), str(part))
            if part.stat().st_size != there["ContentLength"]:
                raise TransientError(f"{self.describe(path)} came cut.")
            target.unlink(missing_ok=True)
            self.cache.put(part, path)
        return target

    def names(self, prefix: str) -> list[StoredFile]:
        start = f"{self._key(prefix).rstrip('/')}/"
        found = []
        with self._told(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=start
            ):
                found += [
                    StoredFile(entry["Key"].removeprefix(self._key("")), entry["Size"])
                    for entry in page.get("Contents", ())
                ]
        return sorted(found)

    def remove(self, name: str) -> None:
        with self._told(name):
            self._client.delete_object(Bucket=self.bucket, Key=self._key(name))
        self.cache.remove(name)

    def size(self) -> int:
        return sum(file.bytes for file in self.names(""))

    def describe(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    def _key(self, name: str) -> str:
        self.cache.locate(name)  # refuses what would leave the store
        return f"{self.prefix}/{name}" if self.prefix else name

    def _upload(self, file: LandedFile) -> None:
        with self._told(file.path):
            self._client.upload_file(
                str(self.cache.locate(file.path)),
                self.bucket,
                self._key(file.path),
                ExtraArgs={"Metadata": {"sha256": file.sha256}},
            )
        there = self._head(file.path)
        if there is None or there["ContentLength"] != file.bytes:
            raise TransientError(f"{self.describe(file.path)} did not arrive whole.")

    def _head(self, name: str) -> Any:
        try:
            with self._told(name):
                return self._client.head_object(Bucket=self.bucket, Key=self._key(name))
        except _AbsentError:
            return None

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Turn an error of the library into a sentence that names the settings and no key."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        where = self.describe(name)
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            raise _client_error(where, code) from None
        except (BotoCoreError, Boto3Error) as error:
            text = redact(f"{type(error).__name__}")
            raise TransientError(
                f"{where}: the storage did not answer ({text}). Check LANDING_S3_ENDPOINT."
            ) from None


class _AbsentError(PermanentError):
    """There is no such object."""


def _client_error(where: str, code: str) -> SyncError:
    if code in _MISSING:
        return _AbsentError(f"{where} is not there ({code}).")
    if code in _REFUSED:
        return PermanentError(
            f"{where}: the storage refused us ({code}). Check LANDING_S3_ACCESS_KEY, LANDING_S3_SECRET_KEY and the"
            " bucket's rights."
        )
    return TransientError(f"{where}: the storage answered {code}.")
