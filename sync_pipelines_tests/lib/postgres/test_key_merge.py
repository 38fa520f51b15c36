"""Merging by key. The table that most tests merge into:

| column | type | |
|---|---|---|
| id | bigint | the key |
| a, n, j | text, numeric(10, 2), jsonb | merged |
| b | integer, default 7 | merged |
| "o%d{x}" | text, default '100%' | merged; a name that SQL text has to escape |
| mine | text, default 'mine' | never named |
| double | integer | generated from b |
| at | timestamptz | stamped on rows that are written |
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes, Connection, Difference, KeyMerge, Merged
from sync_pipelines.lib.postgres.embedded import PostgresServer

ODD = "o%d{x}"
COLUMNS = ("a", "b", "n", "j", ODD)
DEFAULTS = {"a": None, "b": 7, "n": None, "j": None, ODD: "100%"}
SOURCE = sql.SQL("(select (d->>'id')::bigint as id, d->'doc' as doc from unnest(%(docs)s::jsonb[]) as d)")
TABLE = """
drop table if exists target;
create table target (
    id bigint primary key, a text, b integer default 7, n numeric(10, 2), j jsonb, "o%d{x}" text default '100%',
    mine text default 'mine', double integer generated always as (b * 2) stored, at timestamptz
)
"""
FIRST, SECOND = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)
Documents = Mapping[Any, Any]


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database("lib_key_merge")


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with postgres.connect(url, what="the test database") as opened:
        opened.execute(TABLE)
        yield opened


def of_target(connection: Connection, columns: tuple[str, ...] = COLUMNS) -> KeyMerge:
    return KeyMerge.of_table(
        connection, source=SOURCE, target="public.target", key=["id"], columns=columns, stamped=["at"]
    )


def given_by(documents: Documents, at: datetime = FIRST) -> dict[str, object]:
    return {"docs": [Jsonb({"id": key, "doc": doc}) for key, doc in documents.items()], "at": at}


def merge(connection: Connection, documents: Documents, at: datetime = FIRST) -> Merged:
    with connection.transaction():
        return of_target(connection).run(connection, given_by(documents, at))


def rows(connection: Connection) -> dict[int, dict[str, Any]]:
    found = connection.execute('select id, a, b, n, j, "o%d{x}" from target order by id').fetchall()
    return {key: dict(zip(COLUMNS, values, strict=True)) for key, *values in found}


def value(connection: Connection, query: str) -> Any:
    found = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return found[0] if found else None


def keys(*numbers: int) -> frozenset[tuple[int]]:
    return frozenset((number,) for number in numbers)


DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "a": st.none() | st.sampled_from(["", "x", "ção \\ %s {y} '"]),
        "b": st.none() | st.integers(-1, 1),
        "n": st.none() | st.sampled_from([0, 1.5, "2.50"]),
        "j": st.none() | st.sampled_from([[], {}, {"k": None}, "text", 0, False]),
        ODD: st.none() | st.sampled_from(["", "z"]),
        "mine": st.just("theirs"),
    },
)
DOCUMENTS = st.dictionaries(st.integers(1, 5), DOCUMENT)


def stored(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns hold of what a document says of them."""
    said = {name: value for name, value in document.items() if name in COLUMNS}
    return said | ({"n": Decimal(str(said["n"]))} if said.get("n") is not None else {})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=DOCUMENTS, after=DOCUMENTS)
def test_a_row_becomes_what_its_document_says_and_keeps_the_rest(
    connection: Connection, before: dict[int, Any], after: dict[int, Any]
) -> None:
    connection.execute("truncate target")
    merge(connection, before, FIRST)
    old = rows(connection)
    assert old == {key: DEFAULTS | stored(doc) for key, doc in before.items()}
    merged = merge(connection, after, SECOND)
    new = {key: old.get(key, DEFAULTS) | stored(doc) for key, doc in after.items()}
    assert rows(connection) == old | new
    changed = {key for key in old if new.get(key, old[key]) != old[key]}
    assert merged == Merged(
        keys(*after.keys() - old.keys()), keys(*changed), keys(*(after.keys() & old.keys()) - changed)
    )
    stamped = connection.execute("select id from target where at = %s", (SECOND,)).fetchall()
    assert set(stamped) == merged.inserted | merged.changed
    assert value(connection, "select count(*) from target where mine <> 'mine'") == 0
    assert merge(connection, after, SECOND).changes == Changes(unchanged=len(after))


def test_what_did_not_change_is_not_rewritten(connection: Connection) -> None:
    merge(connection, {1: {"n": "1.50", "j": {"x": 1, "y": 2}}, 2: {"b": 1}})
    before = connection.execute("select id, xmin::text from target order by id").fetchall()
    merged = merge(connection, {1: {"n": 1.5, "j": {"y": 2.0, "x": 1}}, 2: {"b": 2}}, SECOND)
    assert merged.changes == Changes(changed=1, unchanged=1)
    after = connection.execute("select id, xmin::text from target order by id").fetchall()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_what_the_source_does_not_have_is_not_deleted(connection: Connection) -> None:
    merge(connection, {1: {"a": "x"}})
    assert merge(connection, {}) == Merged(frozenset(), frozenset(), frozenset())
    assert merge(connection, {2: {}}).changes == Changes(inserted=1)
    assert list(rows(connection)) == [1, 2]


