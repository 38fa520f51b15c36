"""Batches of the drain: several changes of a lead, bounds, a storm, another drain, and what ends one early."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.reverse.drain import push_lock
from sync_pipelines.scouter.reverse.inbox_drain import LOCK, BatchSize
from sync_pipelines_tests.scouter.pair import LEAD, Pair

APPLIED = ("applied", None)
SUPERSEDED = ("ignored", "superseded by a newer change")


def test_of_many_changes_of_a_lead_the_newest_counts_and_no_part_is_lost(pair: Pair) -> None:
    pair.push(LEAD)
    edits = [pair.edit_there(nome="Ana Um"), pair.edit_there(age=44), pair.edit_there(nome="Ana Três")]
    pair.receive(*reversed(edits))
    pair.receive({"id": LEAD, "nome": "Ana Antiga", "etapa": "Antiga", "updated_at": "2025-10-30T00:00:00Z"})
    etapa = pair.here()["etapa"]
    pair.drain()
    assert pair.decided == [APPLIED, SUPERSEDED, SUPERSEDED, SUPERSEDED]
    assert (pair.here()["name"], pair.here()["age"], pair.here()["etapa"]) == ("Ana Três", 44, etapa)


def test_two_changes_of_single_fields_are_both_taken(pair: Pair) -> None:
    """Neither is shown by the row there: it was read before they were made, say."""
    pair.push(LEAD)
    later = datetime.now(UTC).isoformat()
    pair.receive(
        {"id": LEAD, "nome": "Ana Nova", "updated_at": later}, {"id": LEAD, "age": 44, "updated_at": later}
    )
    pair.drain()
    row = pair.here()
    assert (row["name"], row["age"]) == ("Ana Nova", 44)


def test_the_older_key_is_understood_and_what_is_no_lead_is_rejected(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Ficha"), key="ficha")
    Inbox(pair.ops, TOPIC).add(Arrival(str(5), "gestaoscouter", '{"lead": [1]}'))
    Inbox(pair.ops, TOPIC).add(Arrival(str(6), "gestaoscouter", "[]"))
    pair.drain()
    assert pair.decided == [APPLIED, ("rejected", "lead: is no object"), ("rejected", "lead: is no object")]


def test_a_lead_between_two_batches_is_merged_once(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(*(pair.edit_there(nome=f"Ana {number}") for number in range(5)))
    drained = pair.drain(batch=BatchSize(rows=2))
    assert (drained.read, drained.batches, drained.updated) == (5, 3, 1)
    assert pair.here()["name"] == "Ana 4"
    assert [event[4] for event in pair.events].count(None) == 1


def test_two_drains_never_overlap(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova"))

    def probe(_: str) -> None:
        with pytest.raises(TransientError, match="under way"):
            pair.drain(wait_seconds=0.01)

    assert pair.drain(probe=probe).updated == 1
    with psycopg.connect(pair.ops_url) as other:
        assert postgres.try_lock(other, LOCK), "it is let go of"


def test_a_drain_waits_for_a_push_and_a_push_for_a_batch(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova"))
    with pair.lead_push.alone(), pytest.raises(TransientError, match="A push is under way"):
        pair.drain(wait_seconds=0.01)
    assert pair.decided == [("waiting", None)]
    with psycopg.connect(pair.ops_url) as other:
        lock = push_lock(pair.destination)

        def probe(_: str) -> None:
            assert not postgres.try_lock(other, lock)

        pair.drain(probe=probe)
        assert postgres.try_lock(other, lock), "it is let go of"
    assert pair.here()["name"] == "Ana Nova"


@pytest.mark.slow
def test_a_storm_is_worked_through_in_bounded_batches(pair: Pair) -> None:
    ids = [row[0] for row in pair.leads.execute("select id from public.leads order by id").fetchall()]
    pair.push(*ids)
    there = [pair.edit_there(number, nome="Nome Novo") for number in ids]
    pair.receive(*(there[number % len(there)] for number in range(20_000)))
    drained = pair.drain()
    assert (drained.read, drained.updated, drained.batches) == (20_000, 60, 10)
    assert Inbox(pair.ops, TOPIC).count_waiting() == 0


def test_a_run_may_be_bounded_and_a_batch_by_its_bytes(pair: Pair) -> None:
    pair.push(LEAD)
    edit = pair.announced(nome="Ana Nova", raw={"texto": "x" * 5000})
    pair.receive(*[edit] * 10)
    assert pair.drain(at_most=4).read == 4
    drained = pair.drain(batch=BatchSize(bytes=15_000))
    assert drained.read == 6
    assert drained.batches >= 3
    pair.receive(edit)
    assert pair.drain(batch=BatchSize(bytes=10)).read == 1, "a row that is longer than a batch is taken alone"


def test_nothing_to_do_is_nothing_done(pair: Pair) -> None:
    drained = pair.drain()
    assert (drained.read, drained.batches) == (0, 0)


@pytest.mark.parametrize("table", ["public.sync_events", "sync_private.lead_conflicts"])
def test_a_database_without_the_tables_is_named(pair: Pair, table: str) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.receive(pair.edit_there(nome="Ana Nova"))
    name = table.rpartition(".")[2]
    pair.leads.execute(f"alter table {table} rename to elsewhere".encode())
    try:
        with pytest.raises(PermanentError, match=rf"the TabuladorMax database.*{name}") as caught:
            pair.drain()
    finally:
        pair.leads.execute(f"alter table {table.replace(name, 'elsewhere')} rename to {name}".encode())
    assert "Ana" not in str(caught.value)
    assert pair.here()["name"] == "Ana Daqui"
    assert Inbox(pair.ops, TOPIC).count_waiting() == 1
    pair.drain()
    assert pair.here()["name"] == "Ana Nova"


def test_a_destination_that_stays_away_leaves_everything_waiting(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova"))
    pair.postgrest.fail("bad_gateway")
    with pytest.raises(TransientError):
        pair.drain()
    assert pair.decided == [("waiting", None)]
    pair.postgrest.clear()
    pair.drain()
    assert pair.here()["name"] == "Ana Nova"
