"""The mirror between two real databases: what it copies, what it leaves alone, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror.adoption import BothKindsError
from sync_pipelines.hitss.mirror.extract import Mirror
from sync_pipelines.hitss.mirror.month_mirror import MonthMirror, open_mirror
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines_tests.hitss.copies import CONTENT, FEBRUARY, JANUARY, MARCH, Pair


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


def test_the_source_is_one_snapshot_for_the_whole_run(pair: Pair) -> None:
    pair.fill(90)
    before = pair.rows(pair.source)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        pair.source.execute("update dre_hitss set valor = valor * 2")
        for month in (FEBRUARY, MARCH):
            months.copy(month)
    assert pair.rows(pair.destination) == before


@pytest.mark.parametrize("side", ["source", "destination", "both"])
def test_a_lost_connection_is_made_again_and_the_month_repeated(pair: Pair, side: str) -> None:
    pair.fill(90)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        cut(pair, side)
        outcomes = [months.copy(month) for month in (FEBRUARY, MARCH)]
    assert [one.changes.inserted for one in outcomes] == [30, 30]
    pair.assert_equal()


def cut(pair: Pair, side: str) -> None:
    """End the mirror's server processes, as a restart of the server would."""
    for name, connection in (("source", pair.source), ("destination", pair.destination)):
        if side in (name, "both"):
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and application_name = 'sync_pipelines'"
            )


def test_a_database_that_stays_away_fails_the_month_with_a_sentence(pair: Pair) -> None:
    pair.fill(90)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        allow = f"alter database {pair.destination.info.dbname} allow_connections ".encode()
        pair.source.execute(allow + b"false")
        cut(pair, "destination")
        with pytest.raises(SyncError, match="hitss database"):
            months.copy(FEBRUARY)
        pair.source.execute(allow + b"true")
    assert pair.rows(pair.destination, "competencia = '2025-02-01'") == []


def test_a_database_that_stays_away_is_not_waited_for_once_a_month(pair: Pair) -> None:
    pair.fill(90)
    pauses: list[float] = []
    with open_mirror(replace(pair.mirror, sleep=pauses.append), "run-1") as months:
        allow = f"alter database {pair.destination.info.dbname} allow_connections ".encode()
        pair.source.execute(allow + b"false")
        cut(pair, "destination")
        for month in (JANUARY, FEBRUARY):
            with pytest.raises(SyncError):
                months.copy(month)
        pair.source.execute(allow + b"true")
        assert months.copy(MARCH).changes.inserted == 30
    assert len([pause for pause in pauses if pause]) <= 3


def test_two_mirrors_do_not_run_at_once(pair: Pair) -> None:
    pair.fill(9)
    with (
        open_mirror(pair.mirror, "run-1"),
        pytest.raises(TransientError, match="Another run of the mirror"),
        open_mirror(pair.mirror, "run-2"),
    ):
        pytest.fail("the second one got the lock")


def test_a_role_from_which_rows_are_hidden_mirrors_nothing(pair: Pair) -> None:
    pair.fill(9)
    pair.run()
    name, port = pair.source.info.dbname, pair.source.info.port
    pair.source.execute("drop role if exists half_blind")
    pair.source.execute("create role half_blind login password 'uma-senha-longa' in role authenticated")
    blind = f"postgresql://half_blind:uma-senha-longa@127.0.0.1:{port}/{name}"
    try:
        with (
            pytest.raises(SyncError, match=r"hides rows of public\.dre_hitss"),
            open_mirror(Mirror(blind, pair.mirror.destination_url), "run-1"),
        ):
            pytest.fail("it would have deleted every row of the mirror")
    finally:
        pair.source.execute("drop role half_blind")
    pair.assert_equal()


def test_the_session_says_what_differs(pair: Pair) -> None:
    pair.fill(90)
    pair.run()
    pair.source.execute("delete from dre_hitss where competencia = '2025-03-01'")
    with open_mirror(pair.mirror, "run-1") as months:
        assert isinstance(months, MonthMirror)
        assert months.databases.differing == [MARCH]
        assert months.databases.months == [JANUARY, FEBRUARY, MARCH]
