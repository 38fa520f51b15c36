"""Own rows of the destination: adopted, kept, set aside, or a reason to stop."""

from __future__ import annotations

import pytest

from sync_pipelines.hitss.mirror.adoption import BothKindsError
from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines_tests.hitss.copies import CONTENT, FEBRUARY, JANUARY, MARCH, Pair


def test_existing_rows_equal_to_a_source_row_are_adopted_with_their_numbers(pair: Pair) -> None:
    pair.fill(90)
    pair.destination.execute("alter sequence dre_hitss_id_seq restart with 5000")
    for row in pair.rows(pair.source):
        pair.destination.execute(
            f"insert into dre_hitss ({CONTENT}) values ({', '.join(['%s'] * len(row))})".encode(), row
        )
    numbers = pair.destination.execute("select id from dre_hitss order by id").fetchall()

    outcomes = pair.run()

    assert sum(one.adopted.adopted for one in outcomes.values()) == 90
    assert pair.destination.execute("select id from dre_hitss order by id").fetchall() == numbers
    assert pair.own() == []
    pair.assert_equal()
    assert pair.touched() == {}


def test_rows_of_the_requirements_own_shape_are_adopted_by_their_six_columns(pair: Pair) -> None:
    pair.fill(90)
    seed = "conta, descricao, valor, tipo, periodo, empresa"
    for row in pair.source.execute(f"select {seed} from dre_hitss".encode()):
        pair.destination.execute(
            f"insert into dre_hitss (execution_id, {seed}) values ('velho', %s, %s, %s, %s, %s, %s)".encode(),
            row,
        )

    outcomes = pair.run()

    assert sum(one.adopted.adopted for one in outcomes.values()) == 90
    assert pair.destination.execute("select count(*) from dre_hitss").fetchone() == (90,)
    pair.assert_equal()


def test_fewer_copies_of_a_duplicate_are_completed_and_not_doubled(pair: Pair) -> None:
    insert = "insert into dre_hitss (execution_id, conta, valor, periodo) select 'x', 'Outros', 9.9, '1/2025'"
    pair.source.execute(f"{insert} from generate_series(1, 5)".encode())
    pair.destination.execute(f"{insert} from generate_series(1, 3)".encode())

    adopted = pair.run()[JANUARY].adopted

    assert (adopted.adopted, adopted.inserted) == (3, 2)
    assert pair.destination.execute("select count(*) from dre_hitss").fetchone() == (5,)


def own_row(pair: Pair, month: str = "2025-01-01", value: str = "777") -> None:
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, valor, periodo, competencia) values ('meu', 'Ajuste', %s,"
        " '1/2025', %s)",
        (value, month),
    )


def test_a_first_contact_with_rows_of_both_kinds_stops_that_month_alone(pair: Pair) -> None:
    pair.fill(90)
    own_row(pair)
    before = pair.own()

    assert sorted(pair.run()) == [FEBRUARY, MARCH]

    assert "1 rows of its own" in pair.problems[JANUARY]
    assert "--accept keep_own_rows" in pair.problems[JANUARY]
    assert pair.own() == before
    assert pair.rows(pair.destination, "competencia = '2025-01-01' and sync_source = 'fabricio'") == []
    assert sorted(pair.run()) == [FEBRUARY, MARCH]  # and again, until somebody decides


def test_more_copies_than_the_source_has_are_both_kinds(pair: Pair) -> None:
    insert = "insert into dre_hitss (execution_id, conta, valor, periodo) select 'x', 'Outros', 9.9, '1/2025'"
    pair.source.execute(f"{insert} from generate_series(1, 2)".encode())
    pair.destination.execute(f"{insert} from generate_series(1, 3)".encode())

    with (
        open_mirror(pair.mirror, "run-1") as months,
        pytest.raises(BothKindsError, match="2 more equal a source row"),
    ):
        months.copy(JANUARY)
    assert len(pair.own()) == 3


def test_a_person_may_keep_own_rows_beside_the_mirror(pair: Pair) -> None:
    pair.fill(90)
    own_row(pair)
    before = pair.own()

    outcomes = pair.run("keep_own_rows")

    assert outcomes[JANUARY].own_rows == 1
    assert pair.own() == before
    pair.assert_equal()
    pair.source.execute("update dre_hitss set valor = valor + 1")
    assert pair.run(decided=[JANUARY])[JANUARY].own_rows == 1
    assert pair.own() == before
    pair.assert_equal()


def test_a_person_may_set_own_rows_aside(pair: Pair) -> None:
    pair.fill(90)
    own_row(pair)

    outcomes = pair.run("set_aside_own_rows")

    assert outcomes[JANUARY].adopted.set_aside == 1
    kept = pair.destination.execute(
        "select row_data ->> 'conta' from sync_private.dre_hitss_set_aside"
    ).fetchall()
    assert kept == [("Ajuste",)]
    assert pair.own() == []
    pair.assert_equal()


def test_own_rows_that_join_later_are_reported_and_never_touched(pair: Pair) -> None:
    pair.fill(90)
    pair.run()
    own_row(pair)
    own_row(pair, "2030-01-01")
    before = pair.own()
    pair.source.execute("update dre_hitss set valor = valor + 1")

    outcomes = pair.run()

    assert outcomes[JANUARY].own_rows == 1
    assert pair.problems == {}
    assert pair.own() == before
    pair.assert_equal()


def test_own_rows_that_repeat_mirrored_ones_stop_the_month(pair: Pair) -> None:
    pair.fill(90)
    pair.run()
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, descricao, valor, tipo, periodo, empresa)"
        " select 'reimport', conta, descricao, valor, tipo, periodo, empresa from dre_hitss"
        " where competencia = '2025-02-01'"
    )
    assert sorted(pair.run()) == [JANUARY, MARCH]
    assert "30 rows of its own" in pair.problems[FEBRUARY]


def test_rows_with_no_source_at_all_are_own_rows(pair: Pair) -> None:
    pair.fill(90)
    own_row(pair, "2025-01-01")
    pair.destination.execute("update dre_hitss set sync_source = null")
    assert JANUARY not in pair.run()
    assert len(pair.own()) == 1
