"""What each declared transform sends, and what none of them takes."""

from __future__ import annotations

import json

import pytest
from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.rendering import field_sql
from sync_pipelines_tests.scouter.mapping.conftest import Database


def sent(source: Database, transform: str, *values: tuple[str, object]) -> object:
    """What is sent of source columns of these types and values."""
    names = [f"c{number}" for number in range(len(values))]
    columns = sql.SQL(", ").join(
        sql.SQL("%s::{} as {}").format(sql.SQL(kind), sql.Identifier(name))
        for name, (kind, _) in zip(names, values, strict=True)
    )
    field = Field("campo", tuple(names), transform)
    query = sql.SQL("select to_json({})::text from (select {}) as lead").format(field_sql(field), columns)
    row = source.execute(query, [value for _, value in values]).fetchone()
    assert row
    return None if row[0] is None else json.loads(row[0])


@pytest.mark.parametrize(
    ("transform", "kind", "value", "expected"),
    [
        ("none", "integer", 0, 0),
        ("text", "boolean", False, "false"),
        ("text", "numeric(10,2)", "12.50", "12.50"),
        ("text", "integer", 0, "0"),
        ("lowercase", "text", "ÉRICA", "érica"),
        ("digits", "text", "+55 (11) 9-1", "551191"),
        ("digits", "text", "sem", ""),
        ("sim_nao", "boolean", True, "Sim"),
        ("sim_nao", "boolean", False, "Não"),
        ("sim_nao", "boolean", None, None),
        ("date", "timestamptz", "2025-10-22T02:59:59.999999Z", "2025-10-21"),
        ("date", "timestamptz", "2025-10-22T03:00:00Z", "2025-10-22"),
        ("date", "timestamptz", "2018-11-04T02:59:59Z", "2018-11-03"),
        ("date:UTC", "timestamptz", "2025-10-22T02:59:59Z", "2025-10-22"),
        ("date:Asia/Tokyo", "timestamptz", "2025-10-22T15:00:00Z", "2025-10-23"),
        ("date", "timestamptz", None, None),
        ("integer", "text", " 012 ", "012"),
        ("integer", "text", "  ", None),
        ("number", "text", "", None),
        ("number", "text", "1.5 ", "1.5"),
        ("boolean", "text", " yes", "yes"),
        ("timestamp", "text", " ", None),
        ("timestamp", "text", "2025-10-21", "2025-10-21"),
    ],
)
def test_what_is_sent(source: Database, transform: str, kind: str, value: object, expected: object) -> None:
    assert sent(source, transform, (kind, value)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "2", "3"), "1"),
        (("", "2", "3"), "2"),
        ((None, "", "3"), "3"),
        (("", None, ""), None),
        ((" ", "2", "3"), " "),
    ],
)
def test_the_first_that_is_not_empty(
    source: Database, values: tuple[str | None, ...], expected: str | None
) -> None:
    assert sent(source, "first_non_empty", *(("text", value) for value in values)) == expected


@pytest.mark.parametrize("name", ["upper", "", "date:Nowhere/Land", "DATE", "text:UTC"])
def test_an_unknown_name_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(PermanentError, match=r"there are none, first_non_empty, .*date:<zone>"):
        transforms.find(name)


@pytest.mark.parametrize(
    ("name", "takes", "refuses"),
    [
        ("text", ("integer", "jsonb", "text"), ()),
        ("lowercase", ("text", "character varying", "citext"), ("boolean", "jsonb")),
        ("first_non_empty", ("text",), ("integer", "boolean")),
        ("sim_nao", ("boolean",), ("text", "integer")),
        ("date", ("timestamp with time zone",), ("date", "timestamp without time zone", "text")),
        ("integer", ("text",), ("integer", "numeric")),
    ],
)
def test_which_types_a_transform_takes(name: str, takes: tuple[str, ...], refuses: tuple[str, ...]) -> None:
    transform = transforms.find(name)
    assert [kind for kind in (*takes, *refuses) if transform.accepts(kind)] == list(takes)
