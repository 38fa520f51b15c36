"""The outbox: nothing is lost whatever order transactions end in, and only what was read is forgotten."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sync_pipelines_tests.sandbox.aimindset.conftest import Call
from sync_pipelines_tests.scouter.gestao_scouter import Gestao

READ = "select change_id, (lead ->> 'id')::int from sync_read_lead_changes(%s, %s)"


@pytest.fixture
def outbox(gestao: Gestao) -> Gestao:
    gestao.install("outbox")
    return gestao


def read(outbox: Gestao, after: int = 0, at_most: int = 500) -> list[tuple[int, int]]:
    """Numbers of changes and their leads."""
    return outbox.as_service(READ, after, at_most)


def change(connection: psycopg.Connection[Any], lead: int, nome: str = "x") -> None:
    connection.execute("update leads set nome = %s where id = %s", [nome, lead])


@pytest.mark.parametrize("later_began_first", [False, True])
def test_a_change_that_is_committed_late_is_not_lost(outbox: Gestao, later_began_first: bool) -> None:
    """The second case is the one that waiting for older transactions does not see."""
    with psycopg.connect(outbox.url) as early, psycopg.connect(outbox.url) as late:
        if later_began_first:
            late.execute("select pg_current_xact_id()")
        change(early, 1)
        change(late, 2)
        late.commit()
        assert read(outbox) == [(1, 2)]
        assert outbox.value("select sync_forget_lead_changes(1)") == 1
        early.commit()
    assert read(outbox, after=1) == [(2, 1)]


def test_neither_ids_nor_the_end_of_older_transactions_would_show_that_case(outbox: Gestao) -> None:
    with psycopg.connect(outbox.url) as early, psycopg.connect(outbox.url) as late:
        late.execute("select pg_current_xact_id()")
        change(early, 1)
        change(late, 2)
        late.commit()
        ((seen, is_settled),) = outbox.run(
            "select id, xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " from sync_outbox.lead_changes"
        )
        early.commit()
    assert is_settled
    assert outbox.value("select count(*) from sync_outbox.lead_changes where id < %s", seen) == 1


def test_changes_of_one_lead_come_in_the_order_of_their_writing(outbox: Gestao) -> None:
    with psycopg.connect(outbox.url) as first, psycopg.connect(outbox.url) as second:
        change(first, 1, "primeiro")
        waiting = Call(lambda: change(second, 1, "segundo"))
        while not outbox.value("select exists (select from pg_locks where not granted)"):
            pass
        first.commit()
        assert waiting.outcome is None
        assert read(outbox) == [(1, 1)]
        second.commit()
    found = outbox.run("select change_id, lead ->> 'nome' from sync_read_lead_changes(0)")
    assert found == [(1, "primeiro"), (2, "segundo")]


def test_a_change_is_written_with_its_lead_or_not_at_all(outbox: Gestao) -> None:
    with outbox.connection.transaction(force_rollback=True):
        change(outbox.connection, 1)
        assert outbox.value("select count(*) from sync_outbox.lead_changes") == 1
    assert read(outbox) == []


def test_pages_follow_each_other_and_can_be_read_again(outbox: Gestao) -> None:
    for lead in (5, 4, 3, 2, 1):
        change(outbox.connection, lead)
    assert read(outbox, at_most=2) == [(1, 5), (2, 4)]
    assert read(outbox, at_most=2) == [(1, 5), (2, 4)]
    assert read(outbox, after=1, at_most=3) == [(2, 4), (3, 3), (4, 2)]
    assert read(outbox, after=4) == [(5, 1)]
    assert read(outbox, after=5) == []


@pytest.mark.parametrize(("at_most", "found"), [(0, 1), (-3, 1), (10_000, 1000)])
def test_a_page_has_at_least_one_and_at_most_a_thousand_changes(
    outbox: Gestao, at_most: int, found: int
) -> None:
    outbox.run("insert into leads (id, nome) select n, 'x' from generate_series(5000, 6100) as n")
    assert len(read(outbox, at_most=at_most)) == found


def test_only_what_was_read_is_forgotten(outbox: Gestao) -> None:
    for lead in (1, 2, 3):
        change(outbox.connection, lead)
    assert outbox.value("select sync_forget_lead_changes(%s)", 2**62) == 0
    assert read(outbox, at_most=2) == [(1, 1), (2, 2)]
    change(outbox.connection, 4)
    assert outbox.value("select sync_forget_lead_changes(1)") == 1
    assert outbox.value("select sync_forget_lead_changes(%s)", 2**62) == 1
    assert read(outbox, after=2) == [(3, 3), (4, 4)]


def test_a_reading_that_is_taken_back_was_none(outbox: Gestao) -> None:
    change(outbox.connection, 1)
    with outbox.connection.transaction(force_rollback=True):
        assert outbox.run(READ, 0, 5) == [(1, 1)]
    assert outbox.value("select sync_forget_lead_changes(1)") == 0
    assert read(outbox) == [(1, 1)]


def test_two_readers_at_once_get_the_same_numbers(outbox: Gestao) -> None:
    change(outbox.connection, 1)
    with psycopg.connect(outbox.url) as first, psycopg.connect(outbox.url) as second:
        seen = first.execute(READ, [0, 5]).fetchall()
        waiting = Call(lambda: second.execute(READ, [0, 5]).fetchall())
        while not outbox.value("select exists (select from pg_locks where not granted)"):
            pass
        change(outbox.connection, 2)
        first.commit()
        assert waiting.outcome == [*seen, (2, 2)]


@pytest.mark.parametrize("after", [1, -1, None])
def test_a_place_that_was_never_given_is_refused(outbox: Gestao, after: int | None) -> None:
    """An outbox that was made anew would else keep its first changes from a reader that remembers the old one."""
    change(outbox.connection, 1)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="begin at 0"):
        outbox.run(READ, after, 5)
    assert read(outbox) == [(1, 1)]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("call", ["sync_read_lead_changes(0)", "sync_forget_lead_changes(0)"])
def test_only_the_service_reads_and_forgets(outbox: Gestao, role: str, call: str) -> None:
    outbox.as_service(f"select {call}")
    outbox.run(f"set role {role}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        outbox.run(f"select {call}")


def test_the_changes_themselves_are_out_of_the_services_reach(outbox: Gestao) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        outbox.as_service("select * from sync_outbox.lead_changes")
