"""One contract for both landing stores; then what only a folder, or only a bucket, can do wrong."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.storage.landing import (
    ABANDONED_AFTER,
    STALE_AFTER,
    AbsentError,
    FolderStore,
    LandedFile,
    LandingStore,
    LinkError,
    StoredFile,
    told_when_full,
)
from sync_pipelines.lib.storage.object_store import ObjectStore, refusal
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def land(store: LandingStore, data: bytes = b"workbook", folder: str = "hitss/dre_export") -> LandedFile:
    with store.incoming(folder, ".xlsx") as path:
        path.write_bytes(data)
        return store.keep(path, folder, ".xlsx")


def put(store: LandingStore, name: str, data: bytes = b"archive") -> LandedFile:
    with store.incoming("archive", ".zst") as path:
        path.write_bytes(data)
        return store.put(path, name)


def content(store: LandingStore, name: str) -> bytes:
    with store.fetch(name) as path:
        return path.read_bytes()


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "deep" / "landing")


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path) -> ObjectStore:
    name = make_bucket(s3_endpoint)
    passage = FolderStore(tmp_path / "passage")
    return ObjectStore(
        passage,
        name,
        prefix="houses/ours",
        endpoint=s3_endpoint,
        region=REGION,
        access_key=KEYS[0],
        secret_key=KEYS[1],
    )


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> LandingStore:
    made: LandingStore = request.getfixturevalue(request.param)
    return made


def test_a_file_is_kept_under_its_content(store: LandingStore) -> None:
    file = land(store)
    digest = hashlib.sha256(b"workbook").hexdigest()
    assert file == LandedFile(f"hitss/dre_export/{digest[:2]}/{digest}.xlsx", digest, 8)
    assert content(store, file.path) == b"workbook"


def test_the_same_content_is_one_file(store: LandingStore) -> None:
    assert land(store) == land(store)
    assert len(store.names("hitss")) == 1


def test_a_file_is_put_under_a_name_which_keeps_its_content(store: LandingStore) -> None:
    name = "archive/2026-11-24/articles.copy.zst"
    file = put(store, name)
    assert (file.path, file.bytes) == (name, 7)
    assert put(store, name) == file
    with pytest.raises(PermanentError, match=r"articles\.copy\.zst holds other content.*not overwritten"):
        put(store, name, b"another")
    assert content(store, name) == b"archive"


def test_a_file_is_read_under_its_own_name(store: LandingStore) -> None:
    put(store, "archive/1/articles.copy.zst.age")
    with store.fetch("archive/1/articles.copy.zst.age") as path:
        assert path.name == "articles.copy.zst.age"
        assert mode(path) == 0o600


def test_names_and_size_know_every_file_that_is_whole(store: LandingStore) -> None:
    assert (store.names(""), store.size()) == ([], 0)
    for name in ("archive/b/2", "archive/b/1", "archive/a/1", "archive-old/1"):
        put(store, name, name.encode())
    below = [StoredFile("archive/a/1", 11), StoredFile("archive/b/1", 11), StoredFile("archive/b/2", 11)]
    with store.incoming("archive", ".zst") as path:
        path.write_bytes(b"half")
        assert store.names("archive") == below
    assert store.names("archive/b") == below[1:]
    assert store.names("") == [StoredFile("archive-old/1", 13), *below]
    assert store.names("archive/c") == []
    assert store.size() == 46


def test_a_removed_file_is_gone_and_may_be_removed_again(store: LandingStore) -> None:
    put(store, "archive/a/1")
    put(store, "archive/a/2")
    for _ in range(2):
        store.remove("archive/a/1")
    assert [file.name for file in store.names("archive")] == ["archive/a/2"]
    with pytest.raises(AbsentError, match="archive/a/1 is not there"):
        content(store, "archive/a/1")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "hitss/../../x"])
def test_a_name_that_leaves_the_store_is_refused(store: LandingStore, name: str) -> None:
    asked: list[Callable[[], Any]] = [
        lambda: content(store, name),
        lambda: put(store, name),
        lambda: land(store, folder=name),
        lambda: store.names(name),
        lambda: store.remove(name),
        lambda: store.describe(name),
    ]
    for ask in asked:
        with pytest.raises(PermanentError, match="outside the landing store"):
            ask()


def test_what_is_not_kept_is_gone_with_all_beside_it(store: LandingStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), store.incoming("hitss/dre_export", ".xlsx") as path:
        assert (mode(path), path.suffix) == (0o600, ".xlsx")
        path.write_bytes(b"half")
        path.with_name("beside").write_bytes(b"part")
        raise ValueError("stop")
    assert files(tmp_path) == []
    assert store.names("") == []


def test_two_arrivals_do_not_meet(store: LandingStore) -> None:
    with store.incoming("a", ".xlsx") as one, store.incoming("a", ".xlsx") as other:
        assert one != other


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As a full disk, but without one: the kernel refuses to let a file of this process grow further."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_leaves_nothing(store: LandingStore, tmp_path: Path) -> None:
    with (
        pytest.raises(
            PermanentError, match=r"^The archive could not be written: .*\. Nothing of it was kept"
        ),
        told_when_full("The archive"),
        largest_file(1000),
    ):
        put(store, "archive/1", bytes(5000))
    assert store.names("") == []
    assert files(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_why_nothing_can_be_written_is_told(number: int) -> None:
    with pytest.raises(PermanentError, match=os.strerror(number)), told_when_full("The archive"):
        raise OSError(number, os.strerror(number))


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(ConnectionResetError), told_when_full("The archive"):
        raise ConnectionResetError


def test_files_and_folders_are_private(folder: FolderStore) -> None:
    path = folder.locate(land(folder).path)
    assert mode(path) == 0o600
    while path != folder.root:
        path = path.parent
        assert mode(path) == 0o700


def test_a_link_that_leaves_the_store_is_refused(folder: FolderStore, tmp_path: Path) -> None:
    land(folder)
    (folder.root / "link").symlink_to(tmp_path)
    with pytest.raises(PermanentError, match="outside the landing store"):
        folder.locate("link/secret")


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_link_is_not_read_and_goes_without_what_it_leads_to(
    folder: FolderStore, tmp_path: Path, place: str
) -> None:
    put(folder, "archive/a/1", b"mine")
    target = folder.locate("archive/a/1") if place == "inside" else tmp_path / "theirs"
    target.write_bytes(b"kept")
    link = folder.locate("archive/a/2")
    link.symlink_to(target)

    assert [file.name for file in folder.names("archive/a")] == ["archive/a/1", "archive/a/2"]
    with pytest.raises(LinkError, match="is a link"):
        content(folder, "archive/a/2")
    folder.remove("archive/a/2")
    assert target.read_bytes() == b"kept"
    assert not link.is_symlink()


def test_a_link_to_a_folder_is_told_and_not_walked_into(folder: FolderStore, tmp_path: Path) -> None:
    put(folder, "archive/a/1")
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_bytes(b"x" * 100_000)
    (folder.root / "archive" / "b").symlink_to(other)
    assert [file.name for file in folder.names("archive")] == ["archive/a/1", "archive/b"]
    assert folder.size() < 1000
    folder.remove("archive/b")
    assert (other / "secret").exists()


def left_behind(folder: FolderStore) -> Path:
    """What a process that was killed while it wrote leaves: nobody holds its lock."""
    private = folder.root / "archive" / "incoming" / "tmp1"
    private.mkdir(parents=True)
    (private / "file.zst").write_bytes(b"half")
    return private


def later(folder: FolderStore, seconds: float) -> FolderStore:
    made = (folder.root / "archive" / "incoming").stat().st_mtime
    return replace(folder, clock=lambda: made + seconds)


def test_what_a_living_process_writes_stays_however_long_it_takes(folder: FolderStore) -> None:
    with folder.incoming("archive", ".zst") as mine:
        with later(folder, STALE_AFTER + 1).incoming("archive", ".zst"):
            assert mine.exists()
        assert later(folder, STALE_AFTER + 1).remove_abandoned() == 0
        assert mine.exists()


def test_what_a_killed_process_left_goes_with_the_next_download(folder: FolderStore) -> None:
    left = left_behind(folder)
    with later(folder, ABANDONED_AFTER / 2).incoming("archive", ".zst"):
        assert left.exists()
    with later(folder, ABANDONED_AFTER + 1).incoming("archive", ".zst"):
        assert not left.exists()


def test_what_killed_processes_left_anywhere_is_removed_at_once(store: LandingStore) -> None:
    passage = store.passage if isinstance(store, ObjectStore) else store
    assert isinstance(passage, FolderStore)
    assert store.remove_abandoned() == 0
    left = left_behind(passage)
    old = left.stat().st_mtime - 60
    os.utime(left, (old, old))
    assert store.remove_abandoned() == 1
    assert not left.exists()


def test_an_empty_folder_goes_with_its_last_file(folder: FolderStore) -> None:
    put(folder, "archive/2026/1")
    put(folder, "archive/2026/2")
    folder.remove("archive/2026/1")
    assert (folder.root / "archive/2026").is_dir()
    folder.remove("archive/2026/2")
    assert not (folder.root / "archive/2026").exists()


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
    assert files(bucket.passage.root) == []


def test_a_bucket_may_have_no_prefix(bucket: ObjectStore) -> None:
    put(bucket, "archive/1")
    whole = replace(bucket, prefix="")
    assert whole.names("") == [StoredFile("houses/ours/archive/1", 7)]
    assert whole.size() == 7
    assert whole.describe("archive/1") == f"s3://{bucket.bucket}/archive/1"


def test_a_bucket_that_is_not_there_is_told_by_its_setting(bucket: ObjectStore) -> None:
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
    assert files(bucket.passage.root) == []


def test_a_refusal_names_the_keys_settings_and_not_what_the_storage_says(bucket: ObjectStore) -> None:
    body = b"<Error><Code>InvalidAccessKeyId</Code><Message>AKIAFICTICIO is unknown</Message></Error>"
    with (
        storage(status=403, body=body) as endpoint,
        pytest.raises(
            PermanentError, match=r"refused us \(InvalidAccessKeyId\)\. Check LANDING_S3_ACCESS_KEY"
        ),
    ):
        content(replace(bucket, endpoint=endpoint), "a/1")


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "SlowDown", TransientError, r"answered 503 \(SlowDown\)"),
        (500, "InternalError", TransientError, "answered 500"),
        (401, "Unauthorized", PermanentError, "LANDING_S3_SECRET_KEY"),
        (404, "NoSuchBucket", PermanentError, "no such bucket"),
        (404, "NoSuchKey", AbsentError, "is not there"),
        (400, "AuthorizationHeaderMalformed", PermanentError, "LANDING_S3_REGION"),
        (301, "PermanentRedirect", PermanentError, "LANDING_S3_ENDPOINT"),
    ],
)
def test_an_answer_of_the_storage_is_transient_or_says_what_to_check(
    status: int, code: str, kind: type[Exception], words: str
) -> None:
    error = refusal("s3://b/x", {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}})
    assert type(error) is kind
    assert str(error).startswith("s3://b/x")
    with pytest.raises(kind, match=words):
        raise error


def test_a_file_knows_when_it_was_written(store: LandingStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # a bucket counts in whole seconds
    name = land(store).path
    assert before <= store.modified(name) <= datetime.now(UTC) + timedelta(seconds=1)
    with pytest.raises(AbsentError):
        store.modified("hitss/nothing")
