"""One code for the run logs of all applications: their columns and words are data.

| table | id | words | columns |
|---|---|---|---|
| erp_sync_logs | uuid | running, success, error (an enum) | counts, details, two more that must be filled |
| sync_segments_logs | number | running, success, error | message, stats, duration, rate; no counts and no end |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records.orphaned_runs import FOREIGN, OURS, reap
from sync_pipelines.lib.records.run_log import Execution, RunLog, open_execution

TABLES = """
create type erp_sync_status as enum ('running', 'success', 'error', 'cancelled');
create table erp_sync_logs (
    id uuid primary key default gen_random_uuid(), connection_id uuid not null, sync_type text not null,
    status erp_sync_status not null default 'running', records_synced int default 0, records_failed int default 0,
    error_message text, details jsonb default '{}', started_at timestamptz not null default now(),
    completed_at timestamptz
);
create table sync_segments_logs (
    id serial primary key, segment_id int not null, execution_time timestamptz default now(), status text not null,
    message text, stats jsonb, duration_seconds numeric, success_rate numeric
);
"""
ERP = RunLog(
    "public.erp_sync_logs",
    processed="records_synced",
    details="details",
    success="success",
    failure="error",
    interrupted="cancelled",
)
SEGMENTS = RunLog(
    "public.sync_segments_logs",
    started_at="execution_time",
    completed_at=None,
    processed=None,
    failed=None,
    error="message",
    details="stats",
    duration="duration_seconds",
    success_rate="success_rate",
    success="success",
    failure="error",
    interrupted="error",
    lock_prefix="sync_segments_logs:",
)
MORE: dict[str, dict[str, object]] = {
    ERP.table: {"connection_id": "00000000-0000-4000-8000-000000000001", "sync_type": "nfe"},
    SEGMENTS.table: {"segment_id": 7},
}
LOGS = pytest.mark.parametrize("log", [ERP, SEGMENTS], ids=["erp", "segments"])


@pytest.fixture
def url(new_database: Callable[[str | None], str]) -> str:
    made = new_database(None)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return made


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def begin(url: str, log: RunLog, run_id: str = "run") -> Any:
    return open_execution(
        url,
        log,
        run_id=run_id,
        what="the database",
        started="Iniciando.",
        details={"module": "nfe"},
        columns=MORE[log.table],
    )


def rows(database: psycopg.Connection[Any], log: RunLog) -> list[tuple[Any, ...]]:
    """Status, error and details of each row."""
    query = (
        f"select {log.status}::text, {log.error}, {log.details} from {log.table} order by {log.started_at}"
    )
    return database.execute(query.encode()).fetchall()


def die(execution: Execution, database: psycopg.Connection[Any]) -> None:
    """Lose the session as a killed process does, and wait until the server has freed its lock."""
    execution.connection.close()
    name = f"{execution.run_log.lock_prefix}{execution.id}"
    database.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [name])
    database.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [name])


@LOGS
def test_a_run_is_closed_in_the_words_of_its_table(
    url: str, database: psycopg.Connection[Any], log: RunLog
) -> None:
    ours = {"engine": "sync_pipelines", "run_id": "run", "module": "nfe"}
    with begin(url, log) as one:
        assert rows(database, log) == [("running", None, ours)]
        one.advance(10, 1)
        one.log("INFO", "Nothing keeps log lines here.")
        one.details = {"pages": 3}
    assert rows(database, log) == [("success", None, {**ours, "pages": 3})]


@LOGS
def test_a_failure_keeps_its_sentence(url: str, database: psycopg.Connection[Any], log: RunLog) -> None:
    with pytest.raises(PermanentError), begin(url, log):
        raise PermanentError("The token has expired.")
    with begin(url, log) as one:
        one.problem = "Two pages were empty."
    with pytest.raises(KeyboardInterrupt), begin(url, log):
        raise KeyboardInterrupt
    first, second, third = [(status, error) for status, error, _ in rows(database, log)]
    assert first == ("error", "The token has expired.")
    assert second == ("error", "Two pages were empty.")
    assert third[0] == log.interrupted
    assert "interrompida antes do fim (KeyboardInterrupt)" in third[1]


def test_counts_go_to_the_columns_that_the_table_has(url: str, database: psycopg.Connection[Any]) -> None:
    counts = "select records_synced, records_failed, completed_at is null from erp_sync_logs"
    with begin(url, ERP) as one:
        one.advance(10, 1)
        one.advance(5)
        assert database.execute(counts).fetchall() == [(15, 1, True)]
    assert database.execute(counts).fetchall() == [(15, 1, False)]


@LOGS
def test_an_orphan_is_closed_as_interrupted_and_the_living_stay(
    url: str, database: psycopg.Connection[Any], log: RunLog
) -> None:
    with begin(url, log, "alive"), pytest.raises(PermanentError), begin(url, log, "dead") as dead:
        die(dead, database)
        (orphan,) = reap(database, log)
        assert (orphan.id, orphan.status, orphan.run_id, orphan.is_ours) == (
            dead.id,
            log.interrupted,
            "dead",
            True,
        )
        assert rows(database, log)[1][:2] == (log.interrupted, OURS)
        raise PermanentError("never mind")
    assert [status for status, *_ in rows(database, log)] == ["success", "error"]


@LOGS
@pytest.mark.parametrize(("age", "is_closed"), [("1 minute", False), ("2 hours", True)])
def test_a_row_of_another_program_is_closed_when_it_is_old(
    database: psycopg.Connection[Any], log: RunLog, age: str, *, is_closed: bool
) -> None:
    names = [*MORE[log.table], log.status, log.started_at]
    database.execute(
        f"insert into {log.table} ({', '.join(names)})"
        f" values ({', '.join(['%s'] * (len(names) - 1))}, now() - %s::interval)".encode(),
        [*MORE[log.table].values(), "running", age],
    )
    found = [(orphan.status, orphan.is_ours) for orphan in reap(database, log)]
    assert found == [(log.interrupted, False)] * is_closed
    assert rows(database, log)[0][:2] == ((log.interrupted, FOREIGN) if is_closed else ("running", None))


def test_numbers_of_two_tables_do_not_share_a_lock(url: str, database: psycopg.Connection[Any]) -> None:
    with begin(url, SEGMENTS) as one:
        number = database.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [one.id]).fetchone()
        assert (one.id, number) == ("1", (True,))
        assert reap(database, SEGMENTS) == []


def test_duration_rate_and_message_are_written_where_the_table_has_them(
    url: str, database: psycopg.Connection[Any]
) -> None:
    with begin(url, SEGMENTS) as one:
        one.success_rate, one.message = 97.8, "88 de 90."
    with pytest.raises(PermanentError), begin(url, SEGMENTS) as one:
        one.message = "O token venceu."
        raise PermanentError("The token has expired.")
    with begin(url, ERP) as one:
        one.success_rate = 97.8
    found = database.execute(
        "select status, message, success_rate, duration_seconds between 0 and 60 from sync_segments_logs order by id"
    ).fetchall()
    assert found == [
        ("success", "88 de 90.", Decimal("97.8"), True),
        ("error", "O token venceu.", None, True),
    ]


class Guard:
    """Writes into a table of its own, and refuses what it is told to refuse."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.sessions = 0

    def begin(self, connection: psycopg.Connection[Any]) -> None:
        self.sessions += 1
        if self.refuses == "begin":
            raise PermanentError("Not now.")

    def end(self, connection: psycopg.Connection[Any], execution: Execution, status: str) -> None:
        connection.execute("create table ended as select %s::text as status", (status,))
        if self.refuses == "end":
            raise PermanentError("Not like this.")


