"""The application's own record of a run: opened before the work, closed with true counts, never left open.

The original left 34 of 52 rows `running` for ever. Here a row is alive as long as its worker holds an
advisory lock on the row's id; a row whose lock is free belongs to a dead process, whatever anybody's status
says, and `sweep` closes it as failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres, redaction
from sync_pipelines.lib.failures import SyncError

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]
ENGINE = "sync_pipelines"
#: Rows that another program opened are closed only when they are older than any run of it can be.
FOREIGN_AGE = timedelta(hours=1)


class ExecutionTables(NamedTuple):
    """Where an application keeps its executions and its log lines, and the name we log under."""

    executions: str
    logs: str
    source: str


@dataclass
class Execution:
    """An open execution: counts are set by the worker, and written when it closes."""

    connection: postgres.Connection
    tables: ExecutionTables
    id: str
    run_id: str
    #: How to come back when the server was restarted under the work, and its name in errors.
    url: str = ""
    what: str = "the database"
    processed: int = 0
    failed: int = 0
    details: dict[str, object] = field(default_factory=dict)

    def log(self, level: Level, message: str, context: Mapping[str, object] | None = None) -> None:
        """Write a line to the application's log. Neither secrets nor personal data belong in it."""
        self._execute(
            sql.SQL(
                "insert into {} (level, message, context, source, execution_id) values (%s, %s, %s, %s, %s)"
            ).format(postgres.table(self.tables.logs)),
            (level, redaction.redact(message), Jsonb(context or {}), self.tables.source, self.id),
        )

    def count(self, connection: postgres.Connection, processed: int, failed: int) -> None:
        """Add to the counts of the open row, over the worker's own connection, after what they count is committed.

        So the record of a killed run says what it did. No disk is waited for, and no error raised: the work is
        done, whatever becomes of its count.
        """
        statement = sql.SQL(
            "update {} set records_processed = coalesce(records_processed, 0) + %s,"
            " records_failed = coalesce(records_failed, 0) + %s where id = %s and status = 'running'"
        ).format(postgres.table(self.tables.executions))
        with suppress(psycopg.Error), connection.transaction():
            connection.execute("set local synchronous_commit = off")
            connection.execute(statement, (processed, failed, self.id))

    def close(self, status: Literal["completed", "failed"], error: str | None) -> None:
        self._execute(
            sql.SQL(
                # Work that was committed and counted is not taken back by a run that broke off before it knew.
                "update {} set status = %s, completed_at = now(),"
                " records_processed = greatest(records_processed, %s), records_failed = greatest(records_failed, %s),"
                " error_message = %s, execution_details = coalesce(execution_details, '{{}}') || %s where id = %s"
            ).format(postgres.table(self.tables.executions)),
            (status, self.processed, self.failed, error, Jsonb(self.details), self.id),
        )

    def _execute(self, statement: sql.Composed, parameters: tuple[object, ...]) -> None:
        try:
            self.connection.execute(statement, parameters)
        except psycopg.OperationalError:
            if not self.connection.closed or not self.url:
                raise
            with postgres.connect(self.url, what=self.what) as again:
                again.execute(statement, parameters)


@contextmanager
def execution(
    url: str, tables: ExecutionTables, *, run_id: str, what: str, started: str, details: Mapping[str, object]
) -> Iterator[Execution]:
    """Open a row, hold its lock over the block, close it as completed or failed.

    `what` names the database in errors, `started` is the first log line (Portuguese: the application's users
    read it). The block's exception is recorded without secrets and goes on.
    """
    with postgres.connect(url, what=what) as connection:
        row = connection.execute(
            sql.SQL(
                "with opened as (insert into {} (status, started_at, execution_details)"
                " values ('running', now(), %s) returning id)"
                " select id::text, pg_try_advisory_lock(hashtextextended(id::text, 0)) from opened"
            ).format(postgres.table(tables.executions)),
            (Jsonb({"engine": ENGINE, "run_id": run_id, **details}),),
        ).fetchone()
        assert row is not None
        opened = Execution(connection, tables, str(row[0]), run_id, url, what)
        opened.log("INFO", started, {"run_id": run_id, **details})
        try:
            yield opened
        except BaseException as error:
            _close_failed(opened, error)
            raise
        opened.close("completed", None)


def _close_failed(opened: Execution, error: BaseException) -> None:
    sentence = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
    try:
        opened.close("failed", sentence)
        opened.log("ERROR", sentence, {"run_id": opened.run_id})
    except (psycopg.Error, SyncError):
        # The work's own error matters more than that its record could not be closed: the sweeper does it.
        error.add_note("Its execution record could not be closed; the sweeper will close it.")


class Swept(NamedTuple):
    """A row that was found open without a living worker."""

    id: str
    run_id: str | None


def sweep(connection: postgres.Connection, tables: ExecutionTables) -> list[Swept]:
    """Close as failed every open row whose lock is free; returns them.

    Our rows at once. Rows of another program only when older than FOREIGN_AGE, since it holds no lock.
    """
    rows = connection.execute(
        sql.SQL(
            "update {executions} as dead set status = 'failed', completed_at = now(), error_message ="
            " 'O processo terminou sem concluir a execução; nada ficou gravado pela metade.'"
            " from (select id, pg_try_advisory_xact_lock(hashtextextended(id::text, 0)) as free"
            "   from {executions} where status = 'running' and (execution_details ->> 'engine' = %s"
            "     or started_at < now() - %s) offset 0) as open_rows"
            " where dead.id = open_rows.id and open_rows.free and dead.status = 'running'"
            " returning dead.id::text, dead.execution_details ->> 'run_id'"
        ).format(executions=postgres.table(tables.executions)),
        (ENGINE, FOREIGN_AGE),
    ).fetchall()
    swept = [Swept(*row) for row in rows]
    for row in swept:
        Execution(connection, tables, row.id, row.run_id or "").log(
            "ERROR", "Execução encerrada: o processo que a conduzia não existe mais.", {"run_id": row.run_id}
        )
    return swept
