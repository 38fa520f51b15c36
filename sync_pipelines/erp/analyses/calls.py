"""The calls of one user's analyses in one sync: what every analysis does around its call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar

from sync_pipelines.erp.analyses import state
from sync_pipelines.erp.analyses.functions import EdgeFunctions
from sync_pipelines.erp.analyses.state import StateKey
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, SyncError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records.proofs import RecordableProof

Answer = TypeVar("Answer")
#: Seconds to wait for a sync that writes what a function overwrites.
PATIENCE = 120.0


@dataclass
class UserCalls:
    """The functions as the user of a sync calls them. A refused token is refused once: no further call is made."""

    session: SyncSession
    functions: EdgeFunctions
    refused: RefusedError | None = None

    @property
    def database(self) -> postgres.Connection:
        return self.session.database

    def holding(self, lock: int, what: str) -> AbstractContextManager[None]:
        """Hold an advisory lock over a call, so that no other sync writes what the function overwrites.

        Raises TransientError if the sync that writes `what` keeps it.
        """
        busy = f"Another sync of the same user writes {what}."
        return postgres.session_lock(self.database, lock, wait_seconds=PATIENCE, busy=busy)

    def begin(self, key: StateKey, kept: object = None) -> None:
        """Before a call. Raises the refusal of an earlier one."""
        if self.refused is not None:
            raise self.refused
        self.functions.cancellation.check()
        with self.database.transaction():
            self.session.fence(self.database)
            state.begin(self.database, key, kept)

    def heal(self, put_back: Callable[[], None]) -> None:
        """Before anything else: put back what a call of a run that was cut off, or failed, overwrote."""
        with self.database.transaction():
            self.session.fence(self.database)
            put_back()

    def settle(self, key: StateKey) -> None:
        """After `heal`, where no call is due."""
        with self.database.transaction():
            self.session.fence(self.database)
            state.settle(self.database, key)

    def call(
        self,
        key: StateKey,
        make: Callable[[], Answer],
        outcome: AnalysisOutcome,
        *,
        put_back: Callable[[], None] = lambda: None,
    ) -> Answer:
        """The answer of a function. A call that fails may have done its work: `put_back` is done, and it is noted.

        Raises SyncError.
        """
        outcome.calls += 1
        try:
            return make()
        except SyncError as error:
            if isinstance(error, RefusedError):
                self.refused = error
            self.functions.cancellation.check()
            self.fail(key, error, put_back=put_back)
            raise

    def fail(self, key: StateKey, error: SyncError, *, put_back: Callable[[], None] = lambda: None) -> None:
        """Note why a call is no success."""
        with self.database.transaction():
            self.session.fence(self.database)
            # What cannot be put back now stays noted in `kept`; the next sync tries again before anything else.
            with suppress(SyncError), self.database.transaction():
                put_back()
            state.record_failed(self.database, key, str(error))

    def end(
        self, key: StateKey, *, inputs: str, found: object, put_back: Callable[[], None] = lambda: None
    ) -> None:
        """Note a call whose effect was seen, and put back what it overwrote, in one transaction.

        `put_back` proves what it wrote, and raises SyncError if it is not there: then the call is not recorded either.
        """
        with self.database.transaction():
            self.session.fence(self.database)
            put_back()
            state.record_made(self.database, key, inputs=inputs, found=found)

    def prove(self, analysis: Analysis, proof: Proof) -> None:
        """Record what the function said, or left the last time, beside what is stored."""
        self._record(analysis, proof)

    def record_problem(self, analysis: Analysis, error: SyncError) -> None:
        """Record that an analysis is not proved. Where the ops database does not answer either, so be it."""
        with suppress(SyncError):
            self._record(analysis, Proof({}, {}), problem=str(error))

    def _record(self, analysis: Analysis, proof: Proof, *, problem: str | None = None) -> None:
        one = RecordableProof(
            f"erp/{analysis.value}",
            self.session.key,
            source_version=self.session.started.isoformat(),
            proof=proof,
            problem=problem,
        )
        self.session.records.proofs.record(self.session.run_id, [one])
