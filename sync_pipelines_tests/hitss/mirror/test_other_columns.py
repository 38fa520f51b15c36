"""Columns that the mirror does not bring: named in the source, and in the destination never overwritten or lost."""

from __future__ import annotations

import pytest

from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines_tests.hitss.copies import CONTENT, FEBRUARY, JANUARY, MARCH, Pair

SEED = "conta, descricao, valor, tipo, periodo, empresa"


def own_rows(pair: Pair, columns: str = SEED) -> None:
    for row in pair.source.execute(f"select {columns} from dre_hitss".encode()).fetchall():
        values = ", ".join(["%s"] * len(row))
        names = columns if columns.startswith("execution_id") else f"execution_id, {columns}"
        given = values if columns.startswith("execution_id") else f"'velho', {values}"
        pair.destination.execute(f"insert into dre_hitss ({names}) values ({given})".encode(), row)


@pytest.mark.parametrize(
    "filled",
    [
        "cliente = 'Meu cliente'",
        "projeto = 'Meu projeto'",
        "linha_negocio = 'Minha linha'",
        "natureza = 'RECEITA'",
        "valor_exato = 0",
        "competencia = '2025-01-01'",
        "imposto = 5.65",
        "occurrence = 1",
    ],
)
def test_a_row_with_a_column_of_its_own_is_not_adopted_by_the_other_six(pair: Pair, filled: str) -> None:
    pair.fill(9)
    own_rows(pair)
    pair.destination.execute(
        f"update dre_hitss set {filled} where id = (select min(id) from dre_hitss where periodo = '1/2025')".encode()
    )
    before = pair.own()

    outcomes = pair.run()

    assert JANUARY in pair.problems
    assert "1 rows of its own (2 more equal a source row" in pair.problems[JANUARY]
    assert [row for row in before if row in pair.own()] == pair.own()
    assert MARCH in outcomes
    assert pair.run("set_aside_own_rows")[JANUARY].adopted.set_aside == 1
    pair.assert_equal()


@pytest.mark.parametrize("columns", [SEED, CONTENT])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("observacao text", "'ligar para o cliente'"),
        ("aprovado boolean not null default false", "true"),
        ("peso numeric(6, 2) default 0", "1"),
        ("situacao text default 'novo''s'", "'visto'"),
        ("dados json", "'{}'"),
    ],
)
def test_a_row_with_a_column_that_only_the_destination_has_is_not_adopted(
    pair: Pair, columns: str, column: str, value: str
) -> None:
    pair.fill(9)
    pair.destination.execute(f"alter table dre_hitss add column {column}".encode())
    own_rows(pair, columns)
    pair.destination.execute(
        f"update dre_hitss set {column.split(maxsplit=1)[0]} = {value} where id = (select min(id) from dre_hitss"
        " where periodo = '1/2025')".encode()
    )
    own = pair.own()

    outcomes = pair.run()

    # Rows in which it has its default are adopted, and those of the month that stopped stay as they are.
    assert sum(one.adopted.adopted for one in outcomes.values()) == 6
    assert list(pair.problems) == [JANUARY]
    assert [row for row in own if row in pair.own()] == pair.own()


def test_what_the_database_makes_up_for_every_row_is_nobodys_content(pair: Pair) -> None:
    pair.fill(9)
    pair.destination.execute(
        "alter table dre_hitss add column uid uuid default gen_random_uuid(), add column visto_em timestamptz default"
        " now(), add column numero bigint generated always as identity, add column dobro numeric generated always as"
        " (valor * 2) stored"
    )
    own_rows(pair)
    assert sum(one.adopted.adopted for one in pair.run().values()) == 9
    assert pair.problems == {}
    pair.assert_equal()


def test_what_somebody_wrote_beside_a_mirrored_row_is_kept_when_the_row_is_replaced(pair: Pair) -> None:
    pair.fill(9)
    pair.destination.execute("alter table dre_hitss add column observacao text")
    pair.run()
    pair.destination.execute("update dre_hitss set observacao = 'conferido' where occurrence = 3")
    assert pair.touched() == {}
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-01-01'")

    outcome = pair.run()[JANUARY]

    assert (outcome.annotated, outcome.changes.deleted, outcome.changes.inserted) == (1, 3, 3)
    kept = pair.destination.execute(
        "select row_data ->> 'observacao', row_data ->> 'occurrence' from sync_private.dre_hitss_set_aside"
    ).fetchall()
    assert kept == [("conferido", "3")]
    pair.assert_equal()


def test_a_column_that_only_the_source_has_is_named(pair: Pair) -> None:
    pair.fill(9)
    with open_mirror(pair.mirror, "run-1") as months:
        assert months.databases.uncopied == []
    pair.source.execute("alter table dre_hitss add column centro_de_custo text, add column nota json")
    with open_mirror(pair.mirror, "run-1") as months:
        assert months.databases.uncopied == ["centro_de_custo", "nota"]


@pytest.mark.parametrize("action", ["cascade", "set null"])
def test_rows_that_hang_on_mirrored_ones_are_not_lost_with_them(pair: Pair, action: str) -> None:
    pair.fill(9)
    pair.run()
    pair.destination.execute(
        f"create table notas (dre_id bigint references dre_hitss on delete {action}, nota text);"
        " insert into notas select id, 'importante' from dre_hitss where occurrence = 3".encode()
    )
    pair.source.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-01-01'")

    assert sorted(pair.run()) == [FEBRUARY, MARCH]
    assert "public.notas" in pair.problems[JANUARY]
    assert pair.destination.execute("select count(dre_id) from notas").fetchone() == (1,)

    pair.destination.execute("delete from notas")
    assert pair.run()[JANUARY].changes.inserted == 3
