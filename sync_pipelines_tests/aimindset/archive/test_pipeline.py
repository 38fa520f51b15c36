"""Archives: their content, what a failed write leaves, and that only those in the catalog are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.archive.pipeline import ArchivePipeline
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.aimindset.database import open_snapshot
from sync_pipelines.lib.archive.manifest import read_archive
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.project_states import TOMORROW, files_of_an_archive, tomorrow


def later(project: Project, *, days: int = 0, minutes: int = 0) -> Project:
    moment = NOW + timedelta(days=days, minutes=minutes)
    return project.with_clock(lambda: moment)


def put_strangers_archive(project: Project, archive_id: str) -> None:
    """An archive that another installation wrote into the same store: whole, of today, with fewer rows."""
    store = project.archives.store
    ours = project.catalog.backups(assets.ARCHIVE)[0]
    folder = f"{stored.PREFIX}/{ours.name}"
    made = replace(read_archive(store, folder), id=archive_id, run_id="staging")
    for table in made.tables:
        with store.fetch(f"{folder}/{table.file}") as file, store.incoming(stored.PREFIX, ".zst") as path:
            path.write_bytes(file.read_bytes())
            store.put(path, f"{stored.PREFIX}/{archive_id}/{table.file}")
    with store.incoming(stored.PREFIX, ".json") as path:
        path.write_text(made.as_text(), encoding="utf-8")
        store.put(path, f"{stored.PREFIX}/{archive_id}/manifest.json")


def test_an_archive_of_another_installation_is_not_the_days(project: Project) -> None:
    assert project.day().archive is not None
    put_strangers_archive(project, "20261124T060000000000Z")
    assert files_of_an_archive(project, "20261124T060500000000Z")
    project.ops.execute("update ops.copies set partition_key = '2026-11-01'")
    said: list[str] = []

    day = later(project, minutes=1).day(log=said.append)

    assert (day.problems, day.existing) == ({}, {})
    assert day.archive is not None
    known = {copy.name for copy in project.catalog.backups(assets.ARCHIVE)}
    assert not known & {"20261124T060000000000Z", "20261124T060500000000Z"}
    assert any(
        "20261124T060000000000Z, 20261124T060500000000Z: in the store, and never" in one for one in said
    )
    assert project.archives.ids() >= {"20261124T060000000000Z", "20261124T060500000000Z"}


def test_rows_of_a_table_that_inherits_are_in_the_archive(project: Project) -> None:
    project.database.execute(
        "create table comments_of_2024 () inherits (comments);"
        "insert into comments_of_2024 (id, article_id, user_name, content)"
        " select gen_random_uuid(), id, 'Ana', 'um comentário antigo' from articles"
    )
    day = project.day()
    assert day.problems == {}
    assert day.archive is not None
    rows = {table.name: table.rows for table in day.archive.tables}
    assert rows["public.comments"] == project.value("select count(*) from comments")


def test_a_table_that_is_in_no_archive_any_more_is_said_until_it_is_accepted(project: Project) -> None:
    assert project.day().problems == {}
    project.database.execute("drop table alert_subscriptions cascade")
    for minutes in (0, 1):
        day = later(project, days=1, minutes=minutes).day(TOMORROW)
        assert set(day.problems) == {assets.ARCHIVE}
        assert "[not_collapsed] public.alert_subscriptions is gone" in str(day.problems[assets.ARCHIVE])
    newest = project.catalog.newest_proved(assets.ARCHIVE)
    assert newest is not None
    assert newest.partition_key == TODAY

    day = later(project, days=1, minutes=2).day(TOMORROW, accepted=["not_collapsed"])

    assert day.problems == {}
    assert set(day.existing) == {assets.BACKUP}
    assert day.archive is not None


def test_an_archive_that_lost_its_manifest_keeps_its_rows_and_counts_for_nothing(project: Project) -> None:
    """What the catalog has is no remains of a crash: a person may still save the rows."""
    short = project.with_(aimindset_archive_retention="1 daily, at least 1")
    day = short.day()
    assert day.archive is not None
    store = project.archives.store
    folder = f"{stored.PREFIX}/{day.archive.id}"
    files = store.names(folder)
    store.remove(f"{folder}/manifest.json")

    later = tomorrow(short).day(TOMORROW)

    assert later.problems == {}
    assert len(store.names(folder)) == len(files) - 1


def test_archives_that_somebody_removed_fill_no_place_of_the_policy(project: Project) -> None:
    short = project.with_(aimindset_archive_retention="2 daily, at least 2")
    first = short.day()
    second = tomorrow(short).day(TOMORROW)
    assert first.archive is not None
    assert second.archive is not None
    short.archives.remove(second.archive.id)

    pruning = short.pipeline.archive.retention.plan(project.catalog, NOW + timedelta(days=1))

    assert list(pruning.plan.keep) == [first.archive.id]
    assert pruning.damaged == {second.archive.id: ["somebody removed it from the store."]}
    assert [copy.name for copy in project.catalog.backups(assets.ARCHIVE)] == [first.archive.id]


@dataclass(frozen=True)
class FullStore(FolderStore):
    """A store whose disk is full: the kernel says so at the first byte."""

    @contextmanager
    def incoming(self, folder: str, suffix: str) -> Iterator[Path]:
        yield Path("/dev/full")


def test_a_full_disk_while_archiving_is_a_sentence_and_leaves_nothing(
    project: Project, tmp_path: Path
) -> None:
    archives = StoredArchives(FullStore(tmp_path / "full"))
    pipeline = ArchivePipeline(archives, Policy.parse("at least 1"))
    with (
        open_snapshot(project.url) as (reader, _),
        pytest.raises(
            PermanentError, match=r"The archive of public\.articles could not be written: No space"
        ),
    ):
        pipeline.run(reader, project.catalog, partition_key=TODAY, made_at=NOW, run_id="r")
    assert archives.store.names(stored.PREFIX) == []
    assert project.catalog.backups(assets.ARCHIVE) == []


def test_a_store_that_cannot_be_written_fails_the_archive_alone(project: Project) -> None:
    """The backup counts, and a person is notified once."""
    landing = Path(project.settings.landing_url)
    landing.mkdir()
    (landing / "aimindset").write_text("in the way")
    day = project.day()

    assert set(day.problems) == {assets.ARCHIVE}
    assert len(project.logged("auto_backup")) == 1
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1
    assert list(project.day().existing) == [assets.BACKUP]
    assert len(project.fake.alerts) == 1


def test_a_folder_that_is_no_archive_of_ours_stays(project: Project) -> None:
    assert files_of_an_archive(project, "anotacoes")
    project.day()
    assert project.archives.store.names(f"{stored.PREFIX}/anotacoes") != []


def test_an_unknown_manifest_that_cannot_be_believed_is_not_called_recorded(project: Project) -> None:
    store = project.archives.store
    with store.incoming(stored.PREFIX, ".json") as path:
        path.write_text("{}")
        store.put(path, f"{stored.PREFIX}/20260101T000000000000Z/manifest.json")
    said: list[str] = []
    assert project.day(log=said.append).problems == {}
    assert not [line for line in said if "crash" in line]
