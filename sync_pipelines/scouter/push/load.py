"""One slice of leads to the destination: in one request, and down to the bad row where the server refuses it.

A bulk upsert is one statement: one bad row fails all fifty. It is halved until the bad ones stand alone, so the good
ones land and each bad one brings its own answer (contract of the lead push, section 5, defect 9). Rows that the
doctor's types call suspect go alone from the start: the server decides all the same, with one request a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.scouter.lead import Lead, Outcome, Rejected, Slice

TABLE = "leads"
KEY = "id"
DESTINATION = "Gestão Scouter"


class SchemaChangedError(PermanentError):
    """The destination no longer has, or does not yet see, what the mapping writes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{DESTINATION}: {problem}.")
        self.problem = problem


@dataclass(frozen=True)
class Sender:
    """Sends slices by one client, which several threads share. `columns` are written, and no other."""

    client: PostgrestClient
    columns: Sequence[str]
    clock: Callable[[], float] = time.monotonic

    def send(self, piece: Slice) -> Outcome:
        """Send what the slice has to send.

        Raises TransientError when the server stayed away for all attempts, SchemaChangedError, or another
        PermanentError where no row is at fault: then nothing of the slice counts, and sending it again is harmless.
        """
        started, outcome = self.clock(), Outcome(piece, rejected=list(piece.held_back))
        if piece.clean:
            self._send(piece.clean, outcome)
        for suspect in piece.suspects:
            self._send([suspect], outcome)
        outcome.seconds = self.clock() - started
        return outcome

    def _send(self, leads: Sequence[Lead], outcome: Outcome, known: Problem | None = None) -> None:
        problem = known or self._post(leads, outcome)
        if problem is None:
            outcome.accepted += leads
        elif problem.kind == "schema":
            raise SchemaChangedError(problem)
        elif not (problem.kind == "data" or problem.wants_fewer_rows):
            raise problem.error(DESTINATION, setting="GESTAO_SCOUTER_SERVICE_KEY and what it may write")
        elif len(leads) == 1:
            outcome.rejected.append(Rejected(leads[0], problem, f"recusado com {problem}"))
        else:
            half, before = len(leads) // 2, len(outcome.rejected)
            self._send(leads[:half], outcome)
            rest = leads[half:]
            # Where the first half is good the bad row is in the second: no need to ask for the whole of it.
            bad = len(outcome.rejected) == before and len(rest) > 1 and not problem.wants_fewer_rows
            self._send(rest, outcome, problem if bad else None)

    def _post(self, leads: Sequence[Lead], outcome: Outcome) -> Problem | None:
        """Post until there is an answer that waiting would not change."""
        last: list[Problem] = []

        def attempt() -> Problem | None:
            outcome.requests += 1
            problem = self.client.upsert(
                TABLE, (lead.body for lead in leads), columns=self.columns, on_conflict=KEY
            )
            if problem is not None and problem.kind == "transient":
                last.append(problem)
                raise problem.error(DESTINATION, setting="GESTAO_SCOUTER_URL")
            return problem

        try:
            return self.client.retrying()(attempt)
        except TransientError:
            if last and last[-1].wants_fewer_rows and len(leads) > 1:
                return last[-1]
            raise
