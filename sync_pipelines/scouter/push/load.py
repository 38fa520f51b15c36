"""Sends one batch of leads, in one request; down to the bad row if the server rejects it.

A bulk upsert is one statement, so one bad row fails all fifty. The batch is halved until the bad rows stand alone: the
good ones land, and each bad one has an answer of its own (contract of the lead push, section 5, defect 9). Rows that
the schema doctor's types call suspect are sent alone from the start: one request a row, and the server decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.scouter.lead import Conditional, Lead, Rejected
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.push.batch import Batch, Outcome
from sync_pipelines.scouter.schema.columns import DESTINATION, TABLE

VERSION = "updated_at"


class SchemaChangedError(PermanentError):
    """The destination no longer has, or does not yet see, what the mapping writes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{DESTINATION}: {problem}.")
        self.problem = problem


@dataclass(frozen=True)
class Sender:
    """Sends batches by one client, which several threads share. Only `columns` are written."""

    client: PostgrestClient
    columns: Sequence[str]
    clock: Callable[[], float] = time.monotonic

    def send(self, batch: Batch) -> Outcome:
        """Send the leads of a batch that need it.

        Raises TransientError if the server stayed away for all attempts, SchemaChangedError, or another PermanentError
        that is not about a row: then nothing of the batch counts, and sending it again is harmless.
        """
        started, outcome = self.clock(), Outcome(batch, rejected=list(batch.held))
        if batch.clean:
            self._send(batch.clean, outcome)
        for suspect in batch.suspects:
            self._send([suspect], outcome)
        for one in batch.conditional:
            self._change(one, outcome)
        outcome.seconds = self.clock() - started
        return outcome

    def _send(self, leads: Sequence[Lead], outcome: Outcome) -> None:
        problem = self._post(leads, outcome)
        if problem is None:
            outcome.accepted += leads
        else:
            self._handle(problem, leads, outcome)

    def _change(self, one: Conditional, outcome: Outcome) -> None:
        """Write what differs of a lead, unless its row is of another version by now."""
        filters = (
            (KEY, f"eq.{one.lead.id}"),
            (VERSION, "is.null" if one.version is None else f"eq.{one.version}"),
        )

        def attempt() -> Problem | list[bytes]:
            outcome.requests += 1
            found = self.client.patch(TABLE, filters, one.body, columns=one.columns, select=(KEY,))
            if isinstance(found, Problem) and found.kind == "transient":
                raise found.error(DESTINATION, setting="GESTAO_SCOUTER_URL")
            return found

        found = self.client.retrying()(attempt)
        if isinstance(found, Problem):
            self._handle(found, [one.lead], outcome)
        elif found:
            outcome.accepted.append(one.lead)
        elif self._is_of_version(one):
            outcome.accepted.append(one.lead)  # nobody changed it, so it swallowed the write: the proof tells
        else:
            outcome.left.append(one.lead)

    def _is_of_version(self, one: Conditional) -> bool:
        """Whether the row there is still as it was merged."""
        rows = self.client.rows(TABLE, (("select", VERSION), (KEY, f"eq.{one.lead.id}")))
        return bool(rows) and rows[0][VERSION] == one.version

    def _handle(self, problem: Problem, leads: Sequence[Lead], outcome: Outcome) -> None:
        if problem.kind == "schema":
            raise SchemaChangedError(problem)
        if not (problem.kind == "data" or problem.wants_fewer_rows):
            raise problem.error(DESTINATION, setting="GESTAO_SCOUTER_SERVICE_KEY and what it may write")
        if len(leads) == 1:
            outcome.rejected.append(Rejected(leads[0], problem, f"recusado com {problem}"))
        else:
            self._send_halves(problem, leads, outcome)

    def _send_halves(self, problem: Problem, leads: Sequence[Lead], outcome: Outcome) -> None:
        first, second = leads[: len(leads) // 2], leads[len(leads) // 2 :]
        before = len(outcome.rejected)
        self._send(first, outcome)
        # The whole failed and its first half did not: the second half has the bad row, so it is not posted as a whole.
        # That does not hold for a request that was too large.
        is_bad = len(outcome.rejected) == before and not problem.wants_fewer_rows
        if is_bad and len(second) > 1:
            self._send_halves(problem, second, outcome)
        else:
            self._send(second, outcome)

    def _post(self, leads: Sequence[Lead], outcome: Outcome) -> Problem | None:
        """Post until the answer is one that a later attempt would not change."""
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
