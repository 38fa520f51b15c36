"""A person who edits a lead at Gestão Scouter between two requests of a push: the edit is seen, or comes back.

A push reads the rows, writes them, and reads them back. The webhook of an edit arrives later than the edit: here it is
announced after the push, and once more after a drain, as pg_net does that got no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sync_pipelines.scouter.reverse.base import LONGEST_HISTORY
from sync_pipelines_tests.scouter.interrupted import Interrupted, Kind
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

PERSON = "Pessoa 1 ção 🙂"


def push_and(two_way: TwoWay, do: Callable[[], object], **when: Any) -> None:
    """A push that is interrupted once."""
    done: list[object] = []
    two_way.installation.use_client(transport=Interrupted(lambda: done.append(do()), **when))
    two_way.push()
    assert len(done) == 1, "it came to that request"
    two_way.installation.use_client(transport=None)


def before_the_write(two_way: TwoWay, *edits: dict[str, Any], kind: Kind = "upsert") -> list[dict[str, Any]]:
    """These edits, one after the other, between the reading of a push and its writing; what is announced of them."""
    rows: list[dict[str, Any]] = []
    push_and(
        two_way,
        lambda: rows.extend(two_way.edit_there(announce=False, **edit) for edit in edits),
        before=kind,
    )
    return rows


def test_an_overwritten_edit_comes_back_by_its_webhook(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    rows = before_the_write(two_way, {"etapa": "Ligou"})
    assert two_way.both("etapa") == ("Nova", "Nova")
    two_way.announce(*rows)
    assert two_way.drain().updated == 1
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_an_overwritten_edit_to_a_value_that_was_seen_before(two_way: TwoWay) -> None:
    for stage in ("Ligou", "Nova"):
        two_way.edit_there(etapa=stage)
        two_way.drain()
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"etapa": "Ligou"}))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=5)])
def test_an_overwritten_edit_undoes_no_later_one_of_the_field(two_way: TwoWay, ahead: timedelta) -> None:
    """Whatever the clock there says: who edits the row after our write has seen what it put there."""
    now = datetime.now(UTC) + ahead
    two_way.edit(etapa="Daqui")
    rows = before_the_write(two_way, {"etapa": "Ligou", "updated_at": now})
    two_way.edit_there(etapa="Agendada", updated_at=now + timedelta(seconds=1))
    two_way.drain()
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(etapa="Agendada")
    assert two_way.conflicts == []


@pytest.mark.parametrize("pushes", [1, 3, LONGEST_HISTORY - 1])
def test_also_when_the_webhook_is_later_than_further_pushes(two_way: TwoWay, pushes: int) -> None:
    two_way.edit(name="Ana Daqui")
    rows = before_the_write(two_way, {"etapa": "Ligou"})
    for number in range(pushes):
        two_way.edit(name=f"Ana {number}")
        two_way.push()
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name=f"Ana {pushes - 1}", etapa="Ligou")
    assert two_way.conflicts == []


def test_several_overwritten_edits_come_back_in_any_order(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    rows = before_the_write(two_way, {"etapa": "Ligou"}, {"age": 44}, {"etapa": "Agendada"})
    two_way.announce(*reversed(rows))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Agendada", age=44)
    assert two_way.conflicts == []


def test_overwritten_edits_that_come_in_two_drains(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    first, second = before_the_write(two_way, {"etapa": "Ligou"}, {"etapa": "Agendada"})
    two_way.announce(second)
    two_way.drain()
    two_way.announce(first)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Agendada")


def test_an_edit_of_another_field_after_the_next_write_hides_none(two_way: TwoWay) -> None:
    """The second row shows in `etapa` what the first write had put over the edit."""
    two_way.edit(name="Ana Daqui")
    first = before_the_write(two_way, {"etapa": "Ligou"})
    two_way.edit(name="Ana Depois")
    second = before_the_write(two_way, {"age": 44})
    two_way.announce(*first, *second)
    two_way.is_quiet()
    two_way.are(name="Ana Depois", etapa="Ligou", age=44)
    assert two_way.conflicts == []


@pytest.mark.parametrize("is_sent", [True, False])
def test_an_edit_after_one_that_was_overwritten_and_taken_is_no_conflict(
    two_way: TwoWay, is_sent: bool
) -> None:
    """Both edits of `etapa` are Gestão Scouter's, however late TabuladorMax changes another field."""
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"etapa": "Ligou"}))
    two_way.drain()
    if is_sent:
        rows = before_the_write(two_way, {"etapa": "Agendada"})
    else:
        rows = [two_way.edit_there(announce=False, etapa="Agendada")]
    two_way.edit(name="Ana Depois")
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Depois", etapa="Agendada")
    assert two_way.conflicts == []


