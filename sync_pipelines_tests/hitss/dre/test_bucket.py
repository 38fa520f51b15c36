"""The chain with its landing store in a bucket: the file that counts is the bucket's, and none stays here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_pipelines.hitss.dre.landed_workbook import parsed_file
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, run
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server


@pytest.fixture
def remote(short: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The house of eight months, landing in a bucket."""
    monkeypatch.chdir(tmp_path)  # files pass through a folder below the current one
    with s3_server() as endpoint:
        yield short.with_settings(
            landing_url=f"s3://{make_bucket(endpoint)}/landing",
            landing_s3_endpoint=endpoint,
            landing_s3_region=REGION,
            landing_s3_access_key=KEYS[0],
            landing_s3_secret_key=KEYS[1],
        )


def test_a_workbook_and_its_rejects_land_in_the_bucket_and_are_loaded_from_it(remote: House) -> None:
    remote.hitss.fault("text_amounts", times=1)
    ran = run(remote)
    assert set(ran.outcomes) == set(MONTHS)
    assert remote.value("select count(*) from sync_private.dre_lines") > 0
    landing, book = ran.report.landing, ran.report.validation.reject_book
    assert book is not None
    stored = {file.name: file.bytes for file in remote.dre.store.names("hitss")}
    assert set(stored) == {landing.path, book}
    assert stored[landing.path] == landing.bytes
    assert [path for path in remote.settings.landing_root.rglob("*") if path.is_file()] == []


def test_a_workbook_that_was_altered_in_the_bucket_is_not_loaded(remote: House) -> None:
    landing = remote.dre.download("run").landing
    store = remote.dre.store
    store.remove(landing.path)
    with store.incoming("x", ".xlsx") as path:
        path.write_bytes(b"another")
        store.put(path, landing.path)
    parsed_file.cache_clear()
    with (
        pytest.raises(
            PermanentError, match=r"^s3://bucket-\d+/landing/hitss/.* is not the workbook that landed"
        ),
        remote.dre.load("load", MONTHS) as loading,
    ):
        loading.load(MONTHS[0])
    assert remote.value("select count(*) from sync_private.dre_lines") == 0
