"""A run of the new leads: what is forgotten, what waits still, and that CRM and destination are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.sprinthub.new_leads.drain import Reader
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC
from sync_pipelines.sprinthub.new_leads.pipeline import NewLeads
from sync_pipelines_tests.sprinthub.new_leads.test_drain import Crm


class Opened:
    """What a run opens; `crm` answers, `open` counts."""

    def __init__(self) -> None:
        self.crm, self.open, self.runs = Crm(), 0, list[str]()

    @contextmanager
    def leads(self, run_id: str) -> Iterator[Reader]:
        self.open += 1
        self.runs.append(run_id)
        try:
            yield self.crm.read
        finally:
            self.open -= 1


@pytest.fixture
def ops_url(new_database: Callable[[str | None], str]) -> str:
    return new_database("ops")


@pytest.fixture
def ops(ops_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(ops_url, autocommit=True) as connection:
        yield connection


def receive(ops: psycopg.Connection[Any], *lead_ids: int) -> None:
    for lead_id in lead_ids:
        Inbox(ops, TOPIC).add(Arrival(str(lead_id), "crm", "{}"))


def test_decided_arrivals_go_after_their_days_and_waiting_ones_never(
    ops_url: str, ops: psycopg.Connection[Any]
) -> None:
    opened = Opened()
    new_leads = NewLeads(ops_url, opened.leads, retention_days=30)
    receive(ops, 1, 2, 3, 4)
    ops.execute("update ops.inbox set received_at = now() - interval '90 days'")
    for key, age in (("1", "31 days"), ("2", "29 days")):
        ops.execute(
            "update ops.inbox set status = 'applied', decided_at = now() - %s::interval where key = %s",
            (age, key),
        )
    opened.crm.answers = {4: "unread"}
    done = new_leads.run("run-1")
    assert (done.forgotten, done.waiting, new_leads.waiting()) == (1, 1, 1)
    kept = ops.execute("select key, status from ops.inbox order by id").fetchall()
    assert kept == [("2", "applied"), ("3", "applied"), ("4", "waiting")]
    assert (opened.open, opened.runs) == (0, ["run-1"])


def test_what_arrives_after_a_run_began_is_not_counted_against_it(
    ops_url: str, ops: psycopg.Connection[Any]
) -> None:
    opened = Opened()
    receive(ops, 1, 2)
    opened.crm.before_each = lambda lead_id: receive(ops, 3) if lead_id == 1 else None
    done = NewLeads(ops_url, opened.leads, most=2).run("run-1")
    assert (done.waiting, done.drained.leads) == (0, 2)
    assert NewLeads(ops_url, opened.leads).waiting() == 1


def test_an_error_leaves_nothing_open(ops_url: str, ops: psycopg.Connection[Any]) -> None:
    opened = Opened()
    receive(ops, 1)
    opened.crm.answers = {1: TransientError("SprintHub asks for fewer calls.")}
    with pytest.raises(TransientError):
        NewLeads(ops_url, opened.leads).run("run-1")
    assert (opened.open, Inbox(ops, TOPIC).count_waiting()) == (0, 1)
