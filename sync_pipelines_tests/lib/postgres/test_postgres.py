import traceback
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.postgres import Changes, Connection, SliceMerge
from sync_pipelines.lib.postgres.embedded import PostgresServer

PERSON = "PESSOA FICTICIA"


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database("lib_postgres")


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with postgres.connect(url, what="the test database") as opened:
        opened.execute("drop table if exists target; drop table if exists source")
        opened.execute(
            "create table target (part text, id int, name text, amount numeric, run text, primary key (part, id))"
        )
        opened.execute("create table source (like target)")
        yield opened


def fill(connection: Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    connection.execute(sql.SQL("truncate {}").format(sql.Identifier(table)))
    postgres.copy_rows(connection, table, ("part", "id", "name", "amount"), rows=rows)


MERGE = SliceMerge(
    source=sql.SQL("(select * from source where part = %(part)s)"),
    target="public.target",
    key=("part", "id"),
    columns=("name", "amount"),
    stamped=("run",),
    where=sql.SQL("target.part = %(part)s"),
)


def merge(connection: Connection, run: str = "new") -> Changes:
    with connection.transaction():
        return MERGE.run(connection, {"part": "a", "run": run})


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("select part, id, name, amount from target order by 1, 2").fetchall()


CONTENT = st.dictionaries(
    st.integers(1, 6), st.tuples(st.none() | st.sampled_from(["x", "y", ""]), st.none() | st.integers(0, 2))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CONTENT, after=CONTENT)
def test_a_slice_becomes_its_source_and_is_counted(
    connection: Connection, before: dict[int, Any], after: dict[int, Any]
) -> None:
    other = ("b", 1, "kept", 9)
    fill(connection, "target", [other, *(("a", key, *value) for key, value in before.items())])
    fill(
        connection, "source", [("b", 2, "not ours", 1), *(("a", key, *value) for key, value in after.items())]
    )
    stamps = "select id, xmin::text from target where part = 'a'"
    old = dict(connection.execute(stamps).fetchall())
    changes = merge(connection)
    assert rows(connection) == [*(("a", key, *value) for key, value in sorted(after.items())), other]
    same = {key for key in before.keys() & after.keys() if before[key] == after[key]}
    assert changes == (
        len(after.keys() - before.keys()),
        len((before.keys() & after.keys()) - same),
        len(same),
        len(before.keys() - after.keys()),
    )
    new = dict(connection.execute(stamps).fetchall())
    assert {key for key in new if old.get(key) == new[key]} == same
    stamped = connection.execute("select id from target where part = 'a' and run = 'new'").fetchall()
    assert {key for (key,) in stamped} == after.keys() - same
    assert merge(connection, "again") == (0, 0, len(after), 0)


def test_numbers_that_are_written_differently_are_no_change(connection: Connection) -> None:
    fill(connection, "target", [("a", 1, "x", "1.50")])
    fill(connection, "source", [("a", 1, "x", "1.5")])
    assert merge(connection) == Changes(unchanged=1)


@pytest.mark.parametrize(
    "text", ["tab\there", "line\nbreak", "back\\slash", '"quoted"', "%s {x}", "ção\u0087", ""]
)
def test_any_text_survives_copy(connection: Connection, text: str) -> None:
    fill(connection, "target", [("a", 1, text, None)])
    assert rows(connection) == [("a", 1, text, None)]


Fails = Callable[[Connection], object]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (
            lambda c: c.execute("insert into unique_names values (%s), (%s)", (PERSON, PERSON)),
            r"unique constraint.*SQLSTATE 23505.*table unique_names.*constraint unique_names_pkey",
        ),
        (
            lambda c: postgres.copy_rows(c, "unique_names", ["name"], rows=[[PERSON], [PERSON]]),
            "SQLSTATE 23505",
        ),
        (lambda c: c.execute("select %s::text::numeric", (PERSON,)), "SQLSTATE 22P02"),
        (
            lambda c: postgres.copy_rows(c, "target", ["part", "id"], rows=[("a", PERSON)]),
            "SQLSTATE 22P02",
        ),
        (lambda c: c.execute("insert into target (part, id) values (%s, null)", (PERSON,)), "SQLSTATE 23502"),
        (lambda c: c.execute("select * from nowhere"), "SQLSTATE 42P01"),
    ],
)
def test_an_error_is_a_sentence_without_the_row(connection: Connection, harm: Fails, sentence: str) -> None:
    connection.execute("create table if not exists unique_names (name text primary key)")
    with (
        pytest.raises(PermanentError, match=f"^the test database: .*{sentence}") as raised,
        postgres.errors_about("the test database"),
    ):
        harm(connection)
    assert PERSON not in "".join(traceback.format_exception(raised.value))


