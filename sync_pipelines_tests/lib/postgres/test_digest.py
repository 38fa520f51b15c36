import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from sync_pipelines.lib.postgres.digest import (
    NULL,
    SEPARATOR,
    Column,
    Digest,
    Proof,
    Version,
    canonical,
    digest_of,
    digest_query,
    row_hash,
    row_hash_sql,
    stored_version,
)

COLUMNS = (
    Column("words"),
    Column("amount", "number"),
    Column("count", "integer"),
    Column("day", "date"),
    Column("moment", "timestamp"),
)
TABLE = (
    "create temporary table rows_ (words text, amount numeric, count bigint, day date, moment timestamptz)"
)
# Letters, accents composed and not, quotes, control characters. Not all of Unicode: the tables of Python and
# of Postgres know other versions of it.
LETTERS = st.text(
    "aZ0çãõéÇ'\"\\%?$ \t\n\u00a0\u0087Ăő€日\U0001f600" + "\u0301\u0327\u0303" + SEPARATOR + NULL, max_size=8
)
#: Texts that would pass for others if a value were not kept apart from its neighbours and from NULL.
HOSTILE = st.none() | st.text("a1:-" + SEPARATOR + NULL, max_size=4)
ROW = st.tuples(
    st.none() | LETTERS.map(lambda text: unicodedata.normalize("NFC", text)),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.dates(),
    st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
)
FAST = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def database(postgres_server: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(TABLE)
        yield connection


def in_sql(database: psycopg.Connection[Any], rows: list[tuple[Any, ...]], version: Version = 2) -> Digest:
    database.execute("truncate rows_")
    with database.cursor() as cursor, cursor.copy("copy rows_ from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    query = digest_query(sql.Identifier("rows_"), COLUMNS, version=version)
    found = database.execute(query).fetchall()
    return Digest.parse(found[0][1]) if found else Digest()


def in_python(rows: list[tuple[Any, ...]]) -> Digest:
    return digest_of(row_hash(map(canonical, row)) for row in rows)


@FAST
@given(rows=st.lists(ROW, max_size=40))
def test_python_and_sql_digest_the_same(
    database: psycopg.Connection[Any], rows: list[tuple[Any, ...]]
) -> None:
    assert in_sql(database, rows) == in_python(rows)


@settings(max_examples=300, deadline=None)
@given(one=st.lists(HOSTILE, min_size=3, max_size=3), other=st.lists(HOSTILE, min_size=3, max_size=3))
def test_two_rows_never_have_the_same_hash(one: list[str | None], other: list[str | None]) -> None:
    assert (row_hash(one) == row_hash(other)) == (one == other)


@FAST
@given(rows=st.lists(st.lists(HOSTILE, min_size=3, max_size=3), max_size=40))
def test_python_and_sql_hash_hostile_rows_the_same(
    database: psycopg.Connection[Any], rows: list[list[str | None]]
) -> None:
    query = sql.SQL("select hash from ({}) as hashed").format(
        sql.SQL(
            "select {} as hash, number from unnest(%s::text[], %s::text[], %s::text[])"
            " with ordinality as rows_ (a, b, c, number) order by number"
        ).format(row_hash_sql([Column("a"), Column("b"), Column("c")]))
    )
    found = database.execute(query, [[row[at] for row in rows] for at in range(3)]).fetchall()
    assert [text for (text,) in found] == [row_hash(row).hex() for row in rows]


def test_what_was_stored_under_the_first_version_still_compares(database: psycopg.Connection[Any]) -> None:
    rows = [
        ("a", Decimal("1.50"), 1, date(2025, 8, 1), datetime(2025, 2, 28, 23, 59, 59, 7, UTC)),
        (None,) * 5,
    ]
    now, then = in_sql(database, rows), in_sql(database, rows, version=1)
    stored = f"{then.rows}:{then.high}:{then.low}"
    assert Digest.parse(stored) == Digest.parse(str(now)) == now
    assert (stored_version(stored), stored_version(str(now))) == (1, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(null, 1, 1, null, null)", "(chr(30), 1, 1, null, null)"),
        ("('a', null, 1, 'infinity', null)", "('a', null, 1, null, null)"),
        ("('a', null, 1, '-infinity', null)", "('a', null, 1, 'infinity', null)"),
        ("('a', null, 1, '0044-03-15', null)", "('a', null, 1, '0044-03-15 BC', null)"),
        ("('a', null, 1, null, 'infinity')", "('a', null, 1, null, null)"),
        ("('a', null, 1, null, '0044-03-15 10:00Z')", "('a', null, 1, null, '0044-03-15 10:00Z BC')"),
        ("('a', 'NaN', 1, null, null)", "('a', null, 1, null, null)"),
        ("('a', 'Infinity', 1, null, null)", "('a', '-Infinity', 1, null, null)"),
        ("('a', 1, 1, '20225-01-01', null)", "('a', 1, 1, '2022-01-01', null)"),
    ],
)
def test_values_that_python_cannot_hold_have_a_text_of_their_own(
    database: psycopg.Connection[Any], one: str, other: str
) -> None:
    found = set()
    for row in (one, other):
        database.execute(f"truncate rows_; insert into rows_ values {row}")
        found.add(database.execute(digest_query(sql.Identifier("rows_"), COLUMNS)).fetchall()[0][1])
    assert len(found) == 2


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Asia/Kolkata"])
def test_the_session_of_the_database_changes_no_digest(database: psycopg.Connection[Any], zone: str) -> None:
    rows = [("a", Decimal("1.50"), 1, date(2025, 8, 1), datetime(2025, 2, 28, 23, 59, 59, 7, UTC))]
    database.execute(
        "select set_config('timezone', %s, false), set_config('datestyle', 'German', false)", (zone,)
    )
    assert in_sql(database, rows) == in_python(rows)
    database.execute("reset all")


def test_groups_and_sums_come_from_the_same_pass(database: psycopg.Connection[Any]) -> None:
    rows = [
        ("a", Decimal("1.50"), 1, None, None),
        ("a", Decimal("2.5"), 2, None, None),
        ("b", None, 3, None, None),
    ]
    in_sql(database, rows)
    query = digest_query(
        sql.Identifier("rows_"),
        COLUMNS,
        by=sql.Identifier("words"),
        where=sql.SQL("count > 0"),
        sums=("amount",),
    )
    found = {key: (Digest.parse(text), *sums) for key, text, *sums in database.execute(query)}
    assert found == {"a": (in_python(rows[:2]), "4"), "b": (in_python(rows[2:]), None)}


@given(st.lists(st.binary(min_size=16, max_size=16)), st.lists(st.binary(min_size=16, max_size=16)))
def test_digests_add_up_in_any_order(one: list[bytes], other: list[bytes]) -> None:
    assert digest_of(one) + digest_of(other) == digest_of(other[::-1] + one)
    assert Digest.parse(str(digest_of(one))) == digest_of(one)


@given(st.binary(min_size=16, max_size=16), st.integers(2, 6))
def test_copies_do_not_cancel(row: bytes, times: int) -> None:
    seen = {digest_of([row] * count) for count in range(times + 1)}
    assert len(seen) == times + 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (False, "false"),
        (Decimal("-0.00"), "0"),
        (Decimal("10.500"), "10.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("100"), "100"),
        (Decimal("1E-7"), "0.0000001"),
        ("e\u0301", "é"),
        ("", ""),
        (7, "7"),
        (date(2025, 8, 1), "2025-08-01"),
        (datetime(2025, 8, 1, 12, tzinfo=UTC), "2025-08-01T12:00:00.000000Z"),
    ],
)
def test_a_value_has_one_text(value: object, text: str | None) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", [1]])
def test_what_has_no_text_of_its_own_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical text"):
        canonical(value)


@pytest.mark.parametrize("change", [lambda row: row[::-1], lambda row: ("ab", None), lambda row: ("a", "")])
def test_columns_do_not_run_into_each_other(change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
    row = ("a", "b")
    assert row_hash(change(row)) != row_hash(row)
    assert row_hash(("a", None)) != row_hash(("a", ""))


def test_a_proof_names_what_differs_on_either_side() -> None:
    assert Proof({"a": "1"}, {"a": "1"}).holds
    proof = Proof({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "5", "d": "4"})
    assert not proof.holds
    assert proof.differences() == [
        "b: 2 in the source, 5 in the destination",
        "c: 3 in the source, nothing in the destination",
        "d: nothing in the source, 4 in the destination",
    ]
