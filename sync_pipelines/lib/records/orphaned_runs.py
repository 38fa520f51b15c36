"""Orphaned runs: open rows that no living worker holds, found by their free lock and closed.

Liveness is the advisory lock and not the status: a status says what somebody wrote last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.records.run_log import ENGINE, RunLog

#: Rows that another program opened hold no lock. They are closed when they are older than any run of it can be.
FOREIGN_AGE = timedelta(hours=1)
OURS = (
    "O processo terminou sem concluir a execução; nada ficou gravado pela metade."
    " Os números são os do último registro."
)
FOREIGN = (
    "Encerrada como abandonada: outro programa a abriu há mais de uma hora e não a concluiu."
    " Não se sabe o que ela gravou."
)


class Orphan(NamedTuple):
    """An orphaned run with the status that it got; `is_ours` is False for a row of another program."""

    id: str
    status: str
    run_id: str | None
    is_ours: bool
    started_at: datetime | None


@dataclass(frozen=True)
class OrphanRule:
    """Which rows are ours, and what becomes of an orphan: SQL over a run log's own columns.

    `closing` are the assignments of the update. They read the row as `run`, and as `orphan` what the search found:
    `is_ours`, `run_id`, `started_at` and what `more` adds; `values` are its parameters.
    """

    is_ours: sql.Composable
    run_id: sql.Composable
    closing: sql.Composable
    started_at: sql.Composable
    join: LiteralString = ""
    more: LiteralString = ""
    values: Mapping[str, object] = field(default_factory=dict)


def failing(run_log: RunLog) -> OrphanRule:
    """The rule of a log whose rows we open by `open_execution`: an orphan is closed as interrupted."""
    return OrphanRule(
        is_ours=run_log.composed("{details} ->> 'engine' = %(engine)s"),
        run_id=run_log.composed("{details} ->> 'run_id'"),
        started_at=run_log.composed("{started_at}"),
        closing=run_log.composed(
            "{ending}, {error} = case when orphan.is_ours then %(ours)s else %(foreign)s end",
            ending=run_log.assignments("status", "completed_at"),
        ),
        values={"engine": ENGINE, "status": run_log.interrupted, "ours": OURS, "foreign": FOREIGN},
    )


def reap(connection: postgres.Connection, run_log: RunLog, rule: OrphanRule | None = None) -> list[Orphan]:
    """Close every open row whose lock is free, by `rule` or as interrupted; returns them.

    Our rows are closed at once, rows of another program only when they are older than FOREIGN_AGE.
    """
    rule = rule or failing(run_log)
    rows = connection.execute(
        run_log.composed(
            "update {table} as run set {closing} from ("
            # OFFSET 0 keeps the lock function behind the filter: it must not run for rows that are closed.
            "   select {id} as id, coalesce({is_ours}, false) as is_ours, {run_id} as run_id,"
            "     {started} as started_at{more}, pg_try_advisory_xact_lock({key}) as is_free"
            "   from {table} {join} where {status} = %(running)s"
            "     and ({is_ours} or {started} < now() - %(foreign_age)s) offset 0) as orphan"
            " where run.{id} = orphan.id and orphan.is_free and run.{status} = %(running)s"
            " returning run.{id}::text, run.{status}::text, orphan.run_id, orphan.is_ours, orphan.started_at",
            closing=rule.closing,
            is_ours=rule.is_ours,
            run_id=rule.run_id,
            started=rule.started_at,
            join=sql.SQL(rule.join),
            more=sql.SQL(rule.more),
        ),
        {"running": run_log.running, "foreign_age": FOREIGN_AGE, **rule.values},
    ).fetchall()
    orphans = [Orphan(*row) for row in rows]
    for orphan in orphans:
        reason = (
            "o processo que a conduzia não existe mais" if orphan.is_ours else "outro programa a abandonou"
        )
        run_log.write_line(
            connection,
            orphan.id,
            "ERROR",
            message=f"Execução encerrada: {reason}.",
            context={"run_id": orphan.run_id},
        )
    return orphans


class WatchedProject(NamedTuple):
    """A project's database with a run log in which orphans are closed; `what` names the database in errors."""

    system: str
    what: str
    url: str
    run_log: RunLog


def reap_all(
    projects: Sequence[WatchedProject],
    notify: Callable[[WatchedProject, Sequence[Orphan]], None] = lambda *_: None,
) -> list[tuple[WatchedProject, Orphan]]:
    """Close the orphans of every project; one that cannot be reached keeps no other from it.

    `notify` is called for each project that had some, also if another one fails. Raises TransientError after the
    last project if one could not be reached.
    """
    found: list[tuple[WatchedProject, Orphan]] = []
    unreachable: list[str] = []
    for project in projects:
        try:
            with postgres.connect(project.url, what=project.what) as connection:
                orphans = reap(connection, project.run_log)
        except SyncError as error:
            unreachable.append(str(error))
            continue
        if orphans:
            notify(project, orphans)
        found += [(project, orphan) for orphan in orphans]
    if unreachable:
        raise TransientError(" ".join(unreachable))
    return found
