"""Values that Postgres holds and Python does not: mirrored, adopted, set aside, backed up, restored."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sync_pipelines.hitss.backup import load, restore
from sync_pipelines.hitss.backup.prove import verify
from sync_pipelines_tests.hitss.copies import JANUARY, Kept, Pair

ODD_MONTHS = ["infinity", "-infinity", "20225-01-01", "0044-03-15 BC", "2025-01-15"]
#: Columns and values of one row each; without a competencia the row is of January 2025.
ODD_ROWS = [
    *({"competencia": day} for day in ODD_MONTHS),
    *(
        {"created_at": moment}
        for moment in ("infinity", "-infinity", "0044-03-15 00:00 BC", "20225-01-01 00:00Z")
    ),
    {"created_at": "294276-12-31 23:59:59.999999+00"},
    {"valor": "NaN"},
    {"valor": "9999999999999.99"},
    *({"valor_exato": number} for number in ("NaN", "Infinity", "-Infinity", "1e-300", "1e400")),
    {"imposto": "NaN"},
    *({"descricao": text} for text in ("", "\x1e", "a\x1fb", "\x1e\x1e", "a\tb\\N\nc", "é", "e\u0301")),
    {"ano": "2147483647"},
    {"conta": None, "valor": None, "created_at": None},
]


def fill(connection: psycopg.Connection[Any], rows: list[dict[str, str | None]] | None = None) -> None:
    for number, row in enumerate(ODD_ROWS if rows is None else rows):
        values = {"execution_id": f"odd {number}", "valor": "1", "competencia": JANUARY, **row}
        names = ", ".join(values)
        given = ", ".join(["%s"] * len(values))
        connection.execute(
            f"insert into dre_hitss ({names}) values ({given})".encode(), list(values.values())
        )


def texts(connection: psycopg.Connection[Any], table: str = "dre_hitss", where: str = "true") -> list[str]:
    """Rows as Postgres writes them, without what each side fills for itself."""
    statement = (
        "select concat_ws('|', execution_id, conta is null, quote_nullable(descricao), valor, created_at, competencia,"
        f" valor_exato, imposto, ano) from {table} where {where} order by 1"
    )
    return [row[0] for row in connection.execute(statement.encode()).fetchall()]


def test_odd_values_are_mirrored_and_proved_and_found_equal(pair: Pair) -> None:
    pair.fill(9)
    fill(pair.source)
    outcomes = pair.run()

    assert pair.problems == {}
    assert set(ODD_MONTHS) <= outcomes.keys()
    assert texts(pair.destination) == texts(pair.source)
    assert pair.touched() == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"competencia": "infinity"}, {"competencia": "-infinity"}),
        ({"created_at": "infinity"}, {"created_at": None}),
        ({"created_at": "0044-03-15 00:00+00 BC"}, {"created_at": "0044-03-15 00:00+00"}),
        ({"valor_exato": "NaN"}, {"valor_exato": None}),
        ({"valor_exato": "NaN"}, {"valor_exato": "Infinity"}),
        ({"descricao": "\x1e"}, {"descricao": None}),
        ({"conta": "a\x1fb", "descricao": "c"}, {"conta": "a", "descricao": "b\x1fc"}),
    ],
)
def test_an_odd_value_that_becomes_another_travels(
    pair: Pair, before: dict[str, str | None], after: dict[str, str | None]
) -> None:
    fill(pair.source, [before])
    pair.run()
    changes = ", ".join(f"{name} = %s" for name in after)
    pair.source.execute(f"update dre_hitss set {changes}".encode(), list(after.values()))

    assert pair.run() != {}
    assert pair.problems == {}
    assert texts(pair.destination) == texts(pair.source)


def test_a_row_that_the_destination_refuses_stops_its_own_month_alone(pair: Pair) -> None:
    pair.fill(9)
    fill(pair.source)
    pair.destination.execute("alter table dre_hitss add check (competencia <> 'infinity')")

    outcomes = pair.run()

    assert list(pair.problems) == ["infinity"]
    assert "the mirror of infinity" in pair.problems["infinity"]
    assert texts(pair.destination) == texts(pair.source, where="competencia <> 'infinity'")
    assert len(outcomes) == 3 + len(ODD_MONTHS) - 1


def test_own_rows_with_odd_values_are_adopted_or_set_aside_whole(pair: Pair) -> None:
    fill(pair.source)
    fill(pair.destination)
    # One more of each month, which the source does not have, with a json that no jsonb can hold.
    pair.destination.execute("alter table dre_hitss add column dados json")
    for day in ODD_MONTHS:
        pair.destination.execute(
            "insert into dre_hitss (execution_id, valor, valor_exato, competencia, created_at, dados)"
            " values ('meu', 'NaN', 'Infinity', %s, '-infinity', %s)",
            (day, '{"a": "\\u0000", "b": 1e400000}'),
        )
    numbers = pair.destination.execute(
        "select id from dre_hitss where execution_id <> 'meu' order by 1"
    ).fetchall()
    stopped = pair.run()
    assert sorted(pair.problems) == sorted(ODD_MONTHS)
    assert "--accept keep_own_rows" in pair.problems["infinity"]
    assert "--from" not in pair.problems["infinity"]

    outcomes = pair.run("set_aside_own_rows")

    assert pair.problems == {}
    assert sum(one.adopted.adopted for one in (*stopped.values(), *outcomes.values())) == len(ODD_ROWS)
    assert pair.destination.execute("select id from dre_hitss order by 1").fetchall() == numbers
    assert texts(pair.destination) == texts(pair.source)
    assert pair.destination.execute(
        "select distinct row_data ->> 'valor', row_data ->> 'created_at', row_data ->> 'dados'"
        " from sync_private.dre_hitss_set_aside"
    ).fetchall() == [("NaN", "-infinity", '{"a": "\\u0000", "b": 1e400000}')]


def test_odd_values_are_backed_up_verified_and_restored(kept: Kept) -> None:
    fill(kept.database)
    before = texts(kept.database)
    name = kept.back_up().backup.name
    assert texts(kept.database, name) == before
    assert kept.pipeline.difference(name) == []
    kept.database.execute("update dre_hitss set competencia = '2025-01-01', valor = 0, created_at = null")

    months = {one.label: one for one in kept.pipeline.difference(name)}
    assert {"infinity", "-infinity", "20225-01-01", "0044-03-15 BC"} <= months.keys()
    assert months["2025-01"].total_then == "NaN"
    kept.pipeline.restore("run-2", name)
    assert texts(kept.database) == before
    assert kept.pipeline.difference(name) == []


@pytest.mark.parametrize("change", ["competencia = '-infinity'", "created_at = 'infinity'", "valor = 'NaN'"])
def test_an_odd_value_in_a_backup_is_noticed(kept: Kept, change: str) -> None:
    fill(kept.database)
    made = kept.back_up().backup.name
    kept.database.execute(f"update {made} set {change} where execution_id = 'odd 0'".encode())
    copy = restore.find(kept.catalog, made)
    with load.connect(kept.url) as connection:
        assert verify(connection, copy)