def test_an_overwritten_edit_back_to_the_old_value_changes_nothing(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    rows = before_the_write(two_way, {"etapa": "Ligou"}, {"etapa": "Nova"})
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Nova")


def test_an_overwritten_null_clears_the_field(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"etapa": None, "age": 0}))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa=None, age=0)
    assert two_way.conflicts == []


def test_the_field_that_was_pushed_itself_is_a_conflict(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    two_way.announce(*before_the_write(two_way, {"nome": "Ana de Lá"}))
    two_way.is_quiet()
    two_way.are(name="Ana de Lá")
    assert two_way.conflicts == [("nome", '"Ana Daqui"', '"Ana de Lá"', "there")]


def test_an_edit_here_after_the_overwritten_one_is_later(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    rows = before_the_write(two_way, {"nome": "Ana de Lá", "etapa": "Ligou"})
    two_way.edit(name="Ana Depois")
    two_way.push()
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Depois", etapa="Ligou")
    assert [one[3] for one in two_way.conflicts] == ["here"]


def test_an_overwritten_edit_whose_date_was_not_raised(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    date = two_way.installation.there("updated_at")[LEAD]
    two_way.announce(*before_the_write(two_way, {"etapa": "Ligou", "updated_at": date}))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_an_edit_between_reading_and_a_conditional_write_lets_it_find_nothing(two_way: TwoWay) -> None:
    """The run's last round merges anew, and then both changes are there."""
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, age=44)
    rows = before_the_write(two_way, {"etapa": "Ligou"}, kind="change")
    total = two_way.installation.total()
    assert total.unchanged_check.left == 1
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou", age=44)
    assert two_way.conflicts == []


def test_a_lead_that_is_left_comes_with_the_next_push(two_way: TwoWay) -> None:
    """Somebody edits it before each conditional write of the run."""
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, age=44)

    class Busy(Interrupted):
        def handle_request(self, request: Any) -> Any:
            if request.method == "PATCH":
                two_way.edit_there(announce=False, age=(two_way.both("age")[1] or 0) + 1)
            return super().handle_request(request)

    two_way.installation.use_client(transport=Busy(after="change"))
    job = two_way.push()
    assert (job.status, two_way.installation.total().accepted) == ("completed", 0)
    assert two_way.both("name") == ("Ana Daqui", PERSON)
    written = two_way.installation.ops.execute(
        "select array_remove(leads, null) from ops.page_writes"
    ).fetchall()
    assert written == [([LEAD],)]
    two_way.installation.use_client(transport=None)
    two_way.push()
    two_way.are(name="Ana Daqui")
    two_way.is_quiet()
    assert two_way.conflicts == []


@pytest.mark.parametrize("kind", ["upsert", "change"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_an_edit_between_writing_and_reading_back_is_no_failure(
    two_way: TwoWay, kind: Kind, is_announced: bool
) -> None:
    two_way.edit(name="Ana Daqui")
    if kind == "change":
        two_way.edit_there(announce=False, age=44)
    rows: list[dict[str, Any]] = []
    push_and(
        two_way, lambda: rows.append(two_way.edit_there(announce=is_announced, nome="Ana de Lá")), after=kind
    )
    assert two_way.installation.failures == {}
    if not is_announced:
        two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana de Lá", age=44 if kind == "change" else 20)
    assert two_way.conflicts == []


def after_the_write(two_way: TwoWay) -> list[dict[str, Any]]:
    """An edit that raises no date, between the writing of a push and its reading back; what is announced of it."""
    two_way.edit(name="Ana Daqui")

    def edit() -> dict[str, Any]:
        date = two_way.installation.there("updated_at")[LEAD]
        return two_way.edit_there(announce=False, etapa="Ligou", updated_at=date)

    rows: list[dict[str, Any]] = []
    push_and(two_way, lambda: rows.append(edit()), after="upsert")
    assert two_way.installation.failures
    return rows


def test_an_edit_after_writing_that_is_neither_dated_nor_announced_is_listed(two_way: TwoWay) -> None:
    """It looks like a trigger's: the proof fails, our value is kept, and a person may choose the other one."""
    after_the_write(two_way)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Nova")
    assert two_way.conflicts == [("etapa", '"Nova"', '"Ligou"', "here")]


def test_what_a_trigger_wrote_is_listed_again_where_an_edit_of_another_field_brings_it_here(
    two_way: TwoWay,
) -> None:
    two_way.installation.gestao.execute(
        "create function shout() returns trigger language plpgsql as"
        " $$ begin new.nome = upper(new.nome); return new; end $$;"
        "create trigger shout before insert or update on public.leads for each row execute function shout()"
    )
    two_way.edit(name="Ana Daqui")
    two_way.push()
    two_way.push()
    assert two_way.conflicts == [("nome", '"Ana Daqui"', '"ANA DAQUI"', "here")]
    two_way.edit_there(etapa="Ligou")
    two_way.is_quiet()
    two_way.are(name="ANA DAQUI", etapa="Ligou")
    assert two_way.conflicts[1:] == [("nome", '"Ana Daqui"', '"ANA DAQUI"', "there")]


@pytest.mark.parametrize("pushes", [0, 1, 2])
def test_it_is_taken_when_it_is_announced_after_all(two_way: TwoWay, pushes: int) -> None:
    rows = after_the_write(two_way)
    two_way.drain()
    for _ in range(pushes):
        two_way.push()
    two_way.announce(*rows)
    two_way.drain()
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts[-1] == ("etapa", '"Nova"', '"Ligou"', "there")
    # What a person decides here afterwards is not undone by a webhook that comes again.
    two_way.edit(etapa="Nova")
    two_way.push()
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(etapa="Nova")


def test_an_edit_after_the_proof_is_seen_by_the_next_push(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    push_and(two_way, lambda: two_way.edit_there(announce=False, etapa="Ligou"), after="read", nth=3)
    two_way.edit(age=21)
    two_way.push()
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou", age=21)
    assert two_way.conflicts == []


def test_an_edit_here_between_the_merge_and_the_write_goes_with_it_or_with_the_next(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, age=44)
    push_and(two_way, lambda: two_way.edit(name="Ana Depois", etapa="Ligou"), before="change")
    two_way.is_quiet()
    two_way.are(name="Ana Depois", etapa="Ligou", age=44)
    assert two_way.conflicts == []


@pytest.mark.parametrize("is_edited", [True, False])
def test_a_lead_that_vanishes_after_its_proof_is_not_hidden_by_one_that_a_person_edits(
    two_way: TwoWay, is_edited: bool
) -> None:
    """The edited one bears our mark too, and was not proved."""
    for number in range(3):
        two_way.edit(LEAD + number, name=f"Ana {number}")

    class Busy(Interrupted):
        is_deleted = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if "last_sync_at" in request.url.params and not self.is_deleted:
                self.is_deleted = True
                two_way.delete_there()
            return super().handle_request(request)

    def edit() -> None:
        if is_edited:
            two_way.edit_there(LEAD + 1, etapa="Ligou", announce=False)

    two_way.installation.use_client(transport=Busy(edit, after="upsert"))
    assert two_way.push().status == "failed"
    assert two_way.both("name", LEAD + 2) == ("Ana 2", "Ana 2")
    two_way.installation.use_client(transport=None)
    two_way.push()
    two_way.are(name="Ana 0", etapa="Nova")


def test_a_lead_that_is_only_saved_makes_no_edit_of_another_one_a_triggers(two_way: TwoWay) -> None:
    """The third one came back with our date: the destination does not date its rows itself."""
    for number in range(3):
        two_way.edit(LEAD + number, name=f"Ana {number}")

    def save_and_edit() -> None:
        two_way.edit_there(LEAD + 1, announce=False, aprovado=True)
        two_way.edit_there(announce=False, etapa="Ligou")

    push_and(two_way, save_and_edit, after="upsert")
    assert two_way.installation.failures == {}
    two_way.is_quiet()
    two_way.are(name="Ana 0", etapa="Ligou")
    assert two_way.conflicts == []
