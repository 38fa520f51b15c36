"""The application's own record of a run: opened before the work, closed with true counts, never left open.

The original left 34 of 52 rows `running` for ever. Here a row is alive as long as its worker holds an
advisory lock on the row's id; a row whose lock is free belongs to a dead process, whatever anybody's status
says, and `sweep` closes it as failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    #: What makes the run a failed one although its work went to the end.
    problem: str | None = None
    _again: ExitStack = field(default_factory=ExitStack)

    def log(self, level: Level, message: str, context: Mapping[str, object] | None = None) -> None:
        """Write a line to the application's log. Neither secrets nor personal data belong in it."""
        self._execute(
            sql.SQL(
                "insert into {} (level, message, context, source, execution_id) values (%s, %s, %s, %s, %s)"
            ).format(postgres.table(self.tables.logs)),
            (level, redaction.redact(message), Jsonb(context or {}), self.tables.source, self.id),
        )

    def advance(self, processed: int = 0, failed: int = 0) -> None:
        """Add to the counts and write them down: a killed worker leaves true ones.

        No disk is waited for. That they could not be written is no error of the work: they are written again at the
        next step and at the end.
        """
        self.processed += processed
        self.failed += failed
        with suppress(psycopg.Error, SyncError):
            self._execute(
                sql.SQL(
                    "update {} set records_processed = %s, records_failed = %s"
                    " from (select set_config('synchronous_commit', 'off', true)) as quick"
                    " where id = %s and status = 'running'"
                ).format(postgres.table(self.tables.executions)),
                (self.processed, self.failed, self.id),
            )

    def close(self, status: Literal["completed", "failed"], error: str | None) -> None:
        self._execute(
            sql.SQL(
                "update {} set status = %s, completed_at = now(), records_processed = %s, records_failed = %s,"
                " error_message = %s, execution_details = coalesce(execution_details, '{{}}') || %s where id = %s"
            ).format(postgres.table(self.tables.executions)),
            (status, self.processed, self.failed, error, Jsonb(self.details), self.id),
        )

    def _execute(self, statement: sql.Composed, parameters: tuple[object, ...]) -> None:
        try:
            self.connection.execute(statement, parameters)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            # Lost, or left in the middle of a statement by an interruption.
            if not self.url or not (self.connection.closed or _is_busy(self.connection)):
                raise
            self._come_back()
            self.connection.execute(statement, parameters)

    def _come_back(self) -> None:
        """A new connection, and on it the lock that says that the worker lives."""
        self._again.close()
        self.connection = self._again.enter_context(postgres.connect(self.url, what=self.what))
        self.connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (self.id,))


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
        opened = Execution(
            connection=connection, tables=tables, id=str(row[0]), run_id=run_id, url=url, what=what
        )
        opened.log("INFO", started, {"run_id": run_id, **details})
        with opened._again:
            try:
                yield opened
            except BaseException as error:
                _close_failed(opened, error)
                raise
            opened.close("failed" if opened.problem else "completed", opened.problem)


def _is_busy(connection: postgres.Connection) -> bool:
    return connection.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE


def _close_failed(opened: Execution, error: BaseException) -> None:
    sentence = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
    if not isinstance(error, Exception):  # Ctrl-C, a signal, Dagster's own interruption
        kind = type(error).__name__
        sentence = f"A execução foi interrompida antes do fim ({kind}); nada ficou gravado pela metade."
    try:
        opened.close("failed", sentence)
        opened.log("ERROR", sentence, {"run_id": opened.run_id})
    except (psycopg.Error, SyncError):
        # The work's own error matters more than that its record could not be closed: the sweeper does it.
        error.add_note("Its execution record could not be closed; the sweeper will close it.")


class Swept(NamedTuple):
    """A row that was found open without a living worker; `is_ours` is False for another program's."""

    id: str
    run_id: str | None
    is_ours: bool
    started_at: datetime | None


_OURS = (
    "O processo terminou sem concluir a execução; nada ficou gravado pela metade."
    " Os números são os do último registro."
)
_FOREIGN = (
    "Encerrada como abandonada: outro programa a abriu há mais de uma hora e não a concluiu."
    " Não se sabe o que ela gravou."
)


def sweep(connection: postgres.Connection, tables: ExecutionTables) -> list[Swept]:
    """Close as failed every open row whose lock is free; returns them.

    Our rows at once. Rows of another program only when older than FOREIGN_AGE, since it holds no lock.
    """
    rows = connection.execute(
        sql.SQL(
            "update {executions} as dead set status = 'failed', completed_at = now(),"
            " error_message = case when open_rows.ours then %s else %s end"
            " from (select id, execution_details ->> 'engine' is not distinct from %s as ours,"
            "     pg_try_advisory_xact_lock(hashtextextended(id::text, 0)) as free"
            "   from {executions} where status = 'running' and (execution_details ->> 'engine' = %s"
            "     or started_at < now() - %s) offset 0) as open_rows"
            " where dead.id = open_rows.id and open_rows.free and dead.status = 'running'"
            " returning dead.id::text, dead.execution_details ->> 'run_id', open_rows.ours, dead.started_at"
        ).format(executions=postgres.table(tables.executions)),
        (_OURS, _FOREIGN, ENGINE, ENGINE, FOREIGN_AGE),
    ).fetchall()
    swept = [Swept(*row) for row in rows]
    for row in swept:
        told = "o processo que a conduzia não existe mais" if row.is_ours else "outro programa a abandonou"
        Execution(connection=connection, tables=tables, id=row.id, run_id=row.run_id or "").log(
            "ERROR", f"Execução encerrada: {told}.", {"run_id": row.run_id}
        )
    return swept
