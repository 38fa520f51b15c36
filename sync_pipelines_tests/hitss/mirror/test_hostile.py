"""The mirror in a database that alters what it is given, and beside others who write: nothing wrong is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror.month_mirror import MirrorOutcome, open_mirror
from sync_pipelines.hitss.mirror.table import DRE
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import row_hash_sql
from sync_pipelines_tests.cut_line import CutLine
from sync_pipelines_tests.hitss.copies import FEBRUARY, JANUARY, MARCH, Pair
from sync_pipelines_tests.hitss.hostile import HOSTILE, Hostile

hostile_triggers = pytest.mark.parametrize("hostile", HOSTILE, ids=[one.name for one in HOSTILE])
SEED = "conta, descricao, valor, tipo, periodo, empresa"


def everything(pair: Pair) -> list[tuple[object, ...]]:
    return pair.destination.execute("select * from dre_hitss order by id").fetchall()


def own_rows_as_in_the_source(pair: Pair, columns: str = SEED) -> None:
    """The requirement's own shape: its six columns, filled as the source's are."""
    for row in pair.source.execute(f"select {columns} from dre_hitss".encode()).fetchall():
        values = ", ".join(["%s"] * len(row))
        pair.destination.execute(
            f"insert into dre_hitss (execution_id, {columns}) values ('velho', {values})".encode(), row
        )


@hostile_triggers
def test_a_replacement_is_proved_after_everything_ran(pair: Pair, hostile: Hostile) -> None:
    pair.fill(30)
    pair.run()
    pair.source.execute("update dre_hitss set valor = valor + 1")
    before = everything(pair)
    hostile.plant(pair.destination, "dre_hitss")

    assert pair.run() == {}

    assert sorted(pair.problems) == [JANUARY, FEBRUARY, MARCH]
    assert everything(pair) == before


@hostile_triggers
def test_a_first_copy_is_proved_after_everything_ran(pair: Pair, hostile: Hostile) -> None:
    pair.fill(30)
    hostile.plant(pair.destination, "dre_hitss")
    assert pair.run() == {}
    assert everything(pair) == []


@pytest.mark.parametrize(
    "hostile",
    [
        Hostile("before altering", "before", "new.valor = 3; return new;"),
        Hostile("before swallowing", "before", "return null;"),
        Hostile(
            "after altering",
            "after",
            "update {table} set valor = 3 where id = new.id and valor <> 3; return null;",
        ),
        Hostile("statement altering", "after", "update {table} set valor = 3 where valor <> 3; return null;"),
        Hostile(
            name="deferred altering",
            when="after",
            body="update {table} set valor = 3 where id = new.id and valor <> 3; return null;",
            deferred=True,
        ),
        Hostile(
            name="deferred deleting",
            when="after",
            body="delete from {table} where id = new.id; return null;",
            deferred=True,
        ),
    ],
    ids=lambda one: one.name,
)
def test_an_adoption_is_proved_after_everything_ran(pair: Pair, hostile: Hostile) -> None:
    pair.fill(30)
    own_rows_as_in_the_source(pair)
    before = everything(pair)
    hostile.plant(pair.destination, "dre_hitss", "update")

    assert pair.run() == {}
    assert everything(pair) == before


LEAVING = [
    Hostile("before swallowing", "before", "return null;"),
    Hostile("before altering", "before", "new.row_data = '{}'; return new;"),
    Hostile("before renaming", "before", "new.row_id = '0'; return new;"),
    Hostile("after deleting", "after", "delete from {table}; return null;"),
    Hostile("statement altering", "after", "update {table} set row_data = '{}'; return null;"),
    Hostile(
        name="deferred altering",
        when="after",
        body="update {table} set row_data = '{}'; return null;",
        deferred=True,
    ),
    Hostile(name="deferred deleting", when="after", body="delete from {table}; return null;", deferred=True),
]


@pytest.mark.parametrize("hostile", LEAVING, ids=[one.name for one in LEAVING])
@pytest.mark.parametrize("contact", ["first", "later"])
def test_rows_that_are_set_aside_are_whole_or_stay(pair: Pair, hostile: Hostile, contact: str) -> None:
    pair.fill(30)
    if contact == "later":
        pair.run()
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, valor, competencia) values ('meu', 'Ajuste', 7, '2025-01-01')"
    )
    before = everything(pair)
    hostile.plant(pair.destination, "sync_private.dre_hitss_set_aside")

    assert JANUARY not in pair.run("set_aside_own_rows")

    assert "set_aside" in pair.problems[JANUARY]
    assert [row for row in everything(pair) if row in before] == before
    assert pair.destination.execute("select count(*) from sync_private.dre_hitss_set_aside").fetchone() == (
        0,
    )


@pytest.mark.parametrize("deferred", [True, False])
@pytest.mark.parametrize(
    ("body", "events"),
    [
        ("update dre_hitss set valor = 1 where sync_source = 'local' and valor <> 1; return null;", "insert"),
        ("delete from dre_hitss where sync_source = 'local'; return null;", "insert"),
        (
            "update dre_hitss set descricao = 'x' where sync_source = 'local' and descricao is null; return null;",
            "delete",
        ),
    ],
)
def test_own_rows_that_a_trigger_would_alter_stay_as_they_are(
    pair: Pair, body: str, events: str, deferred: bool
) -> None:
    pair.fill(30)
    pair.run()
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, valor, competencia) values ('meu', 'Ajuste', 7, '2025-01-01')"
    )
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-01-01'")
    before = everything(pair)
    Hostile(name="reaching own rows", when="after", body=body, deferred=deferred).plant(
        pair.destination, "dre_hitss", events
    )

    assert JANUARY not in pair.run("keep_own_rows")
    assert "destination's own are not as they were" in pair.problems[JANUARY]
    assert everything(pair) == before


@pytest.mark.parametrize("deferred", [True, False])
def test_a_write_that_alters_another_month_is_not_committed(pair: Pair, deferred: bool) -> None:
    """January is equal and proved; the write of March would alter it behind the proof."""
    pair.fill(30)
    pair.run()
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-03-01'")
    before = everything(pair)
    Hostile(
        name="reaching other months",
        when="after",
        body="update dre_hitss set valor = 1 where competencia = '2025-01-01' and valor <> 1; return null;",
        deferred=deferred,
    ).plant(pair.destination, "dre_hitss")

    assert sorted(pair.run()) == [JANUARY, FEBRUARY]
    assert "other months of the destination were altered (2025-01)" in pair.problems[MARCH]
    assert everything(pair) == before


def test_strays_that_take_others_along_are_noticed(pair: Pair) -> None:
    pair.fill(30)
    pair.run()
    pair.destination.execute("update dre_hitss set competencia = null, periodo = 'x' where occurrence = 3")
    Hostile(
        "reaching other months", "after", "update dre_hitss set valor = 1 where valor <> 1; return null;"
    ).plant(pair.destination, "dre_hitss", "delete")
    before = pair.rows(pair.destination)
    with (
        open_mirror(pair.mirror, "run-1") as months,
        pytest.raises(ProofError, match="other months of the destination were altered"),
    ):
        months.remove_strays()
    assert pair.rows(pair.destination) == before


def test_a_trigger_that_only_looks_does_not_stand_in_the_way(pair: Pair) -> None:
    pair.destination.execute("create table audit (line bigint)")
    Hostile(
        name="audit", when="after", body="insert into audit values (new.id); return null;", deferred=True
    ).plant(pair.destination, "dre_hitss")
    pair.fill(30)
    assert len(pair.run()) == 3
    pair.assert_equal()


@pytest.mark.parametrize(
    "damage",
    [
        "update dre_hitss set sync_hash = md5('x') where occurrence = 3",
        "update dre_hitss set sync_hash = null where occurrence = 3",
        "update dre_hitss set last_sync_at = null where occurrence = 3",
        "update dre_hitss set last_sync_at = 'infinity' where occurrence = 3",
    ],
)
def test_what_the_mirror_noted_of_a_row_is_compared_too(pair: Pair, damage: str) -> None:
    pair.fill(30)
    pair.run()
    pair.destination.execute(damage.encode())

    assert list(pair.touched()) == [JANUARY]
    assert pair.touched() == {}
    assert pair.destination.execute(
        "select count(*) from dre_hitss where length(sync_hash) = 32 and last_sync_at <= now()"
    ).fetchone() == (30,)


def test_a_hash_of_the_former_formula_is_no_difference(pair: Pair) -> None:
    """What the version before noted on a row with a mark in a value is its own hash of it, and no other row's."""
    pair.fill(6)
    pair.source.execute("update dre_hitss set descricao = 'a\x1fb' where occurrence = 3")
    pair.run()
    former = row_hash_sql(DRE.columns, version=1).as_string(None)
    changed = pair.destination.execute(
        f"update dre_hitss set sync_hash = {former} where sync_hash <> {former} returning 1".encode()
    ).fetchall()
    assert len(changed) == 1
    assert pair.touched() == {}


