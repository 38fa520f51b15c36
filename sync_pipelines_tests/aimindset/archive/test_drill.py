"""Drills that cannot be done, two at once, and what they leave behind: a record, and no database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.drill import DrillReport, drill
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.postgres.scratch import PREFIX, scratch_database
from sync_pipelines_tests.aimindset.conftest import NOW, Project


@pytest.fixture
def server(project: Project) -> str:
    """Where the tests' drills restore: the server of the tests."""
    info = project.database.info
    return f"postgresql://postgres:{info.password}@127.0.0.1:{info.port}/postgres"


def left(project: Project) -> list[str]:
    rows = project.database.execute("select datname from pg_database where datname like %s", (f"{PREFIX}%",))
    return [name for (name,) in rows]


def drilled(project: Project, url: str, **options: Any) -> DrillReport:
    return drill(project.archives, project.catalog, lambda: scratch_database(url), run_id="drill", **options)


def test_two_drills_at_once_do_not_take_each_others_database(server: str) -> None:
    """One has made its database and is not in it yet when the other looks for leftovers."""
    with scratch_database(server) as first, scratch_database(server) as second:
        for url in (first, second):
            with psycopg.connect(url) as connection:
                assert connection.execute("select 1").fetchone() == (1,)


def test_two_drills_of_an_archive_at_once_both_come_back(project: Project, server: str) -> None:
    assert project.day().problems == {}
    reports: list[DrillReport] = []
    with psycopg.connect(project.ops.info.dsn, password=project.ops.info.password, autocommit=True) as other:
        second = type(project.catalog)(other)
        archives = project.archives
        thread = threading.Thread(
            target=lambda: reports.append(
                drill(archives, second, lambda: scratch_database(server), run_id="two")
            )
        )
        thread.start()
        reports.append(drilled(project, server))
        thread.join()
    assert [report.restored.differences for report in reports] == [(), ()]
    assert [one.equal for one in project.catalog.drills(assets.DRILL)] == [True, True]
    assert left(project) == []


def test_a_drill_that_loses_its_server_is_in_the_catalog_and_leaves_nothing_for_long(
    project: Project, server: str
) -> None:
    assert project.day().problems == {}

    @contextmanager
    def restarted() -> Iterator[str]:
        with scratch_database(server) as url:
            yield url
            project.database.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'postgres'"
            )

    with pytest.raises(TransientError, match="the scratch database"):
        drill(project.archives, project.catalog, restarted, run_id="cut")
    (line,) = project.catalog.drills(assets.DRILL)
    assert not line.equal
    assert "scratch database" in line.details["problem"]
    assert len(left(project)) == 1

    drilled(project, server)
    assert left(project) == []


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), RuntimeError("no server")])
def test_a_drill_that_a_machine_fails_is_in_the_catalog(project: Project, fault: Exception) -> None:
    assert project.day().problems == {}

    @contextmanager
    def broken() -> Iterator[str]:
        raise fault
        yield ""

    with pytest.raises(type(fault)):
        drill(project.archives, project.catalog, broken, run_id="broken")
    assert [one.equal for one in project.catalog.drills(assets.DRILL)] == [False]


def test_a_server_that_may_not_make_databases_is_a_sentence(project: Project, server: str) -> None:
    project.database.execute("drop role if exists poor")
    project.database.execute("create role poor login password 'uma-senha-longa'")
    try:
        poor = server.replace(f"postgres:{project.database.info.password}@", "poor:uma-senha-longa@")
        assert project.day().problems == {}
        with pytest.raises(SyncError, match="the scratch database: permission denied"):
            drilled(project, poor)
        assert left(project) == []
    finally:
        project.database.execute("drop role poor")


@pytest.mark.parametrize(
    ("trigger", "body"),
    [
        ("create trigger louder before insert", "new.title = upper(new.title)"),
        (
            "create constraint trigger louder after insert on public.articles deferrable initially deferred",
            "update public.articles set title = upper(title) where id = new.id",
        ),
        ("create trigger louder before insert", "new.excerpt = new.excerpt || chr(31)"),
    ],
)
def test_restored_content_that_differs_is_named_though_the_files_were_in_order(
    project: Project, server: str, trigger: str, body: str
) -> None:
    """A scratch server that changes what it is given: the rows are as many, and other ones."""
    assert project.day().problems == {}
    on = "" if " on " in trigger else " on public.articles"

    @contextmanager
    def changing() -> Iterator[str]:
        with scratch_database(server) as url:
            with psycopg.connect(url) as connection:
                connection.execute(
                    "create function louder() returns trigger language plpgsql as"
                    f" $$begin {body}; return new; end$$;"
                    " create function change() returns event_trigger language plpgsql as $$begin"
                    " if to_regclass('public.articles') is not null and not exists"
                    " (select from pg_trigger where tgname = 'louder') then"
                    f" {trigger}{on} for each row"
                    " execute function public.louder(); end if; end$$;"
                    " create event trigger change on ddl_command_end when tag in ('CREATE TABLE')"
                    " execute function change()".encode()
                )
            yield url

    with pytest.raises(SyncError, match=r"public\.articles: the rows that came back are not those"):
        drill(project.archives, project.catalog, changing, run_id="loud")
    assert left(project) == []


def test_a_drill_takes_the_newest_archive_that_was_proved(project: Project, server: str) -> None:
    assert project.day().problems == {}
    first = project.catalog.newest_proved(assets.ARCHIVE)
    later = project.with_clock(lambda: NOW + timedelta(minutes=5))
    assert later.day(force=True, wanted=[assets.ARCHIVE]).problems == {}
    second = project.catalog.newest_proved(assets.ARCHIVE)
    assert first is not None
    assert second is not None
    assert first.name < second.name == drilled(project, server).backup.name
    project.ops.execute("update ops.copies set proved = false where name = %s", (second.name,))
    assert drilled(project, server).backup.name == first.name


def test_types_of_odd_names_and_lengths_come_back(project: Project, server: str) -> None:
    project.database.execute(
        """create type "odd(one" as enum ('z'); alter table comments add column odd "odd(one" default 'z',
        add column names varchar(20)[] default '{a}',
        add column price numeric(10, 2)[] default '{1.50}', add column seen timestamp(3) with time zone default now(),
        add column lent interval second(2) default '1.25 s'"""
    )
    assert project.day().problems == {}
    report = drilled(project, server)
    assert report.restored.as_text == ("public.comments.odd",)
