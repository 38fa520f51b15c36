"""The application's own log of a run: a row opened before the work, closed with true counts, never left open.

The original left 34 of 52 rows `running`. Here a row is alive as long as its worker holds an advisory lock on its id. A
row whose lock is free belongs to a dead process, whatever its status says: `orphaned_runs` closes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, LiteralString, Protocol

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres, redaction
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres.reconnecting import Reconnecting
from sync_pipelines.lib.records.run_end import kept, prove_end
from sync_pipelines.lib.retry import Backoff

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]
#: By this word in the details of a row we know it for ours.
ENGINE = "sync_pipelines"
#: Columns whose new value is no parameter alone.
_VALUES: Mapping[str, LiteralString] = {
    "completed_at": "{column} = now()",
    "details": "{column} = coalesce({column}, '{{}}') || {value}",
    # By the clock that wrote the start; without a start there is none.
    "duration": "{column} = round(extract(epoch from clock_timestamp() - {started_at})::numeric, 3)",
}
_COUNTS = ("processed", "failed")
#: What the end of a run writes.
_END = ("status", "completed_at", *_COUNTS, "error", "details", "duration", "success_rate")
_COLUMNS = ("id", "started_at", *_END)
#: A run log must not make its work wait for a database that is down.
_AT_ONCE = Backoff(attempts=1)


@dataclass(frozen=True)
class RunLog:
    """An application's table of runs: its columns, its words for a status, and where its log lines go.

    A column that the table does not have is None. `lock_prefix` stands before a row's id in the name of its lock: it
    tells numbers of one table from those of another in the same database. `source` is the name under which we write
    log lines; without `log_table` the application keeps none.
    """

    table: str
    log_table: str | None = None
    source: str = ENGINE
    id: str = "id"
    status: str = "status"
    started_at: str = "started_at"
    completed_at: str | None = "completed_at"
    processed: str | None = "records_processed"
    failed: str | None = "records_failed"
    error: str = "error_message"
    details: str = "execution_details"
    #: Seconds that a run took, and its share of success in per cent. An orphan's stay null: nobody knows them.
    duration: str | None = None
    success_rate: str | None = None
    running: str = "running"
    success: str = "completed"
    failure: str = "failed"
    #: The status of a run whose process died.
    interrupted: str = "failed"
    lock_prefix: str = ""
    #: Whether an end that a trigger swallows or alters is an error; the table has all columns of counts.
    proves_its_end: bool = False

    def composed(self, statement: LiteralString, **parts: sql.Composable) -> sql.Composed:
        """A statement in which `{table}`, `{key}` (of the lock), each column and `parts` stand in braces."""
        key = sql.SQL("hashtextextended({} || {}::text, 0)").format(
            sql.Literal(self.lock_prefix), sql.Identifier(self.id)
        )
        columns = {name: sql.Identifier(column) for name, column in self._columns().items()}
        return sql.SQL(statement).format(table=postgres.table(self.table), key=key, **columns, **parts)

    def assignments(self, *names: str) -> sql.Composed:
        """`column = %(name)s` for those of the names that are columns of this table."""
        known = self._columns()
        return sql.SQL(", ").join(
            sql.SQL(_VALUES.get(name, "{column} = {value}")).format(
                column=sql.Identifier(known[name]),
                value=sql.Placeholder(name),
                started_at=sql.Identifier(self.started_at),
            )
            for name in names
            if name in known
        )

    def _columns(self) -> dict[str, str]:
        return {name: column for name in _COLUMNS if (column := getattr(self, name)) is not None}

    def write_line(
        self,
        connection: postgres.Connection,
        run: str,
        level: Level,
        message: str,
        context: Mapping[str, object],
    ) -> None:
        """Write a line about the run with this id, redacted."""
        if self.log_table is None:
            return
        connection.execute(
            sql.SQL(
                "insert into {} (level, message, context, source, execution_id) values (%s, %s, %s, %s, %s)"
            ).format(postgres.table(self.log_table)),
            (level, redaction.redact(message), Jsonb(context), self.source, run),
        )


class Steward(Protocol):
    """What belongs to a row beyond itself: a lock on its work, another table that says the same."""

    def begin(self, connection: postgres.Connection) -> None:
        """Called first on each session, also on one that replaces a lost one. What it raises refuses the run."""

    def end(self, connection: postgres.Connection, execution: Execution, status: str) -> None:
        """Called before the row is closed with this status, in the transaction that closes it."""


@dataclass
class Execution:
    """An open row: the worker sets the counts, and closing writes them."""

    run_log: RunLog
    database: Reconnecting
    id: str
    run_id: str
    processed: int = 0
    failed: int = 0
    details: dict[str, object] = field(default_factory=dict)
    #: Why the run is no success although its work went to the end: it failed, or with `is_idle` had nothing to do.
    problem: str | None = None
    is_idle: bool = False
    #: Per cent, for a log that has it.
    success_rate: Decimal | float | None = None
    #: What the row says in place of the error's sentence, and after a success, where its column is one of messages.
    message: str | None = None
    steward: Steward | None = None

    @property
    def connection(self) -> postgres.Connection:
        """The session that holds the lock of the row."""
        return self.database.connection

    def log(self, level: Level, message: str, context: Mapping[str, object] | None = None) -> None:
        """Write a line to the application's log. Neither secrets nor personal data belong in it."""
        self.database.do(
            lambda connection: self.run_log.write_line(
                connection, self.id, level, message=message, context=context or {}
            )
        )

    def advance(self, processed: int = 0, failed: int = 0) -> None:
        """Add to the counts and write them, so that a killed worker leaves true ones.

        The write does not wait for the disk. If it fails, the work goes on: the next one writes the counts again.
        """
        self.processed += processed
        self.failed += failed
        with suppress(psycopg.Error, SyncError):
            self._change(
                "update {table} set {assignments} from (select set_config('synchronous_commit', 'off', true)) as quick"
                " where {id} = %(id)s and {status} = %(running)s",
                _COUNTS,
                running=self.run_log.running,
            )

    def close(self, status: str, error: str | None) -> None:
        """Close the row, in one transaction with what the steward writes."""

        def close(connection: postgres.Connection) -> None:
            with connection.transaction():
                if self.steward is not None:
                    self.steward.end(connection, self, status)
                values = {
                    "status": status,
                    "error": error if self.message is None else self.message,
                    "details": Jsonb(self.details),
                    "success_rate": self.success_rate,
                }
                self._update(
                    connection, "update {table} set {assignments} where {id} = %(id)s", _END, values=values
                )
                prove_end(connection, self, status)

        self.database.do(close)

    def _change(self, statement: LiteralString, names: Sequence[str], **values: object) -> None:
        self.database.do(lambda connection: self._update(connection, statement, names, values=values))

    def _update(
        self,
        connection: postgres.Connection,
        statement: LiteralString,
        names: Sequence[str],
        values: Mapping[str, object],
    ) -> None:
        assignments = self.run_log.assignments(*names)
        if not assignments.as_string():
            return
        composed = self.run_log.composed(statement, assignments=assignments)
        counts = {"processed": self.processed, "failed": self.failed}
        connection.execute(composed, {"id": self.id, **counts, **values})