def test_each_new_row_gets_its_own_default(connection: Connection) -> None:
    connection.execute("create sequence if not exists numbers restart 1; alter table target add s bigint")
    connection.execute("alter sequence numbers restart 10")
    connection.execute("alter table target alter s set default nextval('numbers')")
    with connection.transaction():
        of_target(connection, ("s",)).run(connection, given_by({1: {}, 2: {"s": None}, 3: {}}))
    found = connection.execute("select id, s from target order by id").fetchall()
    assert found == [(1, 10), (2, None), (3, 11)]


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [
        ([(8, {}), (7, {}), (7, {"a": "x"}), (9, {})], "id 7 is there 2 times"),
        ([(1, {}), (None, {})], "id None has no document that is an object, or no key"),
        ([(1, {}), (5, [])], "id 5 has no document that is an object, or no key"),
        ([(1, {}), (6, None)], "id 6 has no document that is an object, or no key"),
    ],
)
def test_a_source_that_is_ambiguous_is_refused_by_its_key(
    connection: Connection, documents: list[tuple[Any, Any]], sentence: str
) -> None:
    parameters = {"docs": [Jsonb({"id": key, "doc": doc}) for key, doc in documents], "at": FIRST}
    with pytest.raises(PermanentError, match=re.escape(sentence)), connection.transaction():
        of_target(connection).run(connection, parameters)
    assert rows(connection) == {}


@pytest.mark.parametrize("name", ["nowhere", "double"])
def test_a_column_that_cannot_be_written_is_named(connection: Connection, name: str) -> None:
    with pytest.raises(PermanentError, match=f"public.target has no column {name} that can be written"):
        of_target(connection, ("a", name))


def test_a_key_may_have_several_columns(connection: Connection) -> None:
    connection.execute(
        "drop table if exists pairs; create table pairs (one int, two text, a text, primary key (two, one))"
    )
    connection.execute("create temporary table given (one int, two text, doc jsonb)")
    connection.execute(
        """insert into given values (1, 'x', '{"a": "v"}'), (1, 'y', '{}'), (2, 'x', '{"a": null}')"""
    )
    connection.execute("insert into pairs values (1, 'x', 'old'), (2, 'y', 'other')")
    pairs = KeyMerge.of_table(
        connection, source=sql.SQL("given"), target="public.pairs", key=["one", "two"], columns=["a"]
    )
    assert pairs.run(connection) == Merged(
        frozenset({(1, "y"), (2, "x")}), frozenset({(1, "x")}), frozenset()
    )
    assert pairs.differences(connection) == []
    connection.execute(
        "update pairs set a = 'altered' where (one, two) = (1, 'x'); delete from pairs where one = 2"
    )
    assert pairs.differences(connection) == [
        Difference((1, "x"), ("a",), is_missing=False),
        Difference((2, "x"), (), is_missing=True),
    ]


def test_only_columns_that_are_named_need_to_be_allowed(connection: Connection, url: str) -> None:
    connection.execute(
        "drop role if exists writer; create role writer;"
        " grant select (id, a), insert (id, a, at), update (a, at) on target to writer"
    )
    connection.execute("insert into target (id, a) values (1, 'old')")
    connection.execute("set role writer")
    with connection.transaction():
        merger = of_target(connection, ("a",))
        assert merger.run(connection, given_by({1: {"a": "x"}, 2: {"a": "y"}})).changes == Changes(1, 1)
        assert merger.differences(connection, given_by({1: {"a": "x"}, 2: {"a": "y"}})) == []
    connection.execute("reset role; drop owned by writer; drop role writer")


ALTERS = """
create or replace function alters() returns trigger language plpgsql as $$begin
    new.a = upper(new.a); new.b = 0; return new;
end$$;
create trigger alters before insert or update on target for each row execute function alters()
"""
ALTERS_LATER = """
create or replace function alters_later() returns trigger language plpgsql as $$begin
    if pg_trigger_depth() = 1 then update target set n = 99 where id = new.id; end if; return null;
end$$;
create constraint trigger later after insert or update on target deferrable initially deferred
for each row execute function alters_later()
"""
DELETES = """
create or replace function deletes() returns trigger language plpgsql as $$begin
    delete from target where id = new.id; return null;
end$$;
create trigger deletes after update on target for each row execute function deletes()
"""
KEEPS_OLD = """
create or replace function keeps() returns trigger language plpgsql as $$begin return null; end$$;
create trigger keeps before update on target for each row execute function keeps()
"""


