"""What the drain makes of arrivals: one call a lead, every row decided or waiting, whatever the CRM answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
class Arrivals:
    """An inbox, and the CRM that its drain asks."""

    url: str
    ops: psycopg.Connection[Any]
    crm: Crm

    def receive(self, *lead_ids: int) -> None:
        for lead_id in lead_ids:
            Inbox(self.ops, TOPIC).add(Arrival(str(lead_id), "crm", "{}"))

    def drain(self, **given: Any) -> DrainReport:
        return Drain(self.url, read_leads=self.crm.read, wait_seconds=0.05, **given).run(RUN)

    @property
    def rows(self) -> list[tuple[int, str, str | None]]:
        return self.ops.execute(
            "select key::integer, status, reason from ops.inbox where topic = 'sprinthub/leads' order by id"
        ).fetchall()


@pytest.fixture
def arrivals(new_database: Callable[[str | None], str]) -> Iterator[Arrivals]:
    url = new_database("ops")
    with psycopg.connect(url, autocommit=True) as ops:
        yield Arrivals(url, ops, Crm())


def test_every_row_is_decided_and_one_call_made_a_lead(arrivals: Arrivals) -> None:
    arrivals.receive(7, 8, 7, 9, 7, 10)
    arrivals.crm.answers = {8: "changed", 9: "rejected", 10: "unchanged"}
    done = arrivals.drain()
    assert arrivals.crm.asked == [7, 8, 9, 10]
    assert arrivals.rows == [
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
    assert arrivals.ops.execute("select distinct run_id from ops.inbox").fetchall() == [(RUN,)]


def test_a_second_drain_finds_nothing(arrivals: Arrivals) -> None:
    arrivals.receive(7)
    arrivals.drain()
    before = arrivals.rows
    assert arrivals.drain() == DrainReport()
    assert (arrivals.crm.asked, arrivals.rows) == ([7], before)


def test_leads_are_asked_for_in_batches_and_a_storm_of_one_lead_is_one_call(arrivals: Arrivals) -> None:
    arrivals.receive(*[7] * 50, *range(10, 15), *[7] * 50)
    assert arrivals.drain(batch=2).superseded == 99
    assert arrivals.crm.batches == [2, 2, 2]
    assert arrivals.crm.asked == [7, *range(10, 15)]


def test_a_run_ends_after_its_most_leads_and_the_next_goes_on(arrivals: Arrivals) -> None:
    arrivals.receive(*range(1, 8))
    assert arrivals.drain(batch=2, most=3).leads == 3
    assert [key for key, status, _ in arrivals.rows if status == "waiting"] == [4, 5, 6, 7]
    assert arrivals.drain(batch=2).leads == 4


def test_a_lead_whose_detail_does_not_come_waits_and_holds_up_no_other(arrivals: Arrivals) -> None:
    arrivals.receive(7, 8, 9, 7)
    arrivals.crm.answers = {7: "unread", 8: "unread"}
    done = arrivals.drain(batch=1)
    assert arrivals.crm.asked == [7, 8, 9]
    assert arrivals.rows == [
        (7, "waiting", None),
        (8, "waiting", None),
        (9, "applied", None),
        (7, "waiting", None),
    ]
    assert (done.unread, done.problem, done.decided, done.leads) == (2, "SprintHub answered 500.", 1, 3)
    arrivals.crm.answers = {}
    arrivals.drain()
    assert {status for _, status, _ in arrivals.rows} == {"applied", "ignored"}


@pytest.mark.parametrize("error", [TransientError("SprintHub asks for fewer calls."), PermanentError("no")])
def test_an_error_of_everybody_ends_the_run_and_what_was_not_read_waits(
    arrivals: Arrivals, error: SyncError
) -> None:
    arrivals.receive(7, 8, 9)
    arrivals.crm.answers = {8: error}
    with pytest.raises(type(error), match=str(error)):
        arrivals.drain(batch=1)
    assert arrivals.rows == [(7, "applied", None), (8, "waiting", None), (9, "waiting", None)]
    assert arrivals.crm.asked == [7, 8]


def test_an_arrival_after_the_lead_was_read_is_read_again(arrivals: Arrivals) -> None:
    def arrive_once(lead_id: int) -> None:
        if lead_id == 8:
            arrivals.crm.before_each = lambda _lead_id: None
            arrivals.receive(7)

    arrivals.receive(7, 8)
    arrivals.crm.before_each = arrive_once
    arrivals.drain(batch=1)
    assert arrivals.crm.asked == [7, 8, 7]
    assert {status for _, status, _ in arrivals.rows} == {"applied"}


def test_a_drain_beside_another_one_does_nothing(arrivals: Arrivals) -> None:
    arrivals.receive(7)
    with postgres.session_lock(arrivals.ops, LOCK, wait_seconds=1, busy=""):
        with pytest.raises(TransientError, match="Another drain"):
            arrivals.drain()
        assert arrivals.crm.asked == []
    assert arrivals.drain().inserted == 1


def test_another_topic_is_left_alone(arrivals: Arrivals) -> None:
    Inbox(arrivals.ops, "another/topic").add(Arrival("7", "crm", "{}"))
    assert arrivals.drain() == DrainReport()
    assert Inbox(arrivals.ops, "another/topic").count_waiting() == 1
