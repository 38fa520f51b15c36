"""What only a bucket can do wrong: pages, parts, cut answers, keys."""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.storage.landing import StoredFile
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines_tests.lib.storage.stores import content, files, mode, put
from sync_pipelines_tests.storage import KEYS


def test_pages_of_a_long_list_are_followed(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")  # of the storage; the real ones stop at 1,000
    for number in range(7):
        put(bucket, f"archive/{number}")
    assert [file.name for file in bucket.names("archive")] == [f"archive/{number}" for number in range(7)]


def test_a_large_file_goes_in_parts_and_comes_back_whole(bucket: ObjectStore) -> None:
    data = os.urandom(1 << 20) * 9
    file = put(bucket, "archive/large", data)
    with bucket.fetch("archive/large") as path:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert mode(path.parent) == 0o700
    assert files(bucket.staging.root) == []


def test_a_bucket_may_have_no_prefix(bucket: ObjectStore) -> None:
    put(bucket, "archive/1")
    whole = replace(bucket, prefix="")
    assert whole.names("") == [StoredFile("sites/ours/archive/1", 7)]
    assert whole.size() == 7
    assert whole.describe("archive/1") == f"s3://{bucket.bucket}/archive/1"


def test_a_missing_bucket_is_named_by_its_setting(bucket: ObjectStore) -> None:
    nowhere = replace(bucket, bucket="nowhere")
    for ask in (lambda: put(nowhere, "a/1"), lambda: nowhere.names(""), lambda: content(nowhere, "a/1")):
        with pytest.raises(PermanentError, match=r"no such bucket.*LANDING_URL"):
            ask()


def test_neither_key_is_shown(bucket: ObjectStore) -> None:
    with pytest.raises(PermanentError) as caught:
        content(bucket, "a/1")
    shown = "".join(traceback.format_exception(caught.value)) + repr(bucket)
    assert not [key for key in KEYS if key in shown]


class Storage(BaseHTTPRequestHandler):
    """A storage that answers every request with the class's status and body, announcing `length` bytes."""

    status, body, length = 200, b"", 0

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(self.length or len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def storage(**answer: Any) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), type("Answering", (Storage,), answer)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_cut_answer_is_transient_and_leaves_no_copy(bucket: ObjectStore) -> None:
    with (
        storage(body=b"half", length=8) as endpoint,
        pytest.raises(TransientError, match=r"no whole answer \(\w+\).*LANDING_S3_ENDPOINT"),
    ):
        content(replace(bucket, endpoint=endpoint), "a/1")
    assert files(bucket.staging.root) == []


def test_a_refusal_names_the_keys_settings_and_not_what_the_storage_says(bucket: ObjectStore) -> None:
    body = b"<Error><Code>InvalidAccessKeyId</Code><Message>AKIAFICTICIO is unknown</Message></Error>"
    with (
        storage(status=403, body=body) as endpoint,
        pytest.raises(
            PermanentError, match=r"refused us \(InvalidAccessKeyId\)\. Check LANDING_S3_ACCESS_KEY"
        ),
    ):
        content(replace(bucket, endpoint=endpoint), "a/1")
