"""What a write must leave alone: rows of others in other months, in other columns, behind a foreign key."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest

from sync_pipelines.hitss.dre.foreign_rows import set_aside_foreign_rows
from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.hitss import mutations
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, load, run
from sync_pipelines_tests.hitss.copies import JANUARY, Kept, Pair

OWN_ROW: LiteralString = (
    "insert into dre_hitss (execution_id, conta, valor, periodo, competencia, sync_source)"
    " values ('app', 'Own', 77, '1/2024', '2024-01-01', 'local')"
)
#: What a trigger on the mirror's rows does to those of others in another month.
REACHING: tuple[LiteralString, ...] = (
    "update dre_hitss set valor = 0 where sync_source = 'local'",
    "delete from dre_hitss where sync_source = 'local'",
    "insert into dre_hitss (execution_id, valor, competencia, sync_source) values ('x', 1, '2024-02-01', 'local')",
)
#: A deferred trigger that defers another one again: it would run at the COMMIT, after the proof.
LATE: LiteralString = (
    "create table late_events (id integer);"
    " create function late() returns trigger language plpgsql as"
    " $$ begin update dre_hitss set valor = 0; return null; end $$;"
    " create constraint trigger late after insert on late_events deferrable initially deferred"
    " for each row execute function late();"
    " create function note() returns trigger language plpgsql as"
    " $$ begin set constraints all deferred; insert into late_events values (1); return null; end $$;"
    " create constraint trigger note after insert on dre_hitss deferrable initially deferred"
    " for each row execute function note()"
)


@pytest.mark.parametrize("reaching", REACHING)
def test_a_trigger_that_reaches_own_rows_of_another_month_stops_the_month(
    pair: Pair, reaching: LiteralString
) -> None:
    pair.fill()
    pair.run()
    pair.destination.execute(OWN_ROW)
    before, own = pair.rows(pair.destination), pair.own()
    pair.destination.execute(
        "create function reach() returns trigger language plpgsql as $$ begin if pg_trigger_depth() < 2 then "  # type: ignore[call-overload]
        + reaching
        + "; end if; return null; end $$;"
        " create trigger reach after insert on dre_hitss for each statement execute function reach()"
    )
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-01-01'")
    pair.run()
    assert "other months of the destination were altered (2024-0" in pair.problems[JANUARY]
    assert (pair.rows(pair.destination), pair.own()) == (before, own)


def test_a_stray_row_with_a_column_of_somebody_else_is_set_aside(pair: Pair) -> None:
    pair.destination.execute("alter table dre_hitss add column nota text")
    pair.fill()
    pair.run()
    pair.destination.execute(
        "update dre_hitss set nota = 'minha', competencia = null, periodo = null"
        " where id = (select min(id) from dre_hitss)"
    )
    with open_mirror(pair.mirror, "run-2") as months:
        assert months.remove_strays() == 1
    kept = pair.destination.execute("select row_data ->> 'nota' from sync_private.dre_hitss_set_aside")
    assert kept.fetchall() == [("minha",)]


def test_a_stray_row_is_not_removed_where_a_trigger_takes_others_along(pair: Pair) -> None:
    pair.fill()
    pair.run()
    pair.destination.execute(OWN_ROW)
    pair.destination.execute(
        "update dre_hitss set competencia = null, periodo = null where id = (select min(id) from dre_hitss);"
        " create function reach() returns trigger language plpgsql as $$ begin"
        " delete from dre_hitss where sync_source = 'local'; return null; end $$;"
        " create trigger reach after delete on dre_hitss for each row execute function reach()"
    )
    with (
        open_mirror(pair.mirror, "run-2") as months,
        pytest.raises(PermanentError, match="other months of the destination were altered"),
    ):
        months.remove_strays()
    assert len(pair.own()) == 1


def test_what_is_deferred_a_second_time_cannot_follow_the_mirrors_proof(pair: Pair) -> None:
    pair.fill()
    pair.run()
    pair.destination.execute(LATE)
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-01-01'")
    before = pair.rows(pair.destination)
    pair.run()
    assert "read-only transaction" in pair.problems[JANUARY]
    assert pair.rows(pair.destination) == before


def test_what_is_deferred_a_second_time_cannot_follow_a_restores_proof(kept: Kept) -> None:
    name = kept.back_up().backup.name
    kept.database.execute(LATE)
    before = kept.rows()
    with pytest.raises(PermanentError, match="read-only transaction"):
        kept.pipeline.restore("run-2", name)
    assert kept.rows() == before


def test_a_restore_that_waited_for_a_writer_sees_its_rows_whatever_the_database_is_set_to(kept: Kept) -> None:
    """With snapshots of REPEATABLE READ the row would be neither in the safety copy nor replaced."""
    name = kept.back_up().backup.name
    database = kept.value("select current_database()")
    kept.database.execute(
        f"alter database {database} set default_transaction_isolation = 'repeatable read'"  # type: ignore[call-overload]
    )
    reports = []
    with psycopg.connect(kept.url) as writer:
        writer.execute(
            "insert into dre_hitss (execution_id, conta, valor, competencia) values ('w', 'Late', 9, '2025-01-01')"
        )
        thread = threading.Thread(target=lambda: reports.append(kept.pipeline.restore("run-2", name)))
        thread.start()
        while not kept.value(
            "select exists (select from pg_locks where not granted and mode = 'ExclusiveLock')"
        ):
            assert thread.is_alive()
        writer.commit()
        thread.join()
    assert kept.value("select count(*) from dre_hitss where conta = 'Late'") == 0
    assert kept.value(f"select count(*) from {reports[0].safety.name} where conta = 'Late'") == 1


FOREIGN: LiteralString = (
    "insert into dre_hitss (execution_id, conta, valor, periodo) values ('exec_1', 'Own', 5, '1/2025')"
)


@pytest.mark.parametrize(
    "body",
    ["new.row_data = '{}'; return new;", "return null;", "new.execution_id = 'x'; return new;"],
)
def test_foreign_rows_that_are_not_kept_whole_do_not_move(short: House, body: str) -> None:
    ran = run(short)
    short.fabricio.execute(FOREIGN)
    short.fabricio.execute(
        f"create function spoil() returns trigger language plpgsql as $$ begin {body} end $$;"  # type: ignore[call-overload]
        " create trigger spoil before insert on sync_private.dre_hitss_set_aside"
        " for each row execute function spoil()"
    )
    with pytest.raises(PermanentError, match="are not whole in sync_private"):
        load(short, ran, MONTHS, accept={"no_foreign_rows"})
    assert short.value("select count(*) from dre_hitss where line_hash is null") == 1


def test_foreign_rows_that_others_hang_on_do_not_move(short: House) -> None:
    ran = run(short)
    short.fabricio.execute(FOREIGN)
    short.fabricio.execute(
        "create table notes (dre_id bigint references dre_hitss (id) on delete cascade, note text);"
        " insert into notes select id, 'precious' from dre_hitss where line_hash is null"
    )
    with pytest.raises(PermanentError, match=r"rows of public\.notes by a foreign key"):
        load(short, ran, MONTHS, accept={"no_foreign_rows"})
    assert short.rows("select note from notes") == [("precious",)]


def test_rows_that_come_while_foreign_ones_are_set_aside_wait(house: House) -> None:
    """Between the copy and the DELETE of before, a row that came was deleted, and kept nowhere."""
    house.fabricio.execute(FOREIGN)
    house.fabricio.execute(
        "create function hold() returns trigger language plpgsql as"
        " $$ begin perform pg_advisory_xact_lock(77); return null; end $$;"
        " create trigger hold after insert on sync_private.dre_hitss_set_aside"
        " for each statement execute function hold(); select pg_advisory_lock(77)"
    )
    url = house.settings.require("fabricio_database_url")
    moved: list[int] = []

    def move() -> None:
        with postgres.connect(url, what="the database") as connection:
            moved.append(set_aside_foreign_rows(connection, "run"))

    thread = threading.Thread(target=move)
    thread.start()
    while not house.value("select exists (select from pg_locks where locktype = 'advisory' and not granted)"):
        assert thread.is_alive()
    with (
        psycopg.connect(url, options="-c lock_timeout=100ms") as writer,
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        writer.execute(FOREIGN)
    house.fabricio.execute("select pg_advisory_unlock(77)")
    thread.join()
    assert moved == [1]


def test_a_load_deletes_no_row_that_others_hang_on(short: House) -> None:
    run(short)
    short.fabricio.execute(
        "create table notes (dre_id bigint references dre_hitss (id) on delete cascade, note text);"
        " insert into notes select id, 'precious' from dre_hitss where competencia = '2025-08-01'"
    )
    notes = short.value("select count(*) from notes")
    assert not load(short, run(short, "same"), MONTHS).problems
    short.hitss.serve_rows(mutations.realizado_restated(short.hitss.rows, "8/2025"))
    assert "rows of public.notes by a foreign key" in run(short, "restated").problems["2025-08-01"]
    assert short.value("select count(*) from notes") == notes


def test_a_database_is_no_mirror_of_itself(pair: Pair) -> None:
    pair.fill()
    before = pair.source.execute("select * from dre_hitss order by id").fetchall()
    same = replace(pair, mirror=replace(pair.mirror, destination_url=pair.mirror.source_url))
    with pytest.raises(PermanentError, match="one and the same"):
        same.run()
    assert pair.source.execute("select * from dre_hitss order by id").fetchall() == before


def test_an_emptied_source_empties_no_mirror(pair: Pair) -> None:
    pair.fill()
    pair.run()
    before = pair.rows(pair.destination)
    pair.source.execute("truncate dre_hitss")
    with pytest.raises(PermanentError, match="of the source is empty"):
        pair.run()
    assert pair.rows(pair.destination) == before
    pair.fill(30)
    pair.run()
    pair.assert_equal()
