"""One call of `backup_all_data()`, proved before its COMMIT (contract of the backup, section 9).

The function is called as it is, over our own connection: with a search_path, without which its own error handler
fails; with a statement_timeout, because the function's has no effect on a direct connection; at REPEATABLE READ,
because otherwise a comment is copied without its article. Copies are compared with the sources in the snapshot
that they were made of, after deferred triggers have run, and everything else with what it was before the call. What
does not compare is rolled back; what the function calls a failure is committed, to keep the rows that it wrote about
it. After the COMMIT the copy is read once more, since a trigger can defer its work until then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg

from sync_pipelines.aimindset.backup import answer as answers
from sync_pipelines.aimindset.backup import prove, recorded, side_effects
from sync_pipelines.aimindset.backup.answer import Answer, FunctionFailedError
from sync_pipelines.aimindset.backup.coverage import WHAT
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Proof

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
    """The copy is not its source."""


class SideEffectError(UnprovedError):
    """The call changed what it has no business with; it was rolled back."""


class ImplausibleError(PermanentError):
    """The counts speak of a loss that nobody has accepted."""


@dataclass(frozen=True)
class Backup:
    """A committed backup with its proof.

    `locked_seconds` is how long the function's locks were held, `looked_at` how many tables are as before the call.
    """

    answer: Answer
    proof: Proof
    locked_seconds: float
    looked_at: int
    note: str = ""


def back_up(
    url: str,
    *,
    snapshot: str | None = None,
    before: Mapping[str, int] | None = None,
    accepted: Collection[str] = (),
    may_change: Collection[str] = (),
    announce: Callable[[Answer, Proof], None] = lambda answer, proof: None,
    at: Callable[[Moment, Connection], None] = lambda moment, connection: None,
) -> Backup:
    """Call the function, prove its copy, commit, and read the copy again.

    `snapshot` is one that another transaction exported, `before` the counts of the last proved backup, `may_change`
    the tables beside the copies whose rows the project's triggers rewrite. `announce` is told of a proved copy just
    before its COMMIT, so that a crash in between can be settled later. Raises FunctionFailedError (committed),
    AnswerError, SideEffectError, UnprovedError, ImplausibleError or PermanentError (rolled back), TransientError; an
    UnprovedError also when what was committed reads differently.
    """
    called: _Called | None = None
    started = time.monotonic()
    note, looked_at = "", 0
    try:
        with (
            postgres.connect(url, what=WHAT, session=_SESSION) as connection,
            postgres.errors_about("backup_all_data()"),
        ):
            with (
                _alone(connection),
                _nothing_written_late(lambda: called is not None),
                connection.transaction(),
            ):
                connection.execute("set transaction isolation level repeatable read")
                if snapshot is not None:
                    connection.execute(psycopg.sql.SQL("set transaction snapshot {}").format(snapshot))
                state = _look_before(connection)
                looked_at = len(state.state.tables)
                started = time.monotonic()
                called = _call(connection, state, may_change, at=at)
                if called.proof is not None:
                    stop_if_implausible(called.proved, before, accepted)
                    announce(called.proved, called.proof)
                at("compared", connection)
            at("committed", connection)
    except TransientError as error:
        # The line may have been lost on either side of the COMMIT: the id says on which.
        if called is None or called.proof is None or not _is_found(url, called.proved.backup_id):
            raise
        note = f"The connection was lost at the COMMIT ({error}), but the backup is there."
    if called.failure is not None:
        raise called.failure
    assert called.proof is not None
    seconds = time.monotonic() - started
    _require_as_proved(url, called.proved, called.proof)
    return Backup(
        answer=called.proved, proof=called.proof, locked_seconds=seconds, looked_at=looked_at, note=note
    )


@contextmanager
def _nothing_written_late(is_proved: Callable[[], bool]) -> Iterator[None]:
    """Name what a COMMIT in a transaction that was made read-only stumbles over."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        if not is_proved():
            raise
        raise UnprovedError(
            "A deferred trigger wanted to write at the COMMIT, after the proof: the backup was rolled back."
        ) from None


@dataclass(frozen=True)
class _Before:
    """What was there before the call: the sources as they are copied, and everything else."""

    sources: prove.Sources
    state: side_effects.State


@dataclass(frozen=True)
class _Called:
    """What came of a call: an answer with its proof, or the function's own word that it failed."""

    answer: Answer | None = None
    proof: Proof | None = None
    failure: FunctionFailedError | None = None

    @property
    def proved(self) -> Answer:
        assert self.answer is not None
        return self.answer


