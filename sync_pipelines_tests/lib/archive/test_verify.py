"""Damaged archives: every fault is named, and none breaks the verification."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.manifest import ArchiveError, read_archive
from sync_pipelines.lib.archive.verify import find_problems
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.lib.archive.sample import MADE, PEOPLE, TABLES, Sample, forge, repack, write

MANIFEST = "manifest.json"


def small(sample: Sample) -> None:
    """A few rows, so that every byte can have its turn."""
    sample.connection.execute("truncate letters, people")
    sample.connection.execute(
        "insert into people (name, data) select 'Pessoa ' || n, '{}' from generate_series(1, 3) as n"
    )
    sample.connection.execute("insert into letters (person, body) select id, 'oi' from people")
    sample.archive = write(sample.connection, sample.store, "small")


def test_one_flipped_bit_anywhere_is_named_by_its_file(sample: Sample) -> None:
    """Every byte of every file, the manifest's blanks and line ends too."""
    small(sample)
    chance = random.Random(3)
    unnamed = []
    for path in sorted(sample.path(".").iterdir()):
        content = path.read_bytes()
        for place in range(len(content)):
            changed = bytearray(content)
            changed[place] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            found = sample.problems()
            if len(found) != 1 or path.name not in found[0]:
                unnamed.append((path.name, place, found))
        path.write_bytes(content)
    assert unnamed == []
    assert sample.problems() == []


def test_a_file_cut_anywhere_is_named(sample: Sample) -> None:
    small(sample)
    unnamed = []
    for path in sorted(sample.path(".").iterdir()):
        content = path.read_bytes()
        for length in range(0, len(content), 7):
            path.write_bytes(content[:length])
            found = sample.problems()
            if len(found) != 1 or path.name not in found[0]:
                unnamed.append((path.name, length, found))
        path.write_bytes(content)
    assert unnamed == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\t", 1),
        lambda text: text + "\n",
        lambda text: json.dumps(json.loads(text)),
        lambda text: text.replace('"sha256"', '"sha256": "", "sha256"', 1),
        lambda text: text.replace('"manifest": {', '"manifest": {"version": 1, ', 1),
    ],
)
def test_a_manifest_that_says_the_same_in_another_text_is_named(
    sample: Sample, change: Callable[[str], str]
) -> None:
    path = sample.path(MANIFEST)
    path.write_text(change(path.read_text()))
    (found,) = sample.problems()
    assert f"{MANIFEST} is not the text that was written" in found or "lacks a part" in found


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"manifest": {"a": "\\ud800"}, "sha256": ""}', "\0", "9" * 5000]
)
def test_what_breaks_a_parser_is_no_manifest(sample: Sample, text: str) -> None:
    sample.path(MANIFEST).write_text(text)
    (found,) = sample.problems()
    assert f"{MANIFEST} is no manifest" in found


