"""One call of `backup_all_data()`, proved before its COMMIT (contract of the backup, section 9).

The function is called as it is, over our own connection: with a search_path, without which its own error handler
fails; with a statement_timeout, because the function's has no effect on a direct connection; at REPEATABLE READ,
because otherwise a comment is copied without its article. Copies are compared with the sources in the snapshot
that they were made of. What does not compare is rolled back; what the function calls a failure is committed, to
keep the rows that it wrote about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import psycopg

from sync_pipelines.aimindset import answer as answers
from sync_pipelines.aimindset import comparison
from sync_pipelines.aimindset.answer import Answer, FunctionFailedError
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.aimindset.coverage import WHAT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.proof import Proof

#: What a person may accept knowingly: a project that has become empty, or lost more than half of a table.
Guard = Literal["not_empty", "not_collapsed"]
GUARDS: tuple[Guard, ...] = ("not_empty", "not_collapsed")
#: Content that shrinks below this share of the last proved backup is a loss until a person says otherwise.
COLLAPSE = 0.5
_CONTENT = ("articles_count", "comments_count", "feedbacks_count")
#: What the function needs: its own settings of these have no effect on a direct connection, or fail without.
_SESSION = {
    "search_path": "public, pg_temp",
    "statement_timeout": "10min",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "10min",
    "application_name": "sync_pipelines aimindset/backup",
}
#: Where a test may look on, or cut the line.
Moment = Literal["called", "compared", "committed"]


class BusyError(TransientError):
    """Another run is at it; this one has nothing to do and nothing to tell."""


class UnprovedError(PermanentError):
    """The copy is not its source; it was rolled back."""


@dataclass(frozen=True)
class Backup:
    """A committed backup with its proof; `locked_seconds` is how long the function's locks were held."""

    answer: Answer
    proof: Proof
    locked_seconds: float
    note: str = ""


def back_up(
    url: str,
    *,
    snapshot: str | None = None,
    before: Mapping[str, int] | None = None,
    accepted: Collection[str] = (),
    announce: Callable[[Answer, Proof], None] = lambda answer, proof: None,
    at: Callable[[Moment, Connection], None] = lambda moment, connection: None,
) -> Backup:
    """Call the function, prove its copy, commit.

    `snapshot` is one that another transaction exported, `before` the counts of the last proved backup. `announce`
    is told of a proved copy just before its COMMIT, so that a crash in between can be settled later. Raises
    FunctionFailedError (committed), AnswerError, UnprovedError or PermanentError (rolled back), TransientError.
    """
    answer: Answer | None = None
    proof: Proof | None = None
    started = time.monotonic()
    try:
        with (
            postgres.connect(url, what=WHAT, session=_SESSION) as connection,
            postgres.errors_about("backup_all_data()"),
        ):
            _require_alone(connection)
            failure: FunctionFailedError | None = None
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                if snapshot is not None:
                    connection.execute(psycopg.sql.SQL("set transaction snapshot {}").format(snapshot))
                sources = comparison.read_sources(connection)
                started = time.monotonic()
                row = connection.execute("select public.backup_all_data()").fetchone()
                at("called", connection)
                try:
                    answer = answers.parse(row[0] if row else None)
                except FunctionFailedError as error:
                    failure = error
                else:
                    proof = comparison.compare(connection, sources, answer)
                    _stop_unless_proved(proof)
                    stop_if_implausible(answer, before, accepted)
                    announce(answer, proof)
                at("compared", connection)
            at("committed", connection)
            if failure is not None:
                raise failure
    except TransientError as error:
        # The line may have been lost on either side of the COMMIT: the id says on which.
        if answer is None or proof is None or not _is_found(url, answer.backup_id):
            raise
        note = f"The connection was lost at the COMMIT ({error}), but the backup is there."
        return Backup(answer, proof, time.monotonic() - started, note)
    assert answer is not None
    assert proof is not None
    return Backup(answer, proof, time.monotonic() - started)


def _require_alone(connection: Connection) -> None:
    """Not blocking: who finds another backup at work has nothing to do."""
    if not postgres.try_lock(connection, postgres.lock_key("aimindset", "backup")):
        raise BusyError("Another run is backing up the AIMindset project at this moment; nothing was called.")


def _stop_unless_proved(proof: Proof) -> None:
    if not proof.holds:
        raise UnprovedError(
            f"The copy is not its source ({'; '.join(proof.differences()[:5])}): it was rolled back."
        )


def stop_if_implausible(
    answer: Answer,
    before: Mapping[str, int] | None,
    accepted: Collection[str],
    *,
    fate: str = "was rolled back",
) -> None:
    """Raise PermanentError for counts that speak of a loss; `fate` is what became of the backup."""
    counts = answer.counts
    if not counts["articles_count"] and "not_empty" not in accepted:
        beside = f", with {counts['comments_count']} comments" if counts["comments_count"] else ""
        raise PermanentError(
            f"[not_empty] There is no article to back up{beside}: the backup {fate}, because a restore would"
            " pass it over. Accept not_empty if the project is meant to be empty."
        )
    for key in _CONTENT:
        last = (before or {}).get(key, 0)
        if counts[key] < last * COLLAPSE and "not_collapsed" not in accepted:
            raise PermanentError(
                f"[not_collapsed] {key.removesuffix('_count')}: {counts[key]} rows, {last} in the last backup. It"
                f" {fate}. Accept not_collapsed if that many were deleted on purpose."
            )


def is_there(url: str, backup_id: str) -> bool:
    """Whether a backup was committed: on a new connection, and by its data, not by a log row.

    Raises SyncError when the database does not answer: then nobody knows.
    """
    with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
        row = connection.execute(
            "select exists (select from public.backup_articles where backup_id = %(id)s)"
            " or exists (select from public.backup_comments where backup_id = %(id)s)"
            " or exists (select from public.backup_feedbacks where backup_id = %(id)s)",
            {"id": backup_id},
        ).fetchone()
    return bool(row and row[0])


def _is_found(url: str, backup_id: str) -> bool:
    """False also where the database does not answer: the next run asks again, since the copy was announced."""
    try:
        return is_there(url, backup_id)
    except SyncError:
        return False


def generations(url: str) -> int:
    """How many backups lie in the database: nothing of the project ever removes one."""
    with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
        row = connection.execute("select count(distinct backup_id) from public.backup_articles").fetchone()
    return int(row[0]) if row else 0
