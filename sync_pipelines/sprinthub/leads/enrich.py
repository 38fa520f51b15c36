"""The details of leads, several calls at once, committed as they come: what is read is never read twice.

Each lead is decided on its own: loaded (perhaps without some fields, which are rejects), rejected as a whole because
the CRM lists it and does not know it, or unread because its detail did not come. A refused token ends the run at once;
so does a CRM of which many details in a row do not come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sync_pipelines.lib.completed_pool import CompletedPool
from sync_pipelines.lib.failures import RefusedError, SyncError, ThrottledError, TransientError
from sync_pipelines.sprinthub.client import WHAT, SprinthubClient
from sync_pipelines.sprinthub.leads.extract import lead_number
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
    """A detail as the CRM has it, None if it has none; `problem` where it did not come."""

    lead: DueLead
    detail: Mapping[str, Any] | None
    problem: SyncError | None = None

    @property
    def is_late(self) -> bool:
        """Whether a later call may bring it."""
        return isinstance(self.problem, TransientError)


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

    @property
    def done(self) -> int:
        return self.inserted + self.changed + self.unchanged + self.rejected + len(self.unread)

    def add(self, lead: LoadedLead) -> None:
        """Count a lead whose detail came."""
        setattr(self, lead.outcome, getattr(self, lead.outcome) + 1)
        self.rejected_fields += lead.rejected_fields
        if lead.outcome == "rejected":
            self.rejected_leads[lead.id] = "the table does not take its detail; ops.rejects says why"


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
            late = [one for one in fetched if one.is_late]
            for one in fetched:
                in_a_row = in_a_row + 1 if one.is_late else 0
            self._commit(done, [one for one in fetched if not one.is_late])
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
        return Fetched(lead, self.crm.detail(lead.id))

    def _commit(self, done: Enrichment, fetched: Sequence[Fetched]) -> None:
        """Load what can be loaded, reject the rest."""
        loads = []
        for one in fetched:
            if (refusal := _refusal(one)) is not None:
                rule, reason = refusal
                self.loader.reject_lead(one.lead.id, rule=rule, reason=reason)
                done.rejected += 1
                done.rejected_leads[one.lead.id] = reason
            else:
                assert one.detail is not None
                loads.append(LeadLoad(one.lead, one.detail))
        for lead in self.loader.load(loads):
            done.add(lead)


def _refusal(fetched: Fetched) -> tuple[str, str] | None:
    """The rule that a detail breaks as a whole, and the reason; None if it can be loaded."""
    if fetched.problem is not None:
        return "detail_is_answered", str(fetched.problem)
    if fetched.detail is None:
        return "detail_is_there", "the CRM names the lead and does not know it"
    if lead_number(fetched.detail) != fetched.lead.id:
        return "detail_is_the_leads", "the CRM answered with another lead"
    return None


def _result(lead: DueLead, outcome: Fetched | BaseException) -> Fetched | SyncError:
    """A detail, a lead whose detail did not come or was refused, or an error that ends the run.

    A call that is still throttled after all attempts ends it: those of the other leads would be as well.
    """
    if isinstance(outcome, Fetched):
        return outcome
    if isinstance(outcome, ThrottledError | RefusedError):
        return outcome
    if isinstance(outcome, SyncError):
        return Fetched(lead, None, problem=outcome)
    raise outcome
