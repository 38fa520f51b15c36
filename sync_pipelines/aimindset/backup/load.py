"""One call of `backup_all_data()`, proved before its COMMIT (contract of the backup, section 9).

The function is called as it is, over our own connection: with a search_path, without which its own error handler
fails; with a statement_timeout, because the function's has no effect on a direct connection; at REPEATABLE READ,
because otherwise a comment is copied without its article. After deferred triggers have run, the copies are compared
with their sources in the same snapshot, and everything else with its state before the call. A difference is rolled
back; a failure that the function reports is committed, to keep the rows that it wrote about it. After the COMMIT the
copy is read once more, because a trigger can defer its work until then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg import sql

from sync_pipelines.aimindset.backup import answer as answers
from sync_pipelines.aimindset.backup import guards, prove, recorded, side_effects
from sync_pipelines.aimindset.backup.answer import Answer, FunctionFailedError
from sync_pipelines.aimindset.backup.failures import SideEffectError, UnprovedError
from sync_pipelines.aimindset.backup.record import BackupRecord
from sync_pipelines.aimindset.database import WHAT, connect
from sync_pipelines.aimindset.exclusion import exclusive
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Proof

#: What the function needs: its own settings of these have no effect on a direct connection, or fail without them.
_SESSION = {
    "search_path": "public, pg_temp",
    "statement_timeout": "10min",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "10min",
    "application_name": "sync_pipelines aimindset/backup",
}
BUSY = "Another run is backing up the AIMindset project at this moment; nothing was called."
#: Where a test may look on, or cut the connection.
Moment = Literal["called", "compared", "committed"]
Probe = Callable[[Moment, Connection], None]


def no_probe(moment: Moment, connection: Connection) -> None:
    """Do nothing: what production passes."""


@dataclass(frozen=True)
class ProvedBackup:
    """A committed backup with its proof.

    `locked_seconds` is how long the function's locks were held, `tables_unchanged` how many tables were compared with
    their state before the call.
    """

    answer: Answer
    proof: Proof
    locked_seconds: float
    tables_unchanged: int
    note: str = ""


@dataclass(frozen=True)
class _Before:
    """The state before the call: the sources as they are copied, and everything else."""

    sources: prove.Sources
    state: side_effects.State


@dataclass(frozen=True)
class _Called:
    """The result of a call, which is committed: a proved answer, or the failure that the function reports."""

    tables: int
    started: float
    answer: Answer | None = None
    proof: Proof | None = None
    failure: FunctionFailedError | None = None


@dataclass(frozen=True)
class BackupCall:
    """A call of the function in the project's database.

    `snapshot` is one that another transaction exported, `before` the counts of the last proved backup, `may_change`
    the tables besides the copies whose rows the project's triggers rewrite. `record`, where given, records a proved
    copy just before its COMMIT, so that the next run can recover what a crash interrupts.
    """

    url: str
    snapshot: str | None = None
    before: Mapping[str, int] | None = None
    accepted: Collection[str] = ()
    may_change: Collection[str] = ()
    record: BackupRecord | None = None
    probe: Probe = no_probe

    def run(self) -> ProvedBackup:
        """Call the function, prove its copy, commit, and read the copy again.

        Raises FunctionFailedError (committed); AnswerError, SideEffectError, UnprovedError, ImplausibleError or
        PermanentError (rolled back); TransientError. Raises UnprovedError also if the committed copy reads differently.
        """
        called: list[_Called] = []
        note = ""
        try:
            self._call_and_commit(called)
        except TransientError as error:
            # The connection may be lost before the COMMIT or after it: whether the id has rows decides.
            if not called or called[0].answer is None or not _is_found(self.url, called[0].answer.backup_id):
                raise
            note = f"The connection was lost at the COMMIT ({error}), but the backup is there."
        (done,) = called
        if done.failure is not None:
            raise done.failure
        assert done.answer is not None
        assert done.proof is not None
        seconds = time.monotonic() - done.started
        _require_as_proved(self.url, done.answer, done.proof)
        return ProvedBackup(
            answer=done.answer,
            proof=done.proof,
            locked_seconds=seconds,
            tables_unchanged=done.tables,
            note=note,
        )

    def _call_and_commit(self, called: list[_Called]) -> None:
        """Run the transaction; what it brought is in `called` even if its COMMIT raises."""
        with (
            postgres.connect(self.url, what=WHAT, session=_SESSION) as connection,
            postgres.errors_about("backup_all_data()"),
        ):
            with (
                exclusive(connection, "backup", busy=BUSY),
                _late_writes_named(lambda: bool(called)),
                connection.transaction(),
            ):
                connection.execute("set transaction isolation level repeatable read")
                if self.snapshot is not None:
                    connection.execute(sql.SQL("set transaction snapshot {}").format(self.snapshot))
                before = _read_before(connection)
                done = self._call(connection, before)
                called.append(done)
                if done.answer is not None and done.proof is not None:
                    guards.require_plausible(done.answer, self.before, self.accepted)
                    if self.record is not None:
                        self.record.announced(done.answer, done.proof)
                self.probe("compared", connection)
            self.probe("committed", connection)

    def _call(self, connection: Connection, before: _Before) -> _Called:
        """Call the function, run everything that waits for the COMMIT, then compare."""
        started, tables = time.monotonic(), len(before.state.tables)
        row = connection.execute("select public.backup_all_data()").fetchone()
        self.probe("called", connection)
        answer: Answer | None = None
        failure: FunctionFailedError | None = None
        try:
            answer = answers.parse(row[0] if row else None)
        except FunctionFailedError as error:
            failure = error
        postgres.end_writes(connection)
        prove.set_canonical_session(connection)
        self._require_no_side_effects(connection, before, failure)
        if answer is None:
            return _Called(tables=tables, started=started, failure=failure)
        proof = prove.compare(connection, before.sources, answer)
        if not proof.holds:
            raise UnprovedError(
                f"The copy is not its source ({'; '.join(proof.differences()[:5])}): it was rolled back."
            )
        return _Called(tables=tables, started=started, answer=answer, proof=proof)

    def _require_no_side_effects(
        self, connection: Connection, before: _Before, failure: FunctionFailedError | None
    ) -> None:
        """Raise SideEffectError if anything but the copies changed."""
        now = side_effects.read_state(connection, before.state.tables)
        # A call that failed rolled back its own work: the log copies are then those of before.
        replaced = side_effects.REPLACED if failure is None else ()
        if changed := side_effects.changes(before.state, now, may_change={*replaced, *self.may_change}):
            said = f" ({failure})" if failure is not None else ""
            raise SideEffectError(
                f"backup_all_data(), or a trigger of it, changed what is not its own: {'; '.join(changed[:5])}. It was"
                f" rolled back{said}."
            )


@contextmanager
def _late_writes_named(is_proved: Callable[[], bool]) -> Iterator[None]:
    """Name the write at the COMMIT of a transaction that was made read-only after its proof."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        if not is_proved():
            raise
        raise UnprovedError(
            "A deferred trigger wanted to write at the COMMIT, after the proof: the backup was rolled back."
        ) from None


def _read_before(connection: Connection) -> _Before:
    """Read the sources and everything else; rolling the block back resets the session settings of the reading."""
    with connection.transaction(force_rollback=True):
        prove.set_canonical_session(connection)
        return _Before(prove.read_sources(connection), side_effects.read_state(connection))


def _require_as_proved(url: str, answer: Answer, proof: Proof) -> None:
    """Read a committed copy on a second connection. Raises UnprovedError, or SyncError if it cannot be read."""
    with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
        found = recorded.differences(connection, {answer.backup_id: proof.destination})
    if wrong := found.get(answer.backup_id):
        raise UnprovedError(
            f"The backup {answer.backup_id} was proved and is another after its COMMIT: {'; '.join(wrong)}."
        )


def _is_found(url: str, backup_id: str) -> bool:
    """Whether a backup has rows; False also if the database does not answer: recovery asks again in the next run."""
    try:
        with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
            return recorded.has_rows(connection, backup_id)
    except SyncError:
        return False
