"""What the drain makes of arrivals: one call a lead, every row decided or waiting, whatever the CRM answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.sprinthub.new_leads.drain import LOCK, SUPERSEDED, Drain
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC
from sync_pipelines.sprinthub.new_leads.report import DrainReport, ReadLeads

RUN = "run-1"
UNKNOWN = "the CRM does not know the lead"


Outcome = Literal["inserted", "changed", "unchanged", "rejected", "unread"]


@dataclass
class Crm:
    """Answers for leads: `inserted` unless `answers` say otherwise; an error is raised in its place."""

    answers: dict[int, Outcome | SyncError] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    before_each: Callable[[int], None] = lambda _lead_id: None

    def read(self, lead_ids: Sequence[int]) -> ReadLeads:
        self.batches.append(len(lead_ids))
        found: dict[str, list[int]] = {outcome: [] for outcome in get_args(Outcome)}
        for lead_id in lead_ids:
            self.before_each(lead_id)
            self.asked.append(lead_id)
            answer = self.answers.get(lead_id, "inserted")
            if isinstance(answer, SyncError):
                raise answer
            found[answer].append(lead_id)
        return ReadLeads(
            inserted=len(found["inserted"]),
            changed=len(found["changed"]),
            unchanged=len(found["unchanged"]),
            rejected=dict.fromkeys(found["rejected"], UNKNOWN),
            unread=found["unread"],
            problem="SprintHub answered 500." if found["unread"] else "",
        )


@dataclass
class Queue:
    """An inbox, and the CRM that its drain asks."""

    url: str
    ops: psycopg.Connection[Any]
    crm: Crm

    def receive(self, *lead_ids: int) -> None:
        for lead_id in lead_ids:
            Inbox(self.ops, TOPIC).add(Arrival(str(lead_id), "crm", "{}"))

    def drain(self, **given: Any) -> DrainReport:
        return Drain(self.url, wait_seconds=0.05, **given).run(RUN, self.crm.read)

    @property
    def rows(self) -> list[tuple[int, str, str | None]]:
        return self.ops.execute(
            "select key::integer, status, reason from ops.inbox where topic = 'sprinthub/leads' order by id"
        ).fetchall()


@pytest.fixture
def queue(ops_url: str, ops: psycopg.Connection[Any]) -> Queue:
    return Queue(ops_url, ops, Crm())


def test_every_row_is_decided_and_one_call_made_a_lead(queue: Queue) -> None:
    queue.receive(7, 8, 7, 9, 7, 10)
    queue.crm.answers = {8: "changed", 9: "rejected", 10: "unchanged"}
    done = queue.drain()
    assert queue.crm.asked == [7, 8, 9, 10]
    assert queue.rows == [
        (7, "ignored", SUPERSEDED),
        (8, "applied", None),
        (7, "ignored", SUPERSEDED),
        (9, "rejected", UNKNOWN),
        (7, "applied", None),
        (10, "applied", None),
    ]
    assert done == DrainReport(inserted=1, changed=1, unchanged=1, rejected=done.rejected, superseded=2)
    assert (done.leads, done.written, done.applied, done.decided) == (4, 2, 3, 6)
    assert done.rejected == {UNKNOWN: 1}
    assert queue.ops.execute("select distinct run_id from ops.inbox").fetchall() == [(RUN,)]


def test_a_second_drain_finds_nothing(queue: Queue) -> None:
    queue.receive(7)
    queue.drain()
    before = queue.rows
    assert queue.drain() == DrainReport()
    assert (queue.crm.asked, queue.rows) == ([7], before)


def test_leads_are_asked_for_in_batches_and_a_storm_of_one_lead_is_one_call(queue: Queue) -> None:
    queue.receive(*[7] * 50, *range(10, 15), *[7] * 50)
    assert queue.drain(batch=2).superseded == 99
    assert queue.crm.batches == [2, 2, 2]
    assert queue.crm.asked == [7, *range(10, 15)]


def test_a_run_ends_after_its_most_leads_and_the_next_goes_on(queue: Queue) -> None:
    queue.receive(*range(1, 8))
    assert queue.drain(batch=2, most=3).leads == 3
    assert [key for key, status, _ in queue.rows if status == "waiting"] == [4, 5, 6, 7]
    assert queue.drain(batch=2).leads == 4


def test_a_lead_whose_detail_does_not_come_waits_and_holds_up_no_other(queue: Queue) -> None:
    queue.receive(7, 8, 9, 7)
    queue.crm.answers = {7: "unread", 8: "unread"}
    done = queue.drain(batch=1)
    assert queue.crm.asked == [7, 8, 9]
    assert queue.rows == [
        (7, "waiting", None),
        (8, "waiting", None),
        (9, "applied", None),
        (7, "waiting", None),
    ]
    assert (done.unread, done.problem, done.decided, done.leads) == (2, "SprintHub answered 500.", 1, 3)
    queue.crm.answers = {}
    queue.drain()
    assert {status for _, status, _ in queue.rows} == {"applied", "ignored"}


@pytest.mark.parametrize("error", [TransientError("SprintHub asks for fewer calls."), PermanentError("no")])
def test_an_error_of_everybody_ends_the_run_and_what_was_not_read_waits(
    queue: Queue, error: SyncError
) -> None:
    queue.receive(7, 8, 9)
    queue.crm.answers = {8: error}
    with pytest.raises(type(error), match=str(error)):
        queue.drain(batch=1)
    assert queue.rows == [(7, "applied", None), (8, "waiting", None), (9, "waiting", None)]
    assert queue.crm.asked == [7, 8]


def test_an_arrival_after_the_lead_was_read_is_read_again(queue: Queue) -> None:
    def arrive_once(lead_id: int) -> None:
        if lead_id == 8:
            queue.crm.before_each = lambda _lead_id: None
            queue.receive(7)

    queue.receive(7, 8)
    queue.crm.before_each = arrive_once
    queue.drain(batch=1)
    assert queue.crm.asked == [7, 8, 7]
    assert {status for _, status, _ in queue.rows} == {"applied"}


def test_a_drain_beside_another_one_does_nothing(queue: Queue) -> None:
    queue.receive(7)
    with postgres.session_lock(queue.ops, LOCK, wait_seconds=1, busy=""):
        with pytest.raises(TransientError, match="Another drain"):
            queue.drain()
        assert queue.crm.asked == []
    assert queue.drain().inserted == 1


def test_another_topic_is_left_alone(queue: Queue) -> None:
    Inbox(queue.ops, "another/topic").add(Arrival("7", "crm", "{}"))
    assert queue.drain() == DrainReport()
    assert Inbox(queue.ops, "another/topic").count_waiting() == 1
