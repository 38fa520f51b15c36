"""The application's own record of a run: true counts, nothing left running, orphans told from the living."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.cli.runs import close_orphaned_rows
from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import lock_key, try_lock
from sync_pipelines.lib.records.orphaned_runs import reap
from sync_pipelines.lib.records.run_log import open_execution
from sync_pipelines.systems import SYSTEMS
from sync_pipelines_tests.conftest import House
from sync_pipelines_tests.hitss.conftest import MONTHS, run

ROWS = (
    "select status, completed_at is null, records_processed, records_failed, error_message,"
    " execution_details from public.automation_executions order by started_at"
)


def opened(house: House, engine: str | None, age: str) -> str:
    """An open row such as a killed process of `engine` leaves behind."""
    details = Jsonb({"engine": engine, "run_id": "dead"}) if engine else None
    row = house.fabricio.execute(
        "insert into public.automation_executions (status, started_at, execution_details)"
        " values ('running', now() - %s::interval, %s) returning id::text",
        (age, details),
    ).fetchone()
    assert row
    return str(row[0])


def status(house: House, row_id: str) -> tuple[Any, ...]:
    return house.rows(
        f"select status, completed_at is not null from public.automation_executions where id = '{row_id}'"
    )[0]


def wait_for_its_end(house: House, row_id: str) -> None:
    """The server frees a lost connection's lock a moment after the client is gone: wait in line for it."""
    house.fabricio.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (row_id,))
    house.fabricio.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (row_id,))


def begin(house: House, run_id: str = "run") -> Any:
    return open_execution(
        house.settings.require("fabricio_database_url"),
        EXECUTIONS,
        run_id=run_id,
        what="the fabricio database",
        started="Iniciando.",
        details={},
    )


#: Who opened a row, how long ago, and whether it is closed.
OPENED = [
    ("sync_pipelines", "1 second", True),
    ("sync_pipelines", "3 days", True),
    ("another", "1 minute", False),
    ("another", "2 hours", True),
    (None, "1 minute", False),
    (None, "2 hours", True),
]


def test_an_open_row_of_the_dead_is_closed(house: House) -> None:
    rows = {opened(house, engine, age): reaped for engine, age, reaped in OPENED}
    found = reap(house.fabricio, EXECUTIONS)
    assert {dead.id for dead in found} == {row for row, reaped in rows.items() if reaped}
    for row, reaped in rows.items():
        assert status(house, row) == (("failed", True) if reaped else ("running", False))
        logs = house.rows(f"select level from public.system_logs where execution_id = '{row}'")
        assert logs == [("ERROR",)] * reaped
    assert reap(house.fabricio, EXECUTIONS) == []


def test_the_living_are_not_reaped_and_the_killed_are(house: House) -> None:
    with begin(house) as living:
        assert reap(house.fabricio, EXECUTIONS) == []
        with pytest.raises(PermanentError), begin(house, "killed") as killed:
            # What a killed process looks like from outside: its connection is gone, its row is open.
            killed.connection.close()
            wait_for_its_end(house, killed.id)
            assert [dead.id for dead in reap(house.fabricio, EXECUTIONS)] == [killed.id]
            raise PermanentError("never mind")
        assert status(house, living.id) == ("running", False)
    assert status(house, living.id) == ("completed", True)


def test_whatever_ends_a_run_closes_its_row(house: House) -> None:
    for error in (KeyboardInterrupt(), SystemExit(1), ValueError("first\nPESSOA FICTICIA")):
        with pytest.raises(type(error)), begin(house, type(error).__name__):
            raise error
        found, still_open, *_, message, details = house.rows(ROWS)[-1]
        assert (found, still_open) == ("failed", False)
        assert type(error).__name__ in message
        assert "PESSOA" not in message
        assert details == {"engine": "sync_pipelines", "run_id": type(error).__name__}


def test_a_run_of_the_chain_leaves_true_counts(short: House) -> None:
    short.hitss.fault("text_amounts", times=1)
    ran = run(short)
    download, loaded = short.rows(ROWS)
    rows = ran.report.validation.rows
    assert download[:5] == ("completed", False, rows - 4, 4, None)
    assert download[5]["bytes"] == ran.report.landing.bytes
    assert download[5]["months_changed"] == list(MONTHS)
    assert loaded[:3] == ("completed", False, rows - 4)
    assert loaded[5]["dre_lines loaded"] == short.value("select count(*) from sync_private.dre_lines")
    assert loaded[5]["dre_hitss loaded"] == short.value("select count(*) from public.dre_hitss")
    levels = short.rows("select distinct level, source from public.system_logs")
    assert levels == [("INFO", "hitss-automation")]


def test_a_month_that_failed_last_is_in_the_record(short: House) -> None:
    with psycopg.connect(short.settings.require("fabricio_database_url"), autocommit=True) as holder:
        assert try_lock(holder, lock_key("hitss", MONTHS[-1]))
        ran = run(short)
    assert list(ran.problems) == [MONTHS[-1]]
    assert short.rows(ROWS)[-1][5]["months_failed"] == [MONTHS[-1]]
    ((told,),) = short.rows("select message from public.system_logs where level = 'ERROR'")
    assert told.startswith("A carga de 2025-08 falhou; o mês ficou como estava.")
    assert ran.problems[MONTHS[-1]] in told


def test_the_next_run_closes_what_a_dead_one_left_open(short: House) -> None:
    """Where no daemon runs, no sensor does it: what `sync-pipelines run` does first."""
    dead, fresh = opened(short, "sync_pipelines", "1 second"), opened(short, None, "1 minute")
    (hitss,) = (system for system in SYSTEMS if system.name == "hitss")
    close_orphaned_rows(hitss, short.settings)
    assert status(short, dead) == ("failed", True)
    assert status(short, fresh) == ("running", False)


def test_counts_are_written_as_the_work_advances_so_that_a_killed_worker_leaves_true_ones(
    house: House,
) -> None:
    with pytest.raises(PermanentError), begin(house) as record:
        record.advance(10, 1)
        assert counts(house, record.id) == (10, 1)
        record.advance(10)
        assert counts(house, record.id) == (20, 1)
        record.connection.close()
        wait_for_its_end(house, record.id)
        reap(house.fabricio, EXECUTIONS)
        assert counts(house, record.id) == (20, 1)
        raise PermanentError("never mind")


def test_a_worker_that_came_back_is_not_taken_for_a_dead_one(house: House) -> None:
    with begin(house) as record:
        record.connection.close()
        wait_for_its_end(house, record.id)
        record.advance(10)
        assert reap(house.fabricio, EXECUTIONS) == []
    assert house.value(f"select status from automation_executions where id = '{record.id}'") == "completed"


def counts(house: House, execution_id: str) -> tuple[int, int]:
    (row,) = house.rows(
        f"select records_processed, records_failed from public.automation_executions where id = '{execution_id}'"
    )
    return row[0], row[1]
