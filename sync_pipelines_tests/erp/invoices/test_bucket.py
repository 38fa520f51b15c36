"""The documents in a bucket of S3-compatible storage, where production keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines_tests.erp.invoices.account import Account
from sync_pipelines_tests.erp.invoices.book import Book
from sync_pipelines_tests.erp.invoices.test_extract import fill
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server

DAY = date(2026, 11, 3)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[ObjectStore]:
    access_key, secret_key = KEYS
    with s3_server() as endpoint:
        yield ObjectStore(
            FolderStore(tmp_path / "staging"),
            bucket=make_bucket(endpoint),
            prefix="",
            endpoint=endpoint,
            region=REGION,
            access_key=access_key,
            secret_key=secret_key,
        )


def test_documents_are_kept_found_again_and_replaced_where_they_are_lost(
    account: Account, book: Book, bucket: ObjectStore
) -> None:
    keys = fill(book, 4)
    account.store = bucket
    account.synced()
    names = [f"{account.user}/{key}.xml" for key in sorted(keys)]
    assert [file.name for file in bucket.names("")] == names
    book.asked.clear()
    assert (account.synced().unchanged, book.asked) == (4, [])
    bucket.remove(names[0])
    book.change(2, state=InvoiceState.CANCELLED)
    assert account.synced().changed == 1
    assert len(book.asked) == 1
    assert [file.name for file in bucket.names("")] == names


def test_a_bucket_that_is_not_there_fails_the_month_and_refuses_nobody(
    account: Account, book: Book, bucket: ObjectStore
) -> None:
    key = book.add(1, DAY)
    account.store = ObjectStore(**{**vars(bucket), "bucket": "nao-existe"})
    outcome = account.sync()
    assert outcome.status == "error"
    assert key not in str(outcome.error)
    assert account.rejects() == []