def test_a_connection_that_reads_cannot_write(url: str, connection: Connection) -> None:
    with (
        pytest.raises(PermanentError, match="read-only"),
        postgres.connect(url, what="the mirror", read_only=True) as reader,
    ):
        reader.execute("insert into target (part, id) values ('a', 1)")
    assert rows(connection) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda url: url.rsplit("/", 1)[0] + "/nowhere", PermanentError),
        (lambda url: "postgresql://u:hunter22hunter@127.0.0.1:1/db", TransientError),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_sentence(
    url: str, change: Callable[[str], str], kind: type[SyncError]
) -> None:
    with (
        pytest.raises(kind, match=r"^the test database: ") as raised,
        postgres.connect(change(url), what="the test database"),
    ):
        pass
    assert "hunter22" not in str(raised.value)


def test_a_lock_is_held_by_one_and_free_when_its_holder_is_gone(url: str, connection: Connection) -> None:
    key = postgres.lock_key("hitss", "2025-08-01")
    with psycopg.connect(url, autocommit=True) as holder:
        assert postgres.try_lock(holder, key)
        assert not postgres.try_lock(connection, key)
        assert postgres.try_lock(connection, postgres.lock_key("hitss", "2025-07-01"))
    with postgres.session_lock(connection, key, wait_seconds=5, busy="busy"):
        pass


def test_a_lock_is_waited_for_no_longer_than_told(url: str, connection: Connection) -> None:
    key = postgres.lock_key("chain")
    with psycopg.connect(url, autocommit=True) as holder:
        with postgres.session_lock(holder, key, wait_seconds=1, busy="never"):
            for wait in (0, 0.01):
                with (
                    pytest.raises(TransientError, match=r"^Somebody else is at it\.$"),
                    postgres.session_lock(connection, key, wait_seconds=wait, busy="Somebody else is at it."),
                ):
                    pass
        with postgres.session_lock(connection, key, wait_seconds=0, busy="never"):
            assert not postgres.try_lock(holder, key)
        assert connection.execute("show lock_timeout").fetchone() == ("0",)


def test_a_lock_is_given_back_when_its_block_fails(url: str, connection: Connection) -> None:
    key = postgres.lock_key("block")
    with (
        pytest.raises(ValueError, match="inside"),
        postgres.session_lock(connection, key, wait_seconds=0, busy="busy"),
    ):
        raise ValueError("inside")
    with psycopg.connect(url, autocommit=True) as other:
        assert postgres.try_lock(other, key)


def test_a_partition_is_locked_until_its_transaction_ends(url: str, connection: Connection) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        with connection.transaction():
            postgres.lock_partition(connection, "hitss", "2025-08-01", busy="busy")
            with pytest.raises(TransientError, match=r"^taken$"), other.transaction():
                postgres.lock_partition(other, "hitss", "2025-08-01", busy="taken")
        with other.transaction():
            postgres.lock_partition(other, "hitss", "2025-08-01", busy="taken")


@given(
    st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=3), unique_by=tuple, min_size=2, max_size=2)
)
def test_names_have_keys_of_their_own(names: list[list[str]]) -> None:
    one, other = (postgres.lock_key(*parts) for parts in names)
    assert one != other or "\x1f" in "".join(names[0] + names[1])
    assert -(2**63) <= one < 2**63


def test_texts_are_copied_as_they_are_and_only_the_mark_is_null(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create temporary table texts (id integer, text text)")
    values = ["plain", "", "a\tb", "a\\b", "\\N", "line\nline", "line\rline", "ção Ã\x87", "'\"%s{}"]
    rows = [*((str(number), value) for number, value in enumerate(values)), ("99", "\x1e")]
    postgres.copy_texts(connection, "texts", ["id", "text"], rows=rows * 120, null="\x1e")
    found = connection.execute("select id, text, count(*) from texts group by 1, 2 order by 1").fetchall()
    assert found == [*((number, value, 120) for number, value in enumerate(values)), (99, None, 120)]


#: A deferred trigger that, when it is made to run, puts off its work till the COMMIT once more.
PROCRASTINATOR = """
    create or replace function put_off() returns trigger language plpgsql as $$begin
        if new.run is null then
            set constraints all deferred;
            update target set run = 'seen' where id = new.id;
        else
            update target set amount = -1 where id = new.id and amount <> -1;
        end if;
        return null;
    end$$;
    create constraint trigger put_off after insert or update on target deferrable initially deferred
    for each row execute function put_off();
"""


def test_what_was_put_off_once_more_cannot_write_after_the_proof(connection: Connection) -> None:
    connection.execute(PROCRASTINATOR)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.transaction():
        connection.execute("insert into target (part, id, amount) values ('a', 1, 7)")
        postgres.end_writes(connection)
        assert rows(connection) == [("a", 1, None, 7)]
    assert rows(connection) == []


def test_without_the_end_of_writes_the_same_trigger_alters_what_was_proved(connection: Connection) -> None:
    connection.execute(PROCRASTINATOR)
    with connection.transaction():
        connection.execute("insert into target (part, id, amount) values ('a', 1, 7)")
        connection.execute("set constraints all immediate")
        assert rows(connection) == [("a", 1, None, 7)]
    assert rows(connection) == [("a", 1, None, -1)]
