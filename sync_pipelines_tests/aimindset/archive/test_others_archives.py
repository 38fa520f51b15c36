"""What is in an archive: all rows, all tables of before. And whose it is: what the catalog never knew is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.lib.archive.manifest import read_archive
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.test_recovery import files_of_an_archive

TOMORROW = "2026-11-25"


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
