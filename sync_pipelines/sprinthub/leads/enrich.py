"""The details of leads, several calls at once, committed as they come: what is read is never read twice.

Each lead is decided on its own: loaded (perhaps without some fields, which are rejects), rejected as a whole because
the CRM lists it and does not know it, or unread because its detail did not come. A refused token ends the run at once;
so does a CRM of which many details in a row do not come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sync_pipelines.lib.completed_pool import CompletedPool
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError
from sync_pipelines.sprinthub.client import WHAT, SprinthubClient
from sync_pipelines.sprinthub.leads.lead_number import lead_number
from sync_pipelines.sprinthub.leads.load import DetailLoader, LeadLoad, LoadedLead
from sync_pipelines.sprinthub.leads.work_list import DueLead

#: Details in a row that do not come, after which the CRM counts as down.
DOWN_AFTER = 20
#: Details given to the pool for each that is under way: the pool must not wait for a commit.
AHEAD = 40
#: Seconds that a commit waits for further details. A commit costs Postgres as much as a hundred leads in it, so where
#: details come fast there are few; a detail is safe within a second all the same.
LINGER = 0.25
#: Seconds without a detail after which the caller is asked whether the run goes on all the same.
PATIENCE = 1.0


class Fetched(NamedTuple):
    """A call for a detail: one that can be loaded, one that breaks a rule as a whole, or none at all."""

    lead: DueLead
    load: LeadLoad | None = None
    #: The rule, and the reason.
    refusal: tuple[str, str] | None = None
    #: Why it did not come, though a later call may bring it.
    problem: TransientError | None = None


@dataclass
class Enrichment:
    """What became of the leads so far."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    #: Why each of these cannot be used.
    rejected_leads: dict[int, str] = field(default_factory=dict)
    unread: list[int] = field(default_factory=list)
    rejected_fields: int = 0
    #: The error of the newest lead that was not read.
    last_problem: str = ""

    def count(self, lead: LoadedLead) -> None:
        """Add what became of a detail that came."""
        setattr(self, lead.outcome, getattr(self, lead.outcome) + 1)
        self.rejected_fields += lead.rejected_fields
        if lead.outcome == "rejected":
            self.rejected_leads[lead.id] = "the table does not take its detail; ops.rejects says why"

    @property
    def done(self) -> int:
        return self.inserted + self.changed + self.unchanged + self.rejected + len(self.unread)


@dataclass(frozen=True)
class Enricher:
    """Reads and loads the details of leads."""

    crm: SprinthubClient
    loader: DetailLoader
    in_flight: int
    on_commit: Callable[[Enrichment], None] = lambda _done: None

    def run(self, leads: Iterable[DueLead]) -> Enrichment:
        """Raises SyncError for what ends the run: a refused token, a CRM that is down, a database that is not there.

        What was committed before stays.
        """
        done = Enrichment()
        with CompletedPool(self._fetch, width=self.in_flight, depth=self.in_flight * AHEAD) as pool:
            try:
                self._work_through(pool, iter(leads), done)
            except BaseException:
                # Whoever leaves waits for the calls under way, which may wait for the budget.
                self.crm.stop()
                raise
        return done

    def _work_through(
        self, pool: CompletedPool[DueLead, Fetched], waiting: Iterator[DueLead], done: Enrichment
    ) -> None:
        in_a_row = 0
        # The first call alone: a token that is refused is refused once, not once a thread.
        while self._give(pool, waiting, most=None if done.done else 1):
            results = [_result(lead, outcome) for lead, outcome in pool.take(LINGER, patience=PATIENCE)]
            ending = next((one for one in results if isinstance(one, SyncError)), None)
            fetched = [one for one in results if isinstance(one, Fetched)]
            late = [one for one in fetched if one.problem is not None]
            for one in fetched:
                in_a_row = in_a_row + 1 if one.problem is not None else 0
            self._commit(done, fetched)
            done.unread += [one.lead.id for one in late]
            done.last_problem = str(late[-1].problem) if late else done.last_problem
            self.on_commit(done)
            if ending is not None:
                raise ending
            if in_a_row >= DOWN_AFTER:
                raise TransientError(
                    f"{WHAT}: {in_a_row} details in a row did not come, so the others are not asked for."
                    f" The last one: {done.last_problem}"
                )

    def _give(
        self, pool: CompletedPool[DueLead, Fetched], waiting: Iterator[DueLead], *, most: int | None
    ) -> bool:
        """Fill the pool, with at most so many; False when nothing is left to take."""
        given = 0
        while not pool.is_full and given != most and (lead := next(waiting, None)) is not None:
            pool.give(lead)
            given += 1
        return not pool.is_empty

    def _fetch(self, lead: DueLead) -> Fetched:
        """A detail, validated by the thread that called: hundreds at once, before a commit, would hold up all calls."""
        detail = self.crm.detail(lead.id)
        if detail is None:
            refusal = "detail_is_there", "the CRM names the lead and does not know it"
        elif lead_number(detail) != lead.id:
            refusal = "detail_is_the_leads", "the CRM answered with another lead"
        else:
            return Fetched(lead, load=self.loader.validated(lead, detail))
        return Fetched(lead, refusal=refusal)

    def _commit(self, done: Enrichment, fetched: Sequence[Fetched]) -> None:
        """Load what can be loaded, reject the rest."""
        for one in fetched:
            if one.refusal is not None:
                rule, reason = one.refusal
                self.loader.reject_lead(one.lead.id, rule=rule, reason=reason)
                done.rejected += 1
                done.rejected_leads[one.lead.id] = reason
        loads = [one.load for one in fetched if one.load is not None]
        for loaded in self.loader.load(loads):
            done.count(loaded)


def _result(lead: DueLead, outcome: Fetched | BaseException) -> Fetched | SyncError:
    """A detail, a lead whose detail did not come or was refused, or an error that ends the run.

    A call that is still throttled after all attempts ends it: those of the other leads would be as well.
    """
    if isinstance(outcome, Fetched):
        return outcome
    if isinstance(outcome, ThrottledError | RefusedError):
        return outcome
    if isinstance(outcome, TransientError):
        return Fetched(lead, problem=outcome)
    if isinstance(outcome, SyncError):
        return Fetched(lead, refusal=("detail_is_answered", str(outcome)))
    raise outcome