def guarded(url: str, guard: Guard) -> Any:
    return open_execution(
        url,
        SEGMENTS,
        run_id="run",
        what="the database",
        started="Iniciando.",
        details={},
        columns={"segment_id": 7},
        steward=guard,
    )


def test_what_belongs_to_a_row_is_written_with_its_end_or_not_at_all(
    url: str, database: psycopg.Connection[Any]
) -> None:
    with pytest.raises(PermanentError, match="Not like this"), guarded(url, Guard("end")):
        pass
    assert database.execute("select to_regclass('ended')").fetchone() == (None,)
    assert [status for status, *_ in rows(database, SEGMENTS)] == ["running"]
    with guarded(url, Guard()):
        pass
    assert database.execute("select status from ended").fetchone() == ("success",)


def test_a_refused_run_leaves_no_row(url: str, database: psycopg.Connection[Any]) -> None:
    with pytest.raises(PermanentError, match="Not now"), guarded(url, Guard("begin")):
        pytest.fail("it must not begin")
    assert rows(database, SEGMENTS) == []


def test_a_new_session_is_asked_for_again(url: str, database: psycopg.Connection[Any]) -> None:
    guard = Guard()
    with guarded(url, guard) as one:
        die(one, database)
    assert guard.sessions == 2
    assert [status for status, *_ in rows(database, SEGMENTS)] == ["success"]
