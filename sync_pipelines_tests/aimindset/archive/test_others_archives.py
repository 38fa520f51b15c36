"""What is in an archive: all rows, all tables of before. And whose it is: what the catalog never knew is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.lib.archive.verify import read_archive
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.test_recovery import files_of_an_archive

TOMORROW = "2026-11-25"


def later(house: Project, *, days: int = 0, minutes: int = 0) -> Project:
    moment = NOW + timedelta(days=days, minutes=minutes)
    return replace(house, backups=replace(house.backups, clock=lambda: moment))


def put_strangers_archive(house: Project, archive_id: str) -> None:
    """An archive that another installation wrote into the same store: whole, of today, with fewer rows."""
    store = house.backups.archiver.store
    ours = house.catalog.backups(archives.ASSET)[0]
    folder = f"{archives.PREFIX}/{ours.name}"
    made = replace(read_archive(store, folder), id=archive_id, run_id="staging")
    for table in made.tables:
        with store.fetch(f"{folder}/{table.file}") as file, store.incoming(archives.PREFIX, ".zst") as path:
            path.write_bytes(file.read_bytes())
            store.put(path, f"{archives.PREFIX}/{archive_id}/{table.file}")
    with store.incoming(archives.PREFIX, ".json") as path:
        path.write_text(made.as_text(), encoding="utf-8")
        store.put(path, f"{archives.PREFIX}/{archive_id}/manifest.json")


def test_an_archive_of_another_installation_is_not_the_days(house: Project) -> None:
    assert house.day().archive is not None
    put_strangers_archive(house, "20261124T060000000000Z")
    assert files_of_an_archive(house, "20261124T060500000000Z")
    house.ops.execute("update ops.copies set partition_key = '2026-11-01'")
    said: list[str] = []

    day = later(house, minutes=1).day(tell=said.append)

    assert (day.problems, day.already) == ({}, {})
    assert day.archive is not None
    known = {copy.name for copy in house.catalog.backups(archives.ASSET)}
    assert not known & {"20261124T060000000000Z", "20261124T060500000000Z"}
    assert any(
        "20261124T060000000000Z, 20261124T060500000000Z: in the store, and never" in one for one in said
    )
    assert house.backups.archiver.ids() >= {"20261124T060000000000Z", "20261124T060500000000Z"}


def test_rows_of_a_table_that_inherits_are_in_the_archive(house: Project) -> None:
    house.database.execute(
        "create table comments_of_2024 () inherits (comments);"
        "insert into comments_of_2024 (id, article_id, user_name, content)"
        " select gen_random_uuid(), id, 'Ana', 'um comentário antigo' from articles"
    )
    day = house.day()
    assert day.problems == {}
    assert day.archive is not None
    rows = {table.name: table.rows for table in day.archive.tables}
    assert rows["public.comments"] == house.value("select count(*) from comments")


def test_a_table_that_is_in_no_archive_any_more_is_said_until_it_is_accepted(house: Project) -> None:
    assert house.day().problems == {}
    house.database.execute("drop table alert_subscriptions cascade")
    for minutes in (0, 1):
        day = later(house, days=1, minutes=minutes).day(TOMORROW)
        assert set(day.problems) == {archives.ASSET}
        assert "[not_collapsed] public.alert_subscriptions is gone" in str(day.problems[archives.ASSET])
    newest = house.catalog.newest_proved(archives.ASSET)
    assert newest is not None
    assert newest.partition_key == TODAY

    day = later(house, days=1, minutes=2).day(TOMORROW, accepted=["not_collapsed"])

    assert day.problems == {}
    assert set(day.already) == {ASSET}
    assert day.archive is not None
