"""Each field's hash is the same on both sides, whatever type the value is stored in, and tells every other value apart.

A value goes the whole way: rendered in TabuladorMax, stored in Gestão Scouter as PostgREST stores it, written out by a
session in another time zone, and hashed again in TabuladorMax.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.scouter.mapping.column_types import FAR_MOMENT
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_hashes import (
    NULL,
    WIDTH,
    FieldList,
    here_hashes_sql,
    is_refused,
    record_sql,
    there_hashes_sql,
)
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import body_sql, columns_sent_as_text
from sync_pipelines_tests.scouter.mapping.conftest import Database

TIMES = [
    "2025-10-21 23:30:00-03",
    "2025-10-22 02:30:00+00",
    "1900-01-01 12:00:00+00",
    "infinity",
    "20225-01-01 00:00Z",
]
DATES = ["2025-10-21T12:00:00Z", "2025-10-21 09:00-03", "2025-10-22"]
TEXTS = [
    "",
    " ",
    "Ana",
    "ana",
    "ação 🙂",
    "NULL",
    "()",
    "a,b",
    '"a"',
    "a\\b",
    "a\nb",
    "x" * 5000,
    "0",
    "false",
]
AMOUNTS = ["0", "0.00", "10.5", "10.50", "-3", "12345678.90"]


class Pair(NamedTuple):
    """A column of TabuladorMax, the one that it fills, and values, of which `alike` are one value to both."""

    here: str
    there: str
    values: Sequence[Any]
    alike: int = 0
    transform: str | None = None


PAIRS = [
    Pair("text", "text", TEXTS),
    Pair("character varying(20)", "text", ["", "Ana", "Bia"]),
    Pair("text", "character varying(80)", ["", "Ana", " Bia"]),
    Pair("integer", "integer", [0, -1, 2**31 - 1]),
    Pair("integer", "bigint", [0, -1, 2**31 - 1]),
    Pair("bigint", "bigint", [0, 2**53 + 1, -(2**63)]),
    Pair("integer", "text", [0, -1, 7]),
    Pair("integer", "numeric", [0, -1, 7]),
    Pair("numeric(10,2)", "numeric(10,2)", AMOUNTS, alike=2),
    Pair("numeric(10,2)", "numeric", AMOUNTS, alike=2),
    Pair("numeric(10,2)", "text", AMOUNTS, alike=2),
    Pair("numeric", "numeric", [*AMOUNTS, "NaN", "1e-30"], alike=2),
    Pair("numeric", "text", AMOUNTS, alike=2),
    Pair(
        "double precision",
        "double precision",
        [0.0, -0.0, 0.1, 1e22, -1e-9, 5e-324, sys.float_info.max, float("inf"), float("nan")],
        alike=1,
    ),
    Pair("double precision", "numeric", [0.0, 0.1, 1e22]),
    Pair("real", "double precision", [0.0, -0.0, 0.5, 1.1, 1e-45, 3.4028235e38, float("-inf")], alike=1),
    Pair("boolean", "boolean", [True, False]),
    Pair("boolean", "text", [True, False]),
    Pair("uuid", "text", ["00000000-0000-4000-8000-00000000beef", "00000000-0000-4000-8000-00000000dead"]),
    Pair("uuid", "uuid", ["00000000-0000-4000-8000-00000000beef", "00000000-0000-4000-8000-00000000dead"]),
    Pair("timestamp with time zone", "timestamp with time zone", TIMES, alike=1),
    Pair("timestamp with time zone", "text", TIMES, alike=1),
    Pair("timestamp without time zone", "timestamp without time zone", ["2025-10-21 23:30:00", "infinity"]),
    Pair("date", "date", ["2025-10-21", "0044-03-15 BC", "infinity"]),
    Pair("date", "text", ["2025-10-21", "1900-01-01"]),
    Pair("date", "timestamp with time zone", ["2025-10-21", "4713-01-01 BC", "infinity"]),
    Pair("jsonb", "jsonb", [{"a": 1, "b": None}, {}, [], "texto", 0, False, {"a": 1.10}, {"a": "á\n"}]),
    Pair("json", "jsonb", [{"a": 1, "b": None}, {}, [], "texto", 0, False]),
    Pair("jsonb", "json", [{"a": 1, "b": [1, 2]}, [], 0]),
    Pair("text[]", "text[]", [[], ["a"], ["a", "b,c"], [""]]),
    Pair("integer", "text", [0, 7], transform="text"),
    Pair("boolean", "text", [True, False], transform="sim_nao"),
    Pair("text", "text", ["(11) 9", "11-8"], transform="digits"),
    Pair("text", "numeric", ["10.5", "10.50", "7"], alike=1, transform="number"),
    Pair("text", "integer", ["7", " 8 ", ""], transform="integer"),
    Pair("text", "boolean", ["t", "true", "f"], alike=1, transform="boolean"),
    Pair(
        "text",
        "timestamp with time zone",
        ["2025-10-21T12:00:00Z", "2025-10-21 09:00-03"],
        alike=1,
        transform="timestamp",
    ),
    Pair(
        "timestamp with time zone", "date", ["2025-10-21 23:30:00-03", "2025-10-23 12:00Z"], transform="date"
    ),
]
NAMES = [f"{one.here} to {one.there}{' by ' + one.transform if one.transform else ''}" for one in PAIRS]


class Sides:
    """The one column on both sides."""

    def __init__(self, source: Database, destination: Database, one: Pair) -> None:
        self.source, self.destination = source, destination
        self.types = {"id": "bigint", "mine": one.here}
        self.mapping = FieldMapping((Field("id", ("id",)), Field("theirs", ("mine",), one.transform)))
        self.fields = FieldList.of(self.mapping, self.types)
        self._as_text = columns_sent_as_text(self.mapping, self.types, {"theirs": one.there})
        source.execute(f"create temporary table lead (id bigint, mine {one.here})".encode())
        destination.execute(f"create temporary table stored (id bigint, theirs {one.there})".encode())

    def put(self, value: Any) -> None:
        adapted = Jsonb(value) if self.types["mine"].startswith("json") and value is not None else value
        self.source.execute("truncate lead")
        kind = sql.SQL(self.types["mine"])  # type: ignore[arg-type]
        self.source.execute(
            sql.SQL("insert into lead values (1, {}::{})").format(sql.Placeholder(), kind), [adapted]
        )

    def here(self) -> str:
        query = sql.SQL("select {} from lead").format(here_hashes_sql(self.fields))
        return self._one(query)

    def send(self) -> Mapping[str, Any]:
        """The row there, after the value was sent: the text that Gestão Scouter answers with."""
        body = self._one(
            sql.SQL("select {} from lead").format(body_sql(self.mapping, (), as_text=self._as_text))
        )
        self.destination.execute("truncate stored")
        self.destination.execute(
            "insert into stored select * from json_populate_record(null::stored, %s::json)", [body]
        )
        row = self.destination.execute("select row_to_json(stored)::text from stored").fetchone()
        assert row is not None
        return self.there(row[0])

    def there(self, row: str) -> Mapping[str, Any]:
        query = sql.SQL(
            "select {} from (select %s::jsonb as lead) as whole"
            " cross join lateral jsonb_to_record(whole.lead) as stored ({})"
        ).format(there_hashes_sql(self.fields), record_sql(self.fields))
        return self.fields.read(self._one(query, row))

    def _one(self, query: sql.Composed, *given: Any) -> str:
        row = self.source.execute(query, given).fetchone()
        assert row is not None
        return str(row[0])


@pytest.mark.parametrize("one", PAIRS, ids=NAMES)
def test_both_sides_hash_alike_and_every_other_value_differs(
    source: Database, destination: Database, one: Pair
) -> None:
    sides, hashes = Sides(source, destination, one), dict[str, Any]()
    for value in (None, *one.values):
        sides.put(value)
        mine = sides.here()
        assert sides.send() == {"theirs": mine}, value
        assert len(mine) == WIDTH
        assert not is_refused(mine)
        hashes[mine] = value
    emptied = int("" in one.values and one.transform == "integer")
    assert len(hashes) == 1 + len(one.values) - one.alike - emptied
    sides.put(None)
    assert sides.here() == NULL


def test_a_day_stays_the_day_that_is_written_there(source: Database, destination: Database) -> None:
    """Whatever the zone in which that server answers."""
    sides = Sides(source, destination, Pair("date", "timestamp with time zone", []))
    for zone in ("America/Sao_Paulo", "Asia/Tokyo", "UTC"):
        destination.execute(sql.SQL("set timezone to {}").format(sql.Literal(zone)))
        sides.put("2025-10-21")
        assert sides.send() == {"theirs": sides.here()}
    # As a webhook writes a midnight of UTC, from the session of a person in another zone.
    assert sides.there('{"theirs": "2025-10-20T21:00:00-03:00"}') == {"theirs": sides.here()}


def test_a_real_is_one_value_however_many_of_its_digits_are_written(
    source: Database, destination: Database
) -> None:
    """A column there that turned into a double precision shows all of them."""
    sides = Sides(source, destination, Pair("real", "double precision", []))
    sides.put(1.1)
    mine = sides.here()
    for text in ("1.1", "1.10", "1.100000023841858"):
        assert sides.there(f'{{"theirs": {text}}}') == {"theirs": mine}


def test_null_and_the_empty_text_are_told_apart(source: Database, destination: Database) -> None:
    sides = Sides(source, destination, Pair("text", "text", []))
    found = {
        sides.there(json.dumps({"id": 1, "theirs": value}))["theirs"] for value in (None, "", " ", "null")
    }
    assert len(found) == 4
    assert NULL in found


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", ["trinta", 1.5, 2**31, "", True, {"a": 1}, [1]]),
        ("numeric(10,2)", [10**8, "R$ 1,00", "", "NaN", "10.005", 0.001]),
        ("numeric", ["1,5", ""]),
        ("double precision", ["muito", "", "1e309", "1e-330", "0.12345678901234567"]),
        ("real", ["1e39", "1e-50", "1.50000000001"]),
        ("boolean", ["Sim, com certeza", "", 2]),
        ("uuid", ["segredo", "", 7]),
        (
            "timestamp with time zone",
            ["ontem", "31/12/2025", "2025-02-30", "4714-01-01 BC", "9999-12-31 BC", 7],
        ),
        ("date", ["ontem", "2025-13-01", "2025-01-05 15:00", "2025-01-05 00:00:00.5", "5874898-01-01"]),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_refused_and_raises_nothing(
    source: Database, destination: Database, kind: str, values: list[Any]
) -> None:
    sides = Sides(source, destination, Pair(kind, "text", []))
    found = [sides.there(json.dumps({"theirs": value}))["theirs"] for value in values]
    assert all(is_refused(one) and len(one) == WIDTH for one in found)
    assert len(set(found)) == len(values), "two refused values are two"
    assert NULL not in found


def test_every_far_day_that_the_guard_lets_through_is_one(source: Database) -> None:
    """A cast that raises an error would end the batch."""
    rows = source.execute(
        "select day::text, day::text ~ %s from ("
        "select date '0009-01-01 BC' + n as day from generate_series(0, 3286) as n"
        " union all select date '19999-12-31' + n from generate_series(0, 3000) as n) as days",
        [FAR_MOMENT],
    ).fetchall()
    assert {day for day, is_let in rows if not is_let} == {f"000{year}-02-29 BC" for year in (1, 5, 9)}
    for odd in (
        "20225-02-29",
        "20000-13-01",
        "0000-01-01 BC",
        "0044-02-30 BC",
        "100000-01-01",
        "02025-01-01",
    ):
        assert source.execute("select %s ~ %s", [odd, FAR_MOMENT]).fetchone() == (False,), odd


def test_a_key_that_a_payload_lacks_is_missing_and_not_null(source: Database, destination: Database) -> None:
    sides = Sides(source, destination, Pair("text", "text", []))
    assert sides.there('{"id": 1, "outra": 2}') == {}
    assert sides.there('{"theirs": null}') == {"theirs": NULL}


def test_the_json_null_is_null_on_both_sides(source: Database, destination: Database) -> None:
    """It is sent as null, and the column there is empty then."""
    for kind in ("jsonb", "json"):
        sides = Sides(source, destination, Pair(kind, "jsonb", []))
        sides.put(None)
        source.execute(f"update lead set mine = 'null'::{kind}".encode())
        assert sides.send() == {"theirs": sides.here()}
        source.execute("drop table lead")
        destination.execute("drop table stored")


def test_more_fields_than_a_function_takes_arguments(source: Database) -> None:
    fields = tuple(Field(f"f{number}", (f"s{number}",)) for number in range(130))
    types = {f"s{number}": "text" for number in range(130)}
    listed = FieldList.of(FieldMapping(fields), types)
    source.execute(
        sql.SQL("create temporary table lead ({})").format(
            sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in types)
        )
    )
    source.execute("insert into lead (s0) values ('Ana')")
    query = sql.SQL("select {} from lead").format(here_hashes_sql(listed))
    (text,) = source.execute(query).fetchone() or ("",)
    found = listed.read(text)
    assert len(found) == 130
    assert [name for name, value in found.items() if value != NULL] == ["f0"]