@contextmanager
def open_execution(
    url: str,
    run_log: RunLog,
    *,
    run_id: str,
    what: str,
    started: str,
    details: Mapping[str, object],
    columns: Mapping[str, object] | None = None,
    steward: Steward | None = None,
) -> Iterator[Execution]:
    """Open a row, hold its lock over the block, close the row as success or failure.

    `what` names the database in errors, `started` is the first log line (in Portuguese: the application's users
    read it), `columns` are further columns that the application wants filled. An exception of the block is recorded
    without secrets, and raised. `steward` is asked before the row is there: what it refuses leaves none.
    """
    row_id = ""

    def take_lock(connection: postgres.Connection) -> None:
        if steward is not None:
            steward.begin(connection)
        connection.execute(
            "select pg_try_advisory_lock(hashtextextended(%s, 0))", (f"{run_log.lock_prefix}{row_id}",)
        )

    known = {"engine": ENGINE, "run_id": run_id, **details}
    reconnecting = Reconnecting(url, what=what, backoff=_AT_ONCE, on_reconnect=take_lock)
    with postgres.errors_about(what), closing(reconnecting) as database, _freeing_locks(database):
        if steward is not None:
            steward.begin(database.connection)
        row_id = _insert(database.connection, run_log, known, columns=columns or {})
        opened = Execution(run_log=run_log, database=database, id=row_id, run_id=run_id, steward=steward)
        opened.log("INFO", started, {"run_id": run_id, **details})
        try:
            yield opened
        except BaseException as error:
            _close_failed(opened, error)
            raise
        unsuccessful = run_log.interrupted if opened.is_idle else run_log.failure
        opened.close(unsuccessful if opened.problem else run_log.success, opened.problem)


@contextmanager
def _freeing_locks(database: Reconnecting) -> Iterator[None]:
    """The server frees the locks of a closed session a little later: the next run at once would find them taken."""
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            database.connection.execute("select pg_advisory_unlock_all()")


def _insert(
    connection: postgres.Connection,
    run_log: RunLog,
    details: Mapping[str, object],
    columns: Mapping[str, object],
) -> str:
    """Insert an open row and lock it in one statement; returns its id."""
    more = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name in columns)
    values = sql.SQL(", %s") * len(columns)
    statement = run_log.composed(
        "with opened as (insert into {table} ({status}, {started_at}, {details}{more})"
        " values (%s, now(), %s{values}) returning {id})"
        " select {id}::text, pg_try_advisory_lock({key}) from opened",
        more=more,
        values=values,
    )
    row = connection.execute(statement, (run_log.running, Jsonb(dict(details)), *columns.values())).fetchone()
    return kept(row, run_log.table)


def _close_failed(opened: Execution, error: BaseException) -> None:
    sentence = str(error) if isinstance(error, SyncError) else redaction.redacted_exception(error)
    status = opened.run_log.failure
    if not isinstance(error, Exception):  # Ctrl-C, a signal, Dagster's own interruption
        kind = type(error).__name__
        sentence = f"A execução foi interrompida antes do fim ({kind}); nada ficou gravado pela metade."
        status = opened.run_log.interrupted
    try:
        opened.close(status, sentence)
        opened.log("ERROR", sentence, {"run_id": opened.run_id})
    except (psycopg.Error, SyncError):
        # The work's own error matters more than the record of it, which the reaper will close.
        error.add_note("Its execution record could not be closed; the reaper will close it.")