def test_a_row_that_somebody_edits_between_two_statements_is_never_overwritten(pair: Pair) -> None:
    """Before each message of the mirror to the destination another session tries to edit and to add own rows."""
    pair.fill(30)
    own_rows_as_in_the_source(pair)
    edited: list[int] = []
    numbers = iter(range(1, 1000))
    with psycopg.connect(pair.mirror.destination_url, autocommit=True) as other:
        other.execute("set lock_timeout = '5ms'")

        def edit() -> None:
            with suppress(psycopg.errors.LockNotAvailable):
                edited.extend(
                    row[0]
                    for row in other.execute(
                        "update dre_hitss set conta = 'editada' where id = %s and sync_source = 'local' returning id",
                        (next(numbers),),
                    )
                )

        with CutLine(pair.mirror.destination_url) as line:
            mirror = replace(pair.mirror, destination_url=line.url)
            line.between = edit
            outcomes: dict[str, MirrorOutcome] = {}
            with open_mirror(mirror, "run-1", decision="keep_own_rows") as months:
                for month in months.databases.months:
                    outcomes[month] = months.copy(month)
            line.between = None
    assert edited
    kept = pair.destination.execute(
        "select id from dre_hitss where conta = 'editada' and sync_source = 'local' order by id"
    ).fetchall()
    assert [row[0] for row in kept] == sorted(edited)
    pair.assert_equal()


@pytest.fixture
def holder(pair: Pair) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(pair.mirror.destination_url) as connection:
        yield connection
        connection.rollback()


def test_a_table_that_is_held_fails_the_month_with_a_sentence(
    pair: Pair, holder: psycopg.Connection[tuple[object, ...]]
) -> None:
    pair.fill(9)
    holder.execute("insert into dre_hitss (execution_id) values ('meu')")
    mirror = replace(pair.mirror, lock_seconds=0.02)
    with open_mirror(mirror, "run-1") as months, pytest.raises(TransientError, match="another session holds"):
        months.copy(JANUARY)
    holder.rollback()
    assert len(pair.run()) == 3