@pytest.mark.parametrize(
    ("trigger", "differences"),
    [
        ("select", []),
        (
            ALTERS,
            [Difference((1,), ("a", "b"), is_missing=False), Difference((2,), ("a",), is_missing=False)],
        ),
        (ALTERS_LATER, [Difference((1,), ("n",), is_missing=False)]),
        (DELETES, [Difference((1,), (), is_missing=True)]),
        (KEEPS_OLD, [Difference((1,), ("a", "b", "n"), is_missing=False)]),
    ],
)
def test_what_a_trigger_did_to_a_row_is_a_difference(
    connection: Connection, trigger: str, differences: list[Difference]
) -> None:
    connection.execute("insert into target (id, a) values (1, 'old')")
    connection.execute(trigger)  # type: ignore[call-overload]
    parameters = given_by({1: {"a": "x", "b": 1, "n": 5}, 2: {"a": "y"}})
    with connection.transaction():
        merger = of_target(connection)
        merger.run(connection, parameters)
        postgres.end_writes(connection)
        assert merger.differences(connection, parameters) == differences


def test_rows_that_the_table_does_not_let_in_are_no_success(connection: Connection) -> None:
    connection.execute(KEEPS_OLD.replace("before update", "before insert"))
    with pytest.raises(
        PermanentError, match=r"2 of 2 rows of public\.target were neither inserted nor found"
    ):
        merge(connection, {1: {}, 2: {}})


def test_a_value_that_does_not_fit_refuses_the_merge(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        merge(connection, {1: {"a": "fine"}, 2: {"b": "twelve"}})
    assert rows(connection) == {}


class Beside:
    """A second connection that merges in a thread, while the first one holds an open transaction."""

    def __init__(self, url: str, watcher: Connection) -> None:
        self._url, self._watcher = url, watcher
        self.merged: Merged | None = None
        self.error: Exception | None = None

    def start(self, documents: Documents) -> None:
        self._thread = threading.Thread(target=self._run, args=(documents,), daemon=True)
        self._thread.start()
        waits = "select exists (select from pg_locks where not granted and database = (select oid from pg_database"
        waits += " where datname = current_database()) or not granted and locktype = 'transactionid')"
        while self._thread.is_alive() and not value(self._watcher, waits):
            pass
        assert self._thread.is_alive()

    def end(self) -> Merged:
        self._thread.join(60)
        assert self.error is None
        assert self.merged is not None
        return self.merged

    def _run(self, documents: Documents) -> None:
        try:
            with postgres.connect(self._url, what="the test database") as connection:
                self.merged = merge(connection, documents, SECOND)
        except Exception as error:
            self.error = error


@pytest.fixture
def beside(url: str) -> Iterator[Beside]:
    with postgres.connect(url, what="the test database") as watcher:
        yield Beside(url, watcher)


Write = Callable[[Connection], object]


@pytest.mark.parametrize(
    ("first", "documents", "merged"),
    [
        # Both say the same of a row that neither had seen.
        (
            lambda c: merge(c, {1: {"a": "x"}, 9: {}}),
            {9: {}, 1: {"a": "x"}},
            Merged(keys(), keys(), keys(1, 9)),
        ),
        # In the other order, and of another column.
        (
            lambda c: merge(c, {3: {"a": "x"}, 1: {"a": "x"}}),
            {1: {"b": 1}, 3: {"b": 1}},
            Merged(keys(), keys(1, 3), keys()),
        ),
        # A row that is deleted meanwhile is new again.
        (
            lambda c: c.execute("delete from target where id = 2"),
            {1: {"a": "old"}, 2: {"a": "z"}},
            Merged(keys(2), keys(), keys(1)),
        ),
        # A person's change is seen.
        (
            lambda c: c.execute("update target set a = 'person' where id = 1"),
            {1: {"a": "old"}},
            Merged(keys(), keys(1), keys()),
        ),
    ],
)
def test_a_merge_waits_for_another_and_sees_what_it_wrote(
    connection: Connection, beside: Beside, first: Write, documents: Documents, merged: Merged
) -> None:
    connection.execute("insert into target (id, a) select n, 'old' from generate_series(1, 3) as n")
    with connection.transaction():
        first(connection)
        beside.start(documents)
    assert beside.end() == merged
    assert {
        key: stored(doc).items() <= rows(connection)[key].items() for key, doc in documents.items()
    } == dict.fromkeys(documents, True)


def test_rows_are_locked_in_the_order_of_their_keys(connection: Connection, beside: Beside) -> None:
    """The one that waits for key 2 holds nothing above it, so that who holds key 2 can go on to key 3."""
    connection.execute("insert into target (id, a) select n, 'old' from generate_series(1, 3) as n")
    with connection.transaction():
        merge(connection, {2: {"a": "first"}})
        beside.start({3: {"a": "second"}, 2: {"a": "second"}, 1: {"a": "second"}})
        merge(connection, {3: {"a": "first"}})
    assert beside.end().changed == keys(1, 2, 3)
    assert {row["a"] for row in rows(connection).values()} == {"second"}
