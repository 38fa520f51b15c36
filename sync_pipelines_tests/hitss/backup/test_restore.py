"""A restore with others at work: another session, the application's triggers, events of the database."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from sync_pipelines.hitss.backup import load, restore, tables
from sync_pipelines.hitss.backup.tables import ASSET
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines_tests.cut_line import CutLine
from sync_pipelines_tests.hitss.copies import Kept
from sync_pipelines_tests.hitss.hostile import HOSTILE, Hostile

hostile_triggers = pytest.mark.parametrize("hostile", HOSTILE, ids=[one.name for one in HOSTILE])


def backups(kept: Kept) -> list[str]:
    return list(tables.find_tables(kept.database))


@hostile_triggers
def test_a_trigger_that_alters_what_is_restored_stops_the_restore(kept: Kept, hostile: Hostile) -> None:
    name = kept.back_up().backup.name
    kept.database.execute("update dre_hitss set valor = 5 where id <= 20")
    before = kept.rows()
    hostile.plant(kept.database, "dre_hitss")

    with pytest.raises(PermanentError, match="is not the backup after all"):
        kept.pipeline.restore("run-2", name)

    assert kept.rows() == before
    assert backups(kept) == [name]
    assert [copy.name for copy in kept.catalog.backups(ASSET)] == [name]


@pytest.mark.parametrize(
    ("victim", "deferred", "said"), [("=", False, "not what was proved"), ("<>", True, "is not what")]
)
def test_a_trigger_that_reaches_the_backups_themselves_is_found(
    kept: Kept, victim: str, deferred: bool, said: str
) -> None:
    """The backup that is restored, and the safety copy, are compared after everything ran, too."""
    name, before = kept.back_up().backup.name, kept.rows()
    Hostile(
        name="reaching out",
        when="after",
        body="if old.id = 1 then execute (select format('update %I set valor = 5', relname) from pg_class where"
        f" relkind = 'r' and relname like 'dre\\_hitss\\_backup%' and relname {victim} '{name}'); end if; return null;",
        deferred=deferred,
    ).plant(kept.database, "dre_hitss", "delete")

    with pytest.raises(PermanentError, match=said):
        kept.pipeline.restore("run-2", name)
    assert kept.rows() == kept.rows(name) == before


@pytest.mark.parametrize(
    "plant",
    [
        "create table audit (old_id bigint); create function note() returns trigger language plpgsql as"
        " 'begin insert into audit values (old.id); return null; end';"
        " create trigger note after delete on dre_hitss for each row execute function note()",
        "create table audit (old_id bigint); create function note() returns trigger language plpgsql as"
        " 'begin insert into audit values (1); return null; end';"
        " create constraint trigger note after insert or delete on dre_hitss deferrable initially deferred"
        " for each row execute function note()",
    ],
)
def test_triggers_that_only_look_do_not_stand_in_the_way(kept: Kept, plant: str) -> None:
    name, wanted = kept.back_up().backup.name, kept.rows()
    kept.database.execute("delete from dre_hitss where id <= 10")
    kept.database.execute(plant.encode())
    kept.pipeline.restore("run-2", name)
    assert kept.rows() == wanted


def test_an_emptied_table_is_restored(kept: Kept) -> None:
    """The day on which a restore is needed most: there is nothing left to make a safety copy of."""
    name, wanted = kept.back_up().backup.name, kept.rows()
    kept.database.execute("delete from dre_hitss")
    report = kept.pipeline.restore("run-2", name)
    assert kept.rows() == wanted
    assert kept.rows(report.safety.name) == []


class Writer:
    """A session that inserts rows one by one, each in a transaction of its own, until it is stopped."""

    def __init__(self, url: str) -> None:
        self.numbers: list[int] = []
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                row = connection.execute(
                    "insert into dre_hitss (execution_id, valor, competencia) values ('outro', 1, '2025-09-01')"
                    " returning id"
                ).fetchone()
                assert row is not None
                self.numbers.append(row[0])


def test_every_row_of_a_writer_beside_it_is_in_the_table_or_in_the_safety_copy(kept: Kept) -> None:
    name = kept.back_up().backup.name
    wanted = {row[0] for row in kept.rows()}
    with Writer(kept.url) as writer:
        while len(writer.numbers) < 20:
            pass
        safety = kept.pipeline.restore("run-2", name).safety.name
        reached = len(writer.numbers)
        while len(writer.numbers) < reached + 20:
            pass
    there, saved = ({row[0] for row in kept.rows(table)} for table in ("dre_hitss", safety))
    written = set(writer.numbers)
    assert written <= there | saved
    # What came before the lock is in the safety copy alone, what came after it in the table alone.
    assert written & there & saved == set()
    assert wanted <= there
    assert there <= wanted | written


STEPS = ["CREATE TABLE", "COMMENT"]


def test_a_writer_between_any_two_statements_loses_nothing(kept: Kept) -> None:
    """Before each message of the restore another session tries to commit a row of its own, and to change one."""
    name, wanted = kept.back_up().backup.name, kept.rows()
    written: list[int] = []
    with psycopg.connect(kept.url, autocommit=True) as other, CutLine(kept.url) as line:
        other.execute("set lock_timeout = '5ms'")

        def write() -> None:
            with suppress(psycopg.errors.LockNotAvailable):
                row = other.execute(
                    "insert into dre_hitss (execution_id, valor, competencia) values ('outro', 1, '2025-09-01')"
                    " returning id"
                ).fetchone()
                assert row is not None
                written.append(row[0])

        with load.connect(line.url) as connection:
            line.between = write
            copy = restore.find(kept.catalog, name)
            safety = restore.restore(
                connection, kept.catalog, copy, run_id="run-2", partition_key=kept.today
            ).safety.name
            line.between = None
    there, saved = ({row[0] for row in kept.rows(table)} for table in ("dre_hitss", safety))
    assert written
    assert set(written) <= there | saved
    assert kept.rows() == wanted + [row for row in kept.rows() if row[0] in written]


def test_rows_that_hang_on_the_table_by_a_cascade_stop_the_restore(kept: Kept) -> None:
    name = kept.back_up().backup.name
    kept.database.execute(
        "create table notas (dre_id bigint references dre_hitss on delete cascade, nota text);"
        " insert into notas values (1, 'importante')"
    )
    with pytest.raises(PermanentError, match="notas"):
        kept.pipeline.restore("run-2", name)
    assert kept.value("select count(*) from notas") == 1


def test_a_table_that_is_held_is_not_waited_for(kept: Kept) -> None:
    name = kept.back_up().backup.name
    before = kept.rows()
    with psycopg.connect(kept.url) as holder, holder.transaction(force_rollback=True):
        holder.execute("update dre_hitss set valor = valor where id = 1")
        with load.connect(kept.url) as connection:
            connection.execute("set lock_timeout = '50ms'")
            with pytest.raises(TransientError, match="Another session holds"):
                restore.restore(
                    connection,
                    kept.catalog,
                    restore.find(kept.catalog, name),
                    run_id="run-2",
                    partition_key=kept.today,
                )
    assert kept.rows() == before
    assert backups(kept) == [name]


EVENTS = {
    "the copy, when it is named": "execute (select format('update %I set valor = 0', relname) from pg_class where"
    " relkind = 'r' and relname like 'dre\\_hitss\\_backup%');",
    "the table itself": "update dre_hitss set valor = 0;",
}


@pytest.mark.parametrize("victim", EVENTS)
@pytest.mark.parametrize("tag", STEPS)
def test_an_event_of_the_database_that_alters_a_backup_stops_it(kept: Kept, victim: str, tag: str) -> None:
    """COMMENT is the last statement of a backup: what happens at it is looked at as well."""
    kept.database.execute(
        f"create function stop() returns event_trigger language plpgsql as $$begin {EVENTS[victim]} end$$;"
        f" create event trigger stop on ddl_command_end when tag in ('{tag}') execute function stop()".encode()
    )
    before = kept.rows()
    if (victim, tag) == ("the copy, when it is named", "CREATE TABLE"):
        made = kept.back_up().backup  # it was empty then: nothing was altered
        assert kept.rows(made.name) == before
        return
    with pytest.raises(PermanentError, match="is not what"):
        kept.back_up()
    assert backups(kept) == []
    assert kept.rows() == before


@hostile_triggers
def test_a_trigger_that_the_database_puts_on_every_new_table_stops_the_backup(
    kept: Kept, hostile: Hostile
) -> None:
    hostile.plant_on_new_tables(kept.database)
    before = kept.rows()
    with pytest.raises(PermanentError, match="is not what"):
        kept.back_up()
    assert backups(kept) == []
    assert kept.rows() == before


def test_a_backup_whose_rows_are_hidden_from_us_is_none(kept: Kept) -> None:
    name, port = kept.database.info.dbname, kept.database.info.port
    kept.database.execute("drop role if exists half_blind_backup")
    kept.database.execute(
        "create role half_blind_backup login password 'uma-senha-longa' in role authenticated"
    )
    kept.database.execute("grant create on schema public to half_blind_backup")
    blind = f"postgresql://half_blind_backup:uma-senha-longa@127.0.0.1:{port}/{name}"
    try:
        with load.connect(blind) as connection, pytest.raises(SyncError, match="hides rows"):
            load.back_up(connection, "run-1")
    finally:
        kept.database.execute("drop owned by half_blind_backup; drop role half_blind_backup")
    assert backups(kept) == []


def test_a_safety_copy_takes_no_place_of_a_backup(kept: Kept) -> None:
    good = kept.back_up().backup.name
    kept.database.execute("update dre_hitss set valor = 0")
    safety = kept.pipeline.restore("run-2", good).safety.name
    kept.ops.execute("update ops.copies set made_at = made_at - interval '1 day'")
    kept.pipeline = replace(kept.pipeline, policy=Policy.parse("2 daily, at least 1"))

    report = kept.back_up()

    assert report.plan.drop == ()
    assert "daily" in report.plan.keep[good][0]
    assert report.plan.keep[safety] == (f"before the restore of {good}, for 7 days",)
    kept.ops.execute("update ops.copies set made_at = made_at - interval '8 days' where name = %s", (safety,))
    assert kept.back_up().plan.drop[:1] == (safety,)
