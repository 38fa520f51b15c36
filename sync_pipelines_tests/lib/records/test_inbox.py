"""The inbox of several topics in one table: none sees another's rows, and rows of before the keys are the leads'."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.inbox import Arrival, Decision, Inbox, open_inbox
from sync_pipelines.lib.records.inbox_pool import InboxPool, UnstorableError

LEADS, INVOICES = "scouter/leads", "erp/invoices"


@pytest.fixture
def url(new_database: Callable[[str | None], str]) -> str:
    return new_database("ops")


@pytest.fixture
def ops(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def arrival(key: str, version: int = 1) -> Arrival:
    return Arrival(key=key, source="erp", payload=f'{{"version": {version}}}')


def keys(inbox: Inbox, **limits: int) -> list[str]:
    return [row.key for row in inbox.take(**{"most": 100, "most_bytes": 1 << 20, **limits})]


def test_a_topic_has_its_own_rows(ops: psycopg.Connection[Any]) -> None:
    leads, invoices = Inbox(ops, LEADS), Inbox(ops, INVOICES)
    leads.add(arrival("7"))
    invoices.add_many([arrival("NF-7"), arrival("NF-8")])
    assert (leads.count_waiting(), invoices.count_waiting()) == (1, 2)
    assert (keys(leads), keys(invoices)) == (["7"], ["NF-7", "NF-8"])
    assert invoices.waiting_keys(["7", "NF-8", "NF-9"]) == {"NF-8"}

    rows = invoices.take(most=9, most_bytes=999)
    leads.decide([Decision(row.id, "rejected", "no") for row in leads.take(most=9, most_bytes=999)], "run")
    invoices.decide([Decision(row.id, "rejected", "no") for row in rows], "run")
    assert invoices.rejected_since(datetime.now(UTC) - timedelta(hours=1)) == 2
    assert leads.replay([rows[0].id]) == 0, "a number of another topic"
    assert invoices.replay([rows[0].id]) == 1
    assert (leads.count_waiting(), invoices.count_waiting()) == (0, 1)

    ops.execute("update ops.inbox set decided_at = now() - interval '9 days'")
    assert leads.forget(8) == 1
    assert ops.execute("select topic, key from ops.inbox order by id").fetchall() == [
        (INVOICES, "NF-7"),
        (INVOICES, "NF-8"),
    ]


def test_what_came_before_under_the_same_key_is_known_as_repeated(ops: psycopg.Connection[Any]) -> None:
    inbox = Inbox(ops, INVOICES)
    inbox.add_many([arrival("NF-7"), arrival("NF-7", 2), arrival("NF-8"), arrival("NF-7")])
    Inbox(ops, LEADS).add(arrival("NF-9"))
    inbox.add_many([arrival("NF-9"), arrival("NF-7")])
    numbers = [row.id for row in inbox.take(most=9, most_bytes=999)]
    assert inbox.repeated(numbers) == {numbers[3], numbers[5]}, "neither another key nor another topic"
    assert inbox.repeated(numbers[:3]) == frozenset()
    assert inbox.repeated([]) == frozenset()
    # Whatever became of the first one.
    inbox.decide([Decision(numbers[0], "rejected", "no")], "run")
    assert inbox.repeated(numbers[3:4]) == {numbers[3]}


def test_what_waits_again_keeps_why_it_was_rejected(ops: psycopg.Connection[Any]) -> None:
    inbox = Inbox(ops, INVOICES)
    inbox.add_many([arrival("NF-7"), arrival("NF-8")])
    first, second = inbox.take(most=9, most_bytes=999)
    assert (first.reason, second.reason) == (None, None)
    inbox.decide(
        [Decision(first.id, "rejected", "amount: no number"), Decision(second.id, "ignored", "old")], "run"
    )
    assert inbox.replay(None) == 1
    (again,) = inbox.take(most=9, most_bytes=999)
    assert again == first._replace(reason="amount: no number")
    inbox.decide([Decision(again.id, "applied", None)], "run")
    assert ops.execute("select status, reason from ops.inbox order by id").fetchall() == [
        ("applied", None),
        ("ignored", "old"),
    ]


def test_a_row_that_is_longer_than_a_batch_comes_alone(ops: psycopg.Connection[Any]) -> None:
    inbox = Inbox(ops, INVOICES)
    inbox.add_many(arrival(str(number)) for number in range(5))
    assert keys(inbox, most=2) == ["0", "1"]
    assert keys(inbox, most_bytes=1) == ["0"]


def test_rows_of_before_the_keys_are_leads_by_their_number(ops: psycopg.Connection[Any]) -> None:
    """Also those of a receiver of the old version, which runs on while the database is migrated."""
    ops.execute("insert into ops.inbox (source, lead_id, payload) values ('gestaoscouter', 600005, '{}')")
    leads = Inbox(ops, LEADS)
    assert keys(leads) == ["600005"]
    assert leads.waiting_keys([600005, 600006]) == {"600005"}
    leads.decide([Decision(row.id, "applied", None) for row in leads.take(most=9, most_bytes=99)], "run")
    leads.add(Arrival(key="600005", source="gestaoscouter", payload="{}"))
    (later,) = leads.take(most=9, most_bytes=99)
    assert leads.repeated([later.id]) == {later.id}


def test_a_pool_stores_under_any_topic_and_says_what_it_cannot(
    url: str, ops: psycopg.Connection[Any]
) -> None:
    with closing(InboxPool(url, connections=1)) as pool:
        assert pool.is_ready()
        pool.add(INVOICES, arrival("NF-7"))
        with pytest.raises(UnstorableError):
            pool.add(INVOICES, Arrival("NF-8", "erp", '{"amount": 1e200000}'))
        for unstorable in (arrival("NF\x00-8"), arrival(secrets.token_hex(8000))):
            with pytest.raises(UnstorableError):
                pool.add(INVOICES, unstorable)
        ops.execute("alter table ops.inbox rename to elsewhere")
        assert not pool.is_ready()
        with pytest.raises(PermanentError, match="the ops database"):
            pool.add(INVOICES, arrival("NF-9"))
    with closing(InboxPool("postgresql://127.0.0.1:1/nowhere")) as nowhere, pytest.raises(TransientError):
        nowhere.add(INVOICES, arrival("NF-7"))
    assert ops.execute("select topic, key from ops.elsewhere").fetchall() == [(INVOICES, "NF-7")]


def test_an_error_of_the_inbox_is_a_sentence(url: str, ops: psycopg.Connection[Any]) -> None:
    ops.execute("drop table ops.inbox")
    with pytest.raises(PermanentError, match=r"^the ops database: "), open_inbox(url, INVOICES) as inbox:
        inbox.count_waiting()
