"""The drain of the new leads: one call a lead, merged as a sync of its segment does, then its arrivals are decided.

A lead is merged in the destination before its arrivals are decided in the ops database. After a crash between the two
they wait still, and the next drain finds that nothing differs. Two drains never overlap: each holds one lock in the
ops database. A lead whose detail does not come keeps waiting and holds up no other; an error of everybody, such as
throttling, ends the run, and the rest waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Decision, Inbox
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC, WaitingLead, take_leads
from sync_pipelines.sprinthub.new_leads.report import DrainReport, ReadLeads

LOCK = postgres.lock_key("sprinthub", "new_leads")
SUPERSEDED = "superseded by a newer arrival"

#: Reads and merges the details of some leads. Raises SyncError, then nothing of them is decided.
Reader = Callable[[Sequence[int]], ReadLeads]


@dataclass(frozen=True)
class Drain:
    """Drains the inbox: `batch` leads at a time, and so many in a run at `most`.

    What a batch of an ended run has merged is read again by the next one, so that a batch is small.
    """

    ops_url: str = field(repr=False)
    batch: int = 40
    most: int = 2000
    wait_seconds: float = 60.0

    def run(self, run_id: str, read: Reader, log: Callable[[str], None] = lambda _said: None) -> DrainReport:
        """Work through the leads that wait; `read` reads and merges them.

        Raises TransientError if another drain is running and does not end within `wait_seconds`; what was decided
        before an error stays decided.
        """
        report = DrainReport()
        with (
            postgres.connect(self.ops_url, what=OPS) as ops,
            postgres.errors_about(OPS),
            postgres.session_lock(
                ops, LOCK, wait_seconds=self.wait_seconds, busy="Another drain of the new leads is under way."
            ),
        ):
            inbox, after = Inbox(ops, TOPIC), 0
            while waiting := self._take(inbox, after, report):
                done = read([lead.lead_id for lead in waiting])
                report.add(done, superseded=_decide(inbox, waiting, done, run_id=run_id))
                after = waiting[-1].rows[0]
                log(f"{report.leads} leads were read, {report.unread} of them did not come.")
        return report

    def _take(self, inbox: Inbox, after: int, report: DrainReport) -> list[WaitingLead]:
        return take_leads(inbox, after=after, most=min(self.batch, self.most - report.leads))


def _decide(inbox: Inbox, waiting: Sequence[WaitingLead], read: ReadLeads, *, run_id: str) -> int:
    """Decide the arrivals of the leads that were read; returns how many were superseded."""
    decided = [lead for lead in waiting if lead.lead_id not in read.unread]
    decisions = [decision for lead in decided for decision in _decisions(lead, read)]
    inbox.decide(decisions, run_id)
    return len(decisions) - len(decided)


def _decisions(lead: WaitingLead, read: ReadLeads) -> list[Decision]:
    """The newest arrival says what became of the lead, which was read after all of them."""
    *older, newest = lead.rows
    reason = read.rejected.get(lead.lead_id)
    decided = Decision(newest, "applied" if reason is None else "rejected", reason)
    return [*(Decision(row, "ignored", SUPERSEDED) for row in older), decided]
