"""Archives: written, verified, damaged in every way we know, restored and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.manifest import ArchiveError, checksum, read_archive
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines_tests.lib.archive.sample import (
    LETTERS,
    MADE,
    PEOPLE,
    TABLES,
    Sample,
    as_written,
    forge,
    write,
)


def swap(first: Path, second: Path) -> None:
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def other_archive(sample: Sample) -> None:
    sample.connection.execute("update people set name = upper(name)")
    two = write(sample.connection, sample.store, "two")
    sample.file().write_bytes(sample.store.locate(f"archives/two/{two.tables[0].file}").read_bytes())


def other_manifest(sample: Sample) -> None:
    write(sample.connection, sample.store, "two")
    sample.path("manifest.json").write_bytes(sample.store.locate("archives/two/manifest.json").read_bytes())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda s: s.path("manifest.json").unlink(),
            "manifest.json is missing: without it there is no archive",
        ),
        (lambda s: s.path("manifest.json").write_bytes(b"\xff\xfe\x00"), "manifest.json cannot be read"),
        (lambda s: s.path("manifest.json").write_text("{}"), "manifest.json is no manifest"),
        (lambda s: s.path("manifest.json").write_text("[]"), "manifest.json is no manifest"),
        (lambda s: s.path("manifest.json").write_text(""), "manifest.json is no manifest"),
        (lambda s: s.rewrite(lambda m: m.update(run_id="x"), sign=False), "does not match its own checksum"),
        (lambda s: s.rewrite(lambda m: m.update(version=2)), "is of version 2; this program reads 1"),
        (lambda s: s.rewrite(lambda m: m.pop("tables")), "lacks a part of a manifest"),
        (lambda s: s.rewrite(lambda m: m["tables"][0].pop("rows")), "lacks a part of a manifest"),
        (lambda s: s.rewrite(lambda m: m["tables"].append(m["tables"][0])), f"names {PEOPLE} twice"),
        (lambda s: s.rewrite(lambda m: m["tables"][0].update(file="../x")), "names files outside its folder"),
        (other_manifest, "manifest.json belongs to the archive two"),
        (lambda s: s.file().unlink(), f"{PEOPLE} is missing"),
        (
            lambda s: s.path("extra.copy.zst").write_text("x"),
            "extra.copy.zst is in the folder and not in the manifest",
        ),
        (lambda s: s.file().write_bytes(s.file().read_bytes()[:-9]), f"{PEOPLE} is cut"),
        (lambda s: s.file().write_bytes(b""), f"{PEOPLE} is cut: 0 of"),
        (lambda s: s.file().write_bytes(s.file().read_bytes() + b"x"), f"{PEOPLE} has grown"),
        (lambda s: flip(s.file()), f"{PEOPLE} was replaced or altered"),
        (other_archive, PEOPLE),
        (
            lambda s: forge(s, lambda raw: raw.replace(b"Pessoa 7", b"Pessoa 8")),
            f"{PEOPLE} holds other content",
        ),
        (
            lambda s: forge(s, lambda raw: raw.partition(b"\n")[2]),
            f"{PEOPLE} holds 199 rows, and the manifest says 200",
        ),
        (lambda s: forge(s, lambda raw: raw + raw.partition(b"\n")[0] + b"\n"), f"{PEOPLE} holds 201 rows"),
        (
            lambda s: s.rewrite(lambda m: m["tables"][1].update(rows=7)),
            f"{LETTERS} holds 400 rows, and the manifest",
        ),
        (
            lambda s: s.rewrite(lambda m: m["tables"][1].update(sha256="0" * 64)),
            f"{LETTERS} holds other content",
        ),
    ],
)
def test_every_damage_is_named(sample: Sample, damage: Callable[[Sample], object], said: str) -> None:
    damage(sample)
    found = sample.problems()
    assert len(found) == 1
    assert said in found[0]


def test_swapped_files_are_named_as_such(sample: Sample) -> None:
    swap(sample.file(0), sample.file(1))
    assert sample.problems() == [
        f"{PEOPLE} holds what belongs to public.letters: the files were swapped.",
        f"{LETTERS} holds what belongs to public.people: the files were swapped.",
    ]


def test_a_file_that_is_no_zstd_is_named(sample: Sample) -> None:
    import hashlib

    sample.file().write_bytes(b"nothing of the kind")
    digest = hashlib.sha256(b"nothing of the kind").hexdigest()
    sample.rewrite(lambda m: m["tables"][0].update(file_sha256=digest, file_bytes=19))
    assert sample.problems() == [f"{PEOPLE} cannot be decompressed: it is damaged."]


def test_no_row_content_is_in_the_manifest_and_files_are_private(sample: Sample) -> None:
    text = sample.path("manifest.json").read_text()
    assert "Pessoa" not in text
    assert {path.stat().st_mode & 0o777 for path in sample.path(".").iterdir()} == {0o600}


def test_an_archive_comes_back_as_it_was(sample: Sample) -> None:
    restored = restore.restore(
        sample.scratch, sample.store, sample.folder, archive=read_archive(sample.store, sample.folder)
    )
    assert restored.differences == ()
    assert restored.rows == 600
    # The enum is unknown in the scratch database: its words are kept as text, and that is said.
    assert restored.as_text == ("public.people.feeling",)
    query = b"select * from public.letters order by id"
    assert sample.scratch.execute(query).fetchall() == sample.connection.execute(query).fetchall()
    constraints = sample.scratch.execute(
        "select contype::text, count(*) from pg_constraint where contype in ('p', 'f')"
        " and connamespace = 'public'::regnamespace group by 1 order by 1"
    ).fetchall()
    assert constraints == [("f", 2), ("p", 2)]


def test_a_manifest_that_lies_about_the_content_is_caught_by_the_restore(sample: Sample) -> None:
    archive = read_archive(sample.store, sample.folder)
    people = replace(archive.tables[0], sha256="0" * 64)
    lying = replace(archive, tables=(people, archive.tables[1]))
    restored = restore.restore(sample.scratch, sample.store, sample.folder, archive=lying)
    assert restored.differences == (
        "public.people: the rows that came back are not those that were archived.",
    )


def test_an_encrypted_archive_needs_its_identity(sample: Sample) -> None:
    key, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    sample.archive = write(sample.connection, sample.store, "secret", recipient=str(key.to_public()))
    assert b"Pessoa" not in sample.file().read_bytes()
    assert sample.file().name == "public.people.copy.zst.age"

    assert sample.problems() == []  # without the identity only the files are looked at
    sample.identity = str(key)
    assert sample.problems() == []
    sample.identity = str(stranger)
    assert "cannot be decrypted with ARCHIVE_AGE_IDENTITY" in sample.problems()[0]
    sample.identity = "AGE-SECRET-KEY-1NONSENSE"
    assert "is no age identity" in sample.problems()[0]
    assert "NONSENSE" not in sample.problems()[0]
    with pytest.raises(ArchiveError, match="ARCHIVE_AGE_IDENTITY is not set"):
        restore.restore(sample.scratch, sample.store, sample.folder, archive=sample.archive)


def test_an_encrypted_archive_comes_back(sample: Sample) -> None:
    key = pyrage.x25519.Identity.generate()
    sample.archive = write(sample.connection, sample.store, "secret", recipient=str(key.to_public()))
    restored = restore.restore(
        sample.scratch, sample.store, sample.folder, archive=sample.archive, identity=str(key)
    )
    assert restored.differences == ()


def test_a_wrong_recipient_leaves_nothing(sample: Sample) -> None:
    with pytest.raises(PermanentError, match="no age recipient"):
        write(sample.connection, sample.store, "secret", recipient="age1nonsense")
    assert sample.store.names("archives/secret") == []


def test_a_write_that_fails_in_the_middle_leaves_nothing(sample: Sample) -> None:
    with sample.connection.transaction(), pytest.raises(PermanentError, match=r"no table public\.gone"):
        ArchiveWriter(sample.connection, sample.store, "archives").write(
            "half", [*TABLES, "public.gone"], made_at=MADE, run_id="r"
        )
    assert sample.store.names("archives/half") == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(sample: Sample) -> None:
    import errno
    import os

    @dataclass(frozen=True)
    class FullStore(FolderStore):
        """A store whose disk fills up with the second file."""

        def put(self, path: Path, name: str) -> Any:
            if "letters" in name:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().put(path, name)

    with sample.connection.transaction(), pytest.raises(PermanentError, match="No space left on device"):
        ArchiveWriter(sample.connection, FullStore(sample.store.root), "archives").write(
            "full", TABLES, made_at=MADE, run_id="r"
        )
    assert sample.store.names("archives/full") == []
    assert list(sample.store.root.rglob("incoming/*")) == []


def test_nothing_under_a_name_is_overwritten(sample: Sample) -> None:
    sample.connection.execute("delete from letters where answers is not null")
    with pytest.raises(PermanentError, match="is not overwritten"):
        write(sample.connection, sample.store, "one")


def places(node: object, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a manifest."""
    for key, value in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield (*above, key)
        yield from places(value, (*above, key))