def _look_before(connection: Connection) -> _Before:
    """Read the sources and their surroundings; the block is rolled back, and with it the settings of the look."""
    with connection.transaction(force_rollback=True):
        prove.steady(connection)
        return _Before(prove.read_sources(connection), side_effects.look(connection))


def _call(
    connection: Connection,
    before: _Before,
    may_change: Collection[str],
    at: Callable[[Moment, Connection], None],
) -> _Called:
    """Call the function, let everything run that waits for the COMMIT, then compare. Raises as `back_up` does."""
    row = connection.execute("select public.backup_all_data()").fetchone()
    at("called", connection)
    answer: Answer | None = None
    failure: FunctionFailedError | None = None
    try:
        answer = answers.parse(row[0] if row else None)
    except FunctionFailedError as error:
        failure = error
    postgres.end_writes(connection)
    prove.steady(connection)
    now = side_effects.look(connection, before.state.tables)
    # A call that failed has rolled back its own work: the copies of the logs are then those of before.
    replaced = side_effects.REPLACED if failure is None else ()
    if changed := side_effects.changes(before.state, now, may_change={*replaced, *may_change}):
        said = f" ({failure})" if failure is not None else ""
        raise SideEffectError(
            f"backup_all_data(), or a trigger of it, changed what is not its own: {'; '.join(changed[:5])}. It was"
            f" rolled back{said}."
        )
    if answer is None:
        return _Called(failure=failure)
    proof = prove.compare(connection, before.sources, answer)
    if not proof.holds:
        raise UnprovedError(
            f"The copy is not its source ({'; '.join(proof.differences()[:5])}): it was rolled back."
        )
    return _Called(answer, proof)


def _require_as_proved(url: str, answer: Answer, proof: Proof) -> None:
    """Read a committed copy on a connection of its own. Raises UnprovedError, or SyncError when nobody knows."""
    with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
        found = recorded.differences(connection, {answer.backup_id: proof.destination})
    if wrong := found.get(answer.backup_id):
        raise UnprovedError(
            f"The backup {answer.backup_id} was proved and is another after its COMMIT: {'; '.join(wrong)}."
        )


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Not blocking: who finds another backup at work has nothing to do."""
    key = postgres.lock_key("aimindset", "backup")
    if not postgres.try_lock(connection, key):
        raise BusyError("Another run is backing up the AIMindset project at this moment; nothing was called.")
    try:
        yield
    finally:
        # A server process that is told to end keeps its locks for a moment, in which the next run would be sent away.
        if not connection.closed and not connection.broken:
            postgres.unlock(connection, key)


def fewer(answer: Answer, before: Mapping[str, int] | None) -> list[str]:
    """Content that has fewer rows than in the last backup, a sentence each: no failure, and for a person to know."""
    return [
        f"{key.removesuffix('_count')}: {answer.counts[key]} rows, {last} in the last backup"
        for key in _CONTENT
        if (last := (before or {}).get(key, 0)) > answer.counts[key]
    ]


def stop_if_implausible(
    answer: Answer,
    before: Mapping[str, int] | None,
    accepted: Collection[str],
    *,
    fate: str = "was rolled back",
) -> None:
    """Raise ImplausibleError for counts that speak of a loss; `fate` is what became of the backup."""
    counts = answer.counts
    if not counts["articles_count"] and "not_empty" not in accepted:
        beside = f", with {counts['comments_count']} comments" if counts["comments_count"] else ""
        raise ImplausibleError(
            f"[not_empty] There is no article to back up{beside}: the backup {fate}, because a restore would"
            " pass it over. Accept not_empty if the project is meant to be empty."
        )
    for key in _CONTENT:
        last = (before or {}).get(key, 0)
        if counts[key] < last * COLLAPSE and "not_collapsed" not in accepted:
            raise ImplausibleError(
                f"[not_collapsed] {key.removesuffix('_count')}: {counts[key]} rows, {last} in the last backup. It"
                f" {fate}. Accept not_collapsed if that many were deleted on purpose."
            )


def _is_found(url: str, backup_id: str) -> bool:
    """False also where the database does not answer: the next run asks again, since the copy was announced."""
    try:
        with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
            return recorded.is_there(connection, backup_id)
    except SyncError:
        return False
