"""Both landing stores: a folder, and a bucket below the prefix `sites/ours` of a local S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "deep" / "landing")


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path) -> ObjectStore:
    access_key, secret_key = KEYS
    return ObjectStore(
        FolderStore(tmp_path / "staging"),
        bucket=make_bucket(s3_endpoint),
        prefix="sites/ours",
        endpoint=s3_endpoint,
        region=REGION,
        access_key=access_key,
        secret_key=secret_key,
    )


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> LandingStore:
    made: LandingStore = request.getfixturevalue(request.param)
    return made