def test_swapped_manifests_of_two_days_are_named_in_both(sample: Sample) -> None:
    sample.connection.execute("delete from letters where answers is not null")
    write(sample.connection, sample.store, "two")
    one, two = (sample.store.locate(f"archives/{name}/{MANIFEST}") for name in ("one", "two"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)

    assert find_problems(sample.store, "archives/one") == [
        "archives/one/manifest.json belongs to the archive two."
    ]
    assert find_problems(sample.store, "archives/two") == [
        "archives/two/manifest.json belongs to the archive one."
    ]


def test_a_folder_that_took_the_name_of_another_day_is_named(sample: Sample) -> None:
    sample.path(".").rename(sample.path("../two"))
    assert find_problems(sample.store, "archives/two") == [
        "archives/two/manifest.json belongs to the archive one."
    ]


def test_a_file_in_a_folder_below_is_extra_even_under_a_name_of_the_manifest(sample: Sample) -> None:
    below = sample.path("below")
    below.mkdir()
    shutil.copy(sample.file(), below / PEOPLE)
    assert sample.problems() == [f"below/{PEOPLE} is in the folder and not in the manifest."]
    sample.file().unlink()
    assert sample.problems() == [
        f"below/{PEOPLE} is in the folder and not in the manifest.",
        f"{PEOPLE} is missing.",
    ]


@pytest.mark.parametrize("name", [PEOPLE, MANIFEST])
@pytest.mark.parametrize("target", ["inside", "outside", "nowhere"])
def test_a_link_is_no_file_of_the_archive(sample: Sample, tmp_path: Path, name: str, target: str) -> None:
    """What it leads to may go with another archive, or be another file tomorrow."""
    kept = {"inside": sample.store.root / "kept", "outside": tmp_path / "kept", "nowhere": tmp_path / "gone"}[
        target
    ]
    if target != "nowhere":
        shutil.copy(sample.path(name), kept)
    path = sample.path(".") / name
    path.unlink()
    path.symlink_to(kept)

    (found,) = sample.problems()

    assert f"{name} is a link, and no file of the archive's own" in found


@pytest.mark.parametrize("target", [".", "/"])
def test_a_link_to_a_folder_is_extra(sample: Sample, target: str) -> None:
    (sample.path(".") / "below").symlink_to(target)
    assert sample.problems() == ["below is in the folder and not in the manifest."]


def test_a_pipe_in_the_place_of_a_file_does_not_stop_the_look(sample: Sample) -> None:
    sample.file().unlink()
    os.mkfifo(sample.file())
    assert sample.problems() == [f"{PEOPLE} is missing."]


def encrypted(sample: Sample) -> str:
    key = pyrage.x25519.Identity.generate()
    sample.archive = write(sample.connection, sample.store, "secret", recipient=str(key.to_public()))
    sample.identity = str(key)
    assert sample.problems() == []
    return sample.identity


@pytest.mark.parametrize("place", [3, 40, -200, -5])
def test_a_damaged_encrypted_file_is_named_beside_a_manifest_that_was_adapted(
    sample: Sample, place: int
) -> None:
    identity = encrypted(sample)
    content = bytearray(sample.file().read_bytes())
    content[place] ^= 1
    sample.file().write_bytes(content)
    sample.rewrite(lambda m: m["tables"][0].update(file_sha256=hashlib.sha256(content).hexdigest()))

    assert sample.problems() == [
        f"{PEOPLE}.age cannot be decrypted with ARCHIVE_AGE_IDENTITY: it is damaged, or for another key."
    ]
    with pytest.raises(ArchiveError, match="cannot be decrypted"):
        restore.restore(
            sample.scratch,
            sample.store,
            sample.folder,
            archive=read_archive(sample.store, sample.folder),
            identity=identity,
        )


READER = """
import os, signal, sys
from pathlib import Path
from sync_pipelines.lib.archive.table_stream import raw_stream
with raw_stream(Path(sys.argv[1]), sys.argv[2]) as stream:
    print(len(stream.read(10)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_no_decrypted_rows(sample: Sample, tmp_path: Path) -> None:
    identity = encrypted(sample)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", READER, str(sample.file()), identity],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "10\n")
    assert list(temporary.iterdir()) == []


def restored(sample: Sample) -> restore.Restored:
    archive = read_archive(sample.store, sample.folder)
    return restore.restore(sample.scratch, sample.store, sample.folder, archive=archive)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda raw: raw.replace(b"Pessoa 7\\t", b"Pessoa 8\\t"),
            "public.people: the rows that came back are not those that were archived.",
        ),
        (
            lambda raw: raw.replace(b"2000-01-08", b"2000-01-09"),
            "public.people: the rows that came back are not",
        ),
        (lambda raw: raw + raw.partition(b"\n")[0] + b"\n", "public.people: 201 rows came back of 200."),
        (lambda raw: raw.partition(b"\n")[2], "public.people: 199 rows came back of 200."),
    ],
)
def test_the_drill_compares_what_came_back_and_not_only_how_much(
    sample: Sample, change: Callable[[bytes], bytes], said: str
) -> None:
    """Without verifying the files first: the restored table itself is compared with the manifest."""
    forge(sample, change)
    assert any(said in difference for difference in restored(sample).differences)


def test_a_doubled_row_breaks_its_key_and_a_lost_one_its_references(sample: Sample) -> None:
    forge(sample, lambda raw: raw + raw.partition(b"\n")[0] + b"\n")
    assert "public.people: its primary key does not hold." in restored(sample).differences


def test_a_lost_row_leaves_references_that_do_not_hold(sample: Sample) -> None:
    forge(sample, lambda raw: raw.partition(b"\n")[2])
    (key,) = [one for one in restored(sample).differences if "FOREIGN KEY (person)" in one]
    assert key.endswith("does not hold.")


def test_the_order_of_the_tables_does_not_matter(sample: Sample) -> None:
    """Children before their parents, and two tables that refer to each other."""
    sample.connection.execute("alter table people add favourite bigint references letters (id)")
    sample.connection.execute(
        "update people set favourite = (select min(id) from letters where person = people.id)"
    )
    with sample.connection.transaction():
        sample.archive = ArchiveWriter(sample.connection, sample.store, "archives").write(
            "turned", list(reversed(TABLES)), made_at=MADE, run_id="r"
        )
    assert restored(sample).differences == ()
    keys = sample.scratch.execute("select count(*) from pg_constraint where contype = 'f'").fetchone()
    assert keys == (3,)


@pytest.mark.parametrize(
    "raw", [b"only one column\n", b"\\N\n", b"a\tb\n" * 3, b"\xff\xfe\n", b"", b"\n\n", b"\\.\n"]
)
def test_a_stream_that_is_no_copy_of_the_table_is_a_sentence(sample: Sample, raw: bytes) -> None:
    repack(sample.file(), lambda _: raw)
    archive = sample.archive
    try:
        differences = restore.restore(
            sample.scratch, sample.store, sample.folder, archive=archive
        ).differences
    except SyncError as error:
        differences = (str(error),)
    assert any("people" in one or "scratch database" in one for one in differences)


WRITER = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
import psycopg
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.storage.folder_store import FolderStore
url, root, limit, recipient = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
with psycopg.connect(url) as connection:
    connection.execute("set transaction isolation level repeatable read")
    writer = ArchiveWriter(connection, FolderStore(Path(root)), "archives", recipient=recipient or None)
    try:
        tables = ["public.people", "public.letters"]
        writer.write("full", tables, made_at=datetime(2026, 11, 24, tzinfo=UTC), run_id="r")
    except SyncError as error:
        print(error)
"""


def limited(sample: Sample, limit: int, recipient: str = "") -> str:
    """What a process says that may write no file larger than `limit` bytes."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            WRITER,
            sample.connection.info.dsn + f" password={sample.connection.info.password}",
            str(sample.store.root),
            str(limit),
            recipient,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("encrypting", [False, True])
def test_a_disk_that_fills_up_at_any_point_leaves_nothing(sample: Sample, encrypting: bool) -> None:
    """The kernel refuses the byte after the limit: in a table's file, in its encryption, in the manifest."""
    recipient = str(pyrage.x25519.Identity.generate().to_public()) if encrypting else ""
    largest = max(table.file_bytes for table in sample.archive.tables)
    limits = (0, 100, largest - 1, largest + 20 if encrypting else 1)
    for limit in limits:
        said = limited(sample, limit, recipient)
        assert "could not be written: File too large. Nothing of it was kept." in said
        assert sample.store.names("archives/full") == []
    assert list(sample.store.root.rglob("incoming/*")) == []