def test_a_manifest_of_odd_values_is_named_and_never_breaks_the_verification(sample: Sample) -> None:
    """Every value replaced by one of another kind, or taken away, by somebody who knows the checksum."""
    path = sample.path("manifest.json")
    content = json.loads(path.read_text())["manifest"]
    unnamed = []
    for place in places(content):
        for odd in (None, 7, "odd", [], {}, True):
            changed = json.loads(json.dumps(content))
            node = changed
            for key in place[:-1]:
                node = node[key]
            if type(node[place[-1]]) is type(odd):
                continue
            node[place[-1]] = odd
            path.write_text(as_written({"manifest": changed, "sha256": checksum(changed)}))
            if not sample.problems():
                unnamed.append((place, odd))
    assert unnamed == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda m: m["tables"][0].update(primary_key=["gone"]),
            "gives public.people a key of columns that it lacks",
        ),
        (lambda m: m["tables"][0]["columns"].pop(), "holds rows of another number of columns than the 10"),
        (lambda m: m["tables"][1].update(name="public.people"), "names public.people twice"),
        (lambda m: m.update(made_at="ontem"), "lacks a part of a manifest, or has one of another kind"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_named(
    sample: Sample, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    sample.rewrite(change)
    (found,) = sample.problems()
    assert said in found


def test_keys_to_what_is_in_no_archive_do_not_stop_a_restore(sample: Sample) -> None:
    """Supabase's tables refer to its own schema `auth`, which no scratch database has."""
    sample.connection.execute(
        "create schema auth; create table auth.users (id uuid primary key);"
        " create table words (word text unique);"
        " alter table people add author uuid references auth.users (id), add word text references words (word)"
    )
    with sample.connection.transaction():
        archive = ArchiveWriter(sample.connection, sample.store, "archives").write(
            "keys", [*TABLES, "public.words"], made_at=MADE, run_id="r"
        )
    restored = restore.restore(sample.scratch, sample.store, "archives/keys", archive=archive)
    assert len(archive.tables[0].foreign_keys) == 2
    assert restored.differences == ()


def test_a_store_that_fails_while_it_is_cleaned_does_not_hide_why(sample: Sample) -> None:
    @dataclass(frozen=True)
    class StuckStore(FolderStore):
        def remove(self, name: str) -> None:
            raise PermanentError("nothing can be removed")

    with sample.connection.transaction(), pytest.raises(PermanentError, match=r"no table public\.gone"):
        ArchiveWriter(sample.connection, StuckStore(sample.store.root), "archives").write(
            "half", [*TABLES, "public.gone"], made_at=MADE, run_id="r"
        )
