"""Whether the row of a run says what was written: a trigger of the application may swallow or alter it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError

if TYPE_CHECKING:
    from sync_pipelines.lib.records.run_log import Execution


def prove_end(connection: postgres.Connection, execution: Execution, status: str) -> None:
    """Raise PermanentError if the row does not say how the run ended, after all that its triggers did.

    Only for a log that promises it; the other systems' tables are as their application made them.
    """
    run_log = execution.run_log
    if not run_log.proves_its_end:
        return
    postgres.end_writes(connection)
    columns = [name for name in (run_log.status, run_log.processed, run_log.failed) if name is not None]
    query = run_log.composed(
        "select {columns} from {table} where {id} = %s and {completed_at} is not null",
        columns=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
    )
    row = connection.execute(query, (execution.id,)).fetchone()
    if row != (status, str(execution.processed), str(execution.failed)):
        raise PermanentError(
            f"{run_log.table}: the end of the run is not what was written: a trigger swallows or alters it."
        )


def kept(row: tuple[Any, ...] | None, table: str) -> str:
    """The id that an insert returned. Raises PermanentError if it returned none."""
    if row is None:
        raise PermanentError(f"{table} does not keep a new row: a trigger swallows it. Nothing was begun.")
    return str(row[0])
