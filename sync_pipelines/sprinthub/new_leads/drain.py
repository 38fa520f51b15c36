"""The drain of the new leads: one call a lead, merged as a sync of its segment does, then its arrivals are decided.

A lead is merged in the destination before its arrivals are decided in the ops database. After a crash between the two
they wait still, and the next drain finds that nothing differs. Two drains never overlap: each holds one lock in the
ops database. A lead whose detail does not come keeps waiting and holds up no other; an error of everybody, such as
throttling, ends the run, and the rest waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Decision, Inbox
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC, WaitingLead, take_leads
from sync_pipelines.sprinthub.new_leads.report import DrainReport, LeadResult

LOCK = postgres.lock_key("sprinthub", "new_leads")
SUPERSEDED = "superseded by a newer arrival"
SAME = "nothing differs"

#: Reads and merges the details of leads; a result for each of them, as it comes. Raises SyncError.
ReadLeads = Callable[[Sequence[int]], Iterable[LeadResult]]


@dataclass(frozen=True)
class Drain:
    """Drains the inbox through `read_leads`: `batch` leads at a time, and so many in a run at `most`."""

    ops_url: str = field(repr=False)
    read_leads: ReadLeads
    batch: int = 100
    most: int = 2000
    wait_seconds: float = 60.0

    def run(self, run_id: str, log: Callable[[str], None] = lambda _said: None) -> DrainReport:
        """Work through the leads that wait.

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
                self._work(inbox, waiting, run_id=run_id, report=report)
                after = waiting[-1].rows[0]
                log(f"{report.leads} leads were read, {report.unread.total()} of them did not come.")
        return report

    def _take(self, inbox: Inbox, after: int, report: DrainReport) -> list[WaitingLead]:
        return take_leads(inbox, after=after, most=min(self.batch, self.most - report.leads))

    def _work(
        self, inbox: Inbox, waiting: Sequence[WaitingLead], *, run_id: str, report: DrainReport
    ) -> None:
        rows = {lead.lead_id: lead.rows for lead in waiting}
        for result in self.read_leads(list(rows)):
            arrivals = rows[result.lead_id]
            report.add(result, len(arrivals))
            if result.outcome != "unread":
                inbox.decide(_decisions(result, arrivals), run_id)


def _decisions(result: LeadResult, rows: Sequence[int]) -> list[Decision]:
    """The newest arrival says what became of the lead; the lead was read after all of them."""
    *older, newest = rows
    decided = (
        Decision(newest, "rejected", result.reason)
        if result.outcome == "rejected"
        else Decision(newest, "applied", SAME if result.outcome == "unchanged" else None)
    )
    return [*(Decision(row, "ignored", SUPERSEDED) for row in older), decided]
