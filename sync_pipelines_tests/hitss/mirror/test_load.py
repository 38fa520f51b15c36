"""Months between two real databases: what is copied, and what stays as it was after a failure."""

from __future__ import annotations

import pytest

from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines_tests.hitss.copies import FEBRUARY, JANUARY, MARCH, Pair


def test_everything_travels_and_a_second_run_changes_nothing(pair: Pair) -> None:
    pair.fill()
    first = pair.run()

    assert sum(one.changes.inserted for one in first.values()) == 400
    assert all(one.proof.holds for one in first.values())
    pair.assert_equal()
    before = pair.destination.execute("select id, xmin from dre_hitss order by id").fetchall()
    assert pair.touched() == {}
    assert pair.destination.execute("select id, xmin from dre_hitss order by id").fetchall() == before


def test_exchange_columns_are_filled(pair: Pair) -> None:
    pair.fill(6)
    pair.run()

    rows = pair.destination.execute(
        "select sync_source, last_sync_at is not null, length(sync_hash) from dre_hitss"
    ).fetchall()
    assert rows == [("fabricio", True, 32)] * 6
    assert pair.destination.execute("select count(distinct sync_hash) from dre_hitss").fetchone() == (6,)


def test_more_rows_than_an_api_page_arrive(pair: Pair) -> None:
    pair.fill(2_500)
    pair.run()
    pair.assert_equal()


@pytest.mark.parametrize(
    ("change", "months"),
    [
        ("update dre_hitss set valor = valor + 0.01 where occurrence = 3", [JANUARY]),
        ("update dre_hitss set descricao = null where occurrence = 3", [JANUARY]),
        ("update dre_hitss set created_at = created_at - interval '3 years' where occurrence = 3", [JANUARY]),
        ("delete from dre_hitss where competencia = '2025-02-01'", [FEBRUARY]),
        ("delete from dre_hitss where occurrence in (3, 4)", [JANUARY, FEBRUARY]),
        (
            "insert into dre_hitss (execution_id, conta, valor, periodo, competencia)"
            " select execution_id, conta, valor, periodo, competencia from dre_hitss where occurrence = 5",
            [MARCH],
        ),
        ("update dre_hitss set competencia = '2025-03-01' where occurrence = 3", [JANUARY, MARCH]),
        (
            "insert into dre_hitss (execution_id, valor, competencia) values ('x', 1, '2016-09-01')",
            ["2016-09-01"],
        ),
    ],
)
def test_edits_deletes_and_duplicates_travel(pair: Pair, change: str, months: list[str]) -> None:
    pair.fill()
    pair.run()
    pair.source.execute(change.encode())

    assert sorted(pair.touched()) == months
    pair.assert_equal()


@pytest.mark.parametrize(
    "damage",
    [
        "update dre_hitss set valor = 0 where occurrence = 3",
        "delete from dre_hitss where occurrence = 3",
        "update dre_hitss set competencia = '2025-02-01' where occurrence = 3",
        "update dre_hitss set descricao = 'x' where competencia = '2025-01-01'",
    ],
)
def test_what_somebody_did_to_mirrored_rows_is_put_right(pair: Pair, damage: str) -> None:
    pair.fill()
    pair.run()
    pair.destination.execute(damage.encode())

    assert JANUARY in pair.touched()
    pair.assert_equal()


def test_true_duplicates_survive_every_round(pair: Pair) -> None:
    pair.source.execute(
        "insert into dre_hitss (execution_id, conta, valor, periodo, created_at)"
        " select 'x', 'Outros', 9.9, '1/2025', '2025-01-02' from generate_series(1, 6)"
    )
    for _ in range(3):
        pair.run()
        assert len(pair.rows(pair.destination)) == 6
    pair.assert_equal()


@pytest.mark.parametrize("written", ["8/2025", "08/2025", "2025-08", "2025-08-01"])
def test_a_row_without_competencia_goes_by_its_text(pair: Pair, written: str) -> None:
    pair.source.execute(
        "insert into dre_hitss (execution_id, valor, periodo) values ('x', 1, %s)", (written,)
    )
    assert list(pair.run()) == ["2025-08-01"]
    pair.assert_equal()


def test_a_row_without_a_month_is_counted_and_stops_nobody(pair: Pair) -> None:
    pair.fill(30)
    pair.source.execute(
        "insert into dre_hitss (execution_id, periodo) values ('x', '13/2025'), ('x', null), ('x', 'agosto')"
    )
    with open_mirror(pair.mirror, "run-1") as months:
        assert months.databases.unplaced == 3
        assert [months.copy(month).proof.holds for month in months.databases.months] == [True] * 3


def test_a_month_that_fails_in_the_middle_is_as_before_and_the_others_go_on(pair: Pair) -> None:
    pair.fill(90)
    pair.run()
    pair.destination.execute(
        "create function refuse() returns trigger language plpgsql as"
        " 'begin if new.competencia = ''2025-02-01'' then raise ''não''; end if; return new; end';"
        " create trigger refuse before insert on dre_hitss for each row execute function refuse()"
    )
    pair.source.execute("update dre_hitss set valor = valor + 1")
    before = pair.rows(pair.destination, "competencia = '2025-02-01'")

    assert sorted(pair.run()) == [JANUARY, MARCH]

    assert list(pair.problems) == [FEBRUARY]
    assert pair.rows(pair.destination, "competencia = '2025-02-01'") == before


def test_a_destination_that_changes_what_it_is_given_is_not_proved(pair: Pair) -> None:
    pair.fill(90)
    pair.destination.execute(
        "create function round_off() returns trigger language plpgsql as"
        " 'begin new.valor_exato = round(new.valor_exato, 1); return new; end';"
        " create trigger round_off before insert on dre_hitss for each row execute function round_off()"
    )
    with open_mirror(pair.mirror, "run-1") as months, pytest.raises(ProofError, match="digest"):
        months.copy(JANUARY)
    assert pair.rows(pair.destination) == []
