"""Rows that are told beforehand: exactly those that a destination refuses, or at least all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.rendering import field_sql, suspect_sql
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema.columns import DestinationColumn, SourceColumn
from sync_pipelines.scouter.schema.compatibility import judge
from sync_pipelines_tests.scouter.mapping.conftest import Database

letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
whole = st.integers(-(2**63), 2**63 - 1)
near = st.sampled_from([n + d for n in (2**15, 2**31, -(2**15), -(2**31)) for d in (-1, 0, 1)])
exponents = st.builds("{}e{}".format, st.integers(-99, 99), st.integers(-99, 99))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(letters | st.just(" "), max_size=8) | st.sampled_from(["é" * 5 + "  ", " " * 9, "100%"]),
    "bigint": whole | near | st.integers(-3, 3),
    "integer": st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 3),
    "numeric": st.decimals(-(10**20), 10**20, places=2)
    | st.sampled_from(["NaN", "Infinity", "12.00", "12", "-0", "1e39", "1e-60", "0.5"])
    | near,
    "double precision": st.floats()
    | near
    | st.sampled_from([3.4028235677973366e38, 3.402823567797337e38, 7.006492321624085e-46, 7.1e-46, 1e-50]),
    "real": st.floats(width=32) | st.integers(-40000, 40000),
    "boolean": st.booleans(),
    "uuid": st.uuids(),
    "date": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    "timestamp with time zone": st.datetimes(
        datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
    ),
    "jsonb": st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(letters, max_size=4),
        lambda inner: st.lists(inner, max_size=2),
        max_leaves=3,
    ).map(lambda value: json.dumps(value, ensure_ascii=False).replace("\\u0000", "")),
}
NUMBERS = st.sampled_from(
    ["12", " 7 ", "7,5", "1e99", "-1e-99", ".5", "+3", "1.", "", "999999999999", "0x1F"]
)
WORDS = st.sampled_from(["Sim", "yes", " no ", "1", "2", "", "verdadeiro", "TRUE", "of"])
MOMENTS = st.sampled_from(
    [
        *("2025-10-21", "2025-02-29", "2024-02-29", "21/10/2025", "2025-10-21T16:43:00Z", "2025-10-21 24:00"),
        *("0000-01-01", "2025-10-21T16:43:00+14:59", "2025-10-21 16:43:60", "amanhã", "2025-10-21 16:43 -03"),
    ]
)


def outcomes(
    source: Database, kind: str, target: DestinationColumn, values: Sequence[object], transform: str | None
) -> list[tuple[object, bool, bool]]:
    """Each value, whether it is a suspect, and whether a column as that one refuses it, sent as PostgREST takes it."""
    field = Field("campo", ("origem",), transform)
    _, suspects = judge(field, {"origem": SourceColumn("origem", kind)}, target)
    assert suspects
    name = f"{target.type}({target.max_length})" if target.max_length else target.type
    query = sql.SQL(
        "select {}, row_to_json(body)::text from lead, lateral (select {} as campo) as body"
    ).format(suspect_sql(suspects), field_sql(field))
    found = []
    with source.transaction(force_rollback=True):
        source.execute(sql.SQL("create temporary table lead (origem {})").format(sql.SQL(kind)))
        source.execute(sql.SQL("create temporary table taker (campo {})").format(sql.SQL(name)))
        insert = sql.SQL(
            "insert into taker select campo from json_to_recordset(%s::json) as body (campo {})"
        ).format(sql.SQL(name))
        for value in values:
            given_value = value if isinstance(value, str) else str(value)
            source.execute("delete from lead")
            source.execute(
                sql.SQL("insert into lead values (%s::text::{})").format(sql.SQL(kind)), [given_value]
            )
            row = source.execute(query, {"parameter": 1}).fetchone()
            assert row
            try:
                with source.transaction(force_rollback=True):
                    source.execute(insert, [f"[{row[1]}]"])
                refused = False
            except psycopg.DataError:
                refused = True
            found.append((value, row[0], refused))
    return found


PAIRS = [
    *((kind, DestinationColumn("campo", "character varying", max_length=5)) for kind in VALUES),
    ("timestamp with time zone", DestinationColumn("campo", "character varying", max_length=24)),
    ("text", DestinationColumn("campo", "character", max_length=5)),
    *((kind, DestinationColumn("campo", "smallint")) for kind in ("integer", "bigint", "numeric", "real")),
    *((kind, DestinationColumn("campo", "integer")) for kind in ("bigint", "numeric", "double precision")),
    *((kind, DestinationColumn("campo", "bigint")) for kind in ("numeric", "double precision")),
    *((kind, DestinationColumn("campo", "real")) for kind in ("numeric", "double precision")),
    ("integer", DestinationColumn("campo", "boolean")),
]


@pytest.mark.parametrize(("kind", "target"), PAIRS, ids=lambda one: getattr(one, "type", one))
@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_suspects_are_exactly_the_values_that_are_refused(
    source: Database, kind: str, target: DestinationColumn, data: st.DataObject
) -> None:
    values = data.draw(st.lists(VALUES[kind], min_size=20, max_size=30))
    assert [
        one for one in outcomes(source, kind, target, values=values, transform=None) if one[1] != one[2]
    ] == []


@pytest.mark.parametrize(
    ("transform", "target", "drawn"),
    [
        *(("integer", kind, NUMBERS) for kind in sorted(types.NUMBERS)),
        *(("number", kind, NUMBERS | exponents) for kind in ("numeric", "real", "double precision")),
        ("boolean", "boolean", WORDS),
        *(("timestamp", kind, MOMENTS) for kind in (*sorted(types.MOMENTS), "date")),
    ],
)
@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_that_is_to_be_read_is_a_suspect_where_it_is_refused(
    source: Database, transform: str, target: str, drawn: st.SearchStrategy[str], data: st.DataObject
) -> None:
    values = data.draw(st.lists(drawn | VALUES["text"], min_size=15, max_size=20))
    column = DestinationColumn("campo", target)
    found = outcomes(source, "text", column, values=values, transform=transform)
    assert [value for value, suspect, refused in found if refused and not suspect] == []


@pytest.mark.parametrize(
    ("transform", "target", "text"),
    [
        ("integer", "integer", " 42 "),
        ("integer", "smallint", "-7"),
        ("number", "numeric", "1234.56"),
        ("number", "real", "-0.5e3"),
        ("boolean", "boolean", "Yes"),
        ("timestamp", "timestamp with time zone", "2025-10-21 13:43:00-03"),
        ("timestamp", "date", "2024-02-29"),
        ("timestamp", "date", "  "),
    ],
)
def test_a_text_that_looks_right_is_no_suspect(
    source: Database, transform: str, target: str, text: str
) -> None:
    column = DestinationColumn("campo", target)
    assert outcomes(source, "text", column, values=[text], transform=transform) == [(text, False, False)]


@pytest.mark.parametrize("labels", [("novo", "100%", "d'água"), ("só",)])
def test_labels_of_an_enum(source: Database, labels: tuple[str, ...]) -> None:
    names = sql.SQL(", ").join(map(sql.Literal, labels))
    source.execute(sql.SQL("create type public.situacao as enum ({})").format(names))
    column = DestinationColumn("campo", "public.situacao", enum=labels)
    found = outcomes(source, "text", column, values=[*labels, "outro", "NOVO", ""], transform=None)
    assert [one for one in found if one[1] != one[2]] == []
    assert [value for value, suspect, _ in found if not suspect] == list(labels)


def test_what_is_missing_where_it_must_not_be(source: Database) -> None:
    suspect = SuspectRule(Field("campo", ("celular", "telefone_casa"), "first_non_empty"), "missing")
    query = sql.SQL("select id, {} from public.leads as lead where id = any(%(ids)s) order by id").format(
        suspect_sql([suspect])
    )
    source.execute("truncate public.leads cascade")
    source.execute(
        "insert into public.leads (id, celular, telefone_casa) values (1, '', '2'), (2, '', null), (3, null, '')"
    )
    assert source.execute(query, {"ids": [1, 2, 3]}).fetchall() == [(1, False), (2, True), (3, True)]


def test_one_of_several_tests_is_enough(source: Database) -> None:
    suspects = [
        SuspectRule(Field("a", ("age",)), "out_of_range", (0, 9)),
        SuspectRule(Field("b", ("fonte",)), "longer_than", (2,)),
    ]
    query = sql.SQL("select {} from public.leads as lead where id = %(id)s").format(suspect_sql(suspects))
    found = []
    for age, fonte in ((None, None), (10, None), (None, "abc"), (1, "ab")):
        source.execute("truncate public.leads cascade")
        source.execute("insert into public.leads (id, age, fonte) values (1, %s, %s)", [age, fonte])
        found.append(source.execute(query, {"id": 1}).fetchone())
    assert found == [(False,), (True,), (True,), (False,)]


def test_without_suspects_nobody_is_one(source: Database) -> None:
    assert source.execute(sql.SQL("select {}").format(suspect_sql([]))).fetchone() == (False,)


@pytest.mark.parametrize(
    "suspect",
    [
        SuspectRule(Field("campo", ("fonte",)), "not_one_of", ("100%", "b'c")),
        SuspectRule(Field("campo", ("celular", "telefone_casa"), "first_non_empty"), "longer_than", (5,)),
        SuspectRule(Field("campo", ("fonte",), "integer"), "not_looking_like", (types.WHOLE,)),
    ],
)
def test_a_suspect_survives_the_cache(suspect: SuspectRule) -> None:
    assert SuspectRule.from_document(json.loads(json.dumps(suspect.document()))) == suspect
