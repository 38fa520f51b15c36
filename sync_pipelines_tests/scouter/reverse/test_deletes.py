"""Deletes on either side, beside changes that wait, numbers that are used again, and pushes between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.two_way import LEAD, LONG_AGO, TwoWay

PERSON = "Pessoa 1 ção 🙂"


@pytest.mark.parametrize("first", ["drain", "push"])
def test_an_edit_there_before_the_delete_there_is_taken(two_way: TwoWay, first: str) -> None:
    two_way.edit_there(etapa="Ligou")
    two_way.edit(name="Ana Daqui")
    two_way.delete_there()
    getattr(two_way, first)()
    two_way.is_quiet()
    two_way.are(etapa="Ligou", name="Ana Daqui")
    assert two_way.conflicts == []


def test_several_edits_before_the_delete_come_in_two_drains(two_way: TwoWay) -> None:
    first = two_way.edit_there(announce=False, etapa="Ligou", fonte="Feira")
    second = two_way.edit_there(announce=False, etapa="Agendada")
    third = two_way.edit_there(announce=False, fonte="Site")
    two_way.delete_there()
    for row in (first, third, second):
        two_way.announce(row)
        two_way.drain()
    two_way.is_quiet()
    two_way.are(etapa="Agendada", fonte="Site")
    assert two_way.conflicts == []


def test_edits_on_both_sides_before_the_delete_there_are_listed(two_way: TwoWay) -> None:
    two_way.edit(etapa="Daqui")
    two_way.edit_there(etapa="Ligou")
    two_way.delete_there()
    two_way.is_quiet()
    two_way.are(etapa="Ligou")
    assert two_way.conflicts == [("etapa", '"Daqui"', '"Ligou"', "there")]


def test_what_was_seen_before_the_delete_does_not_come_late(two_way: TwoWay) -> None:
    row = two_way.edit_there(announce=False, etapa="Ligou")
    two_way.edit_there(etapa="Agendada")
    two_way.drain()
    two_way.delete_there()
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(etapa="Agendada")
    assert two_way.conflicts == []


@pytest.mark.parametrize("is_drained", [True, False])
def test_a_lead_that_is_deleted_there_and_made_again_empties_nothing_here(
    two_way: TwoWay, is_drained: bool
) -> None:
    two_way.delete_there()
    if is_drained:
        two_way.drain()
    two_way.make_there(nome=PERSON, etapa="Ligou", sync_source="gestao_scouter")
    two_way.is_quiet()
    two_way.are(etapa="Ligou", name=PERSON, age=20, fonte="Site")
    assert two_way.conflicts == []


def refuse_new(two_way: TwoWay) -> None:
    two_way.installation.gestao.execute(
        "create function no() returns trigger language plpgsql as"
        " $$ begin raise exception 'no' using errcode = '23514'; end $$;"
        "create trigger no before insert on public.leads for each row execute function no()"
    )


def allow_new(two_way: TwoWay) -> None:
    """And let the export of today be asked for again."""
    two_way.installation.gestao.execute("drop trigger no on public.leads; drop function no()")
    two_way.installation.tab.execute("delete from public.gestao_scouter_export_jobs")


@pytest.mark.parametrize("is_sent_whole", [True, False])
@pytest.mark.parametrize("is_announced", [True, False])
def test_made_again_there_after_a_push_that_could_not_make_it(
    two_way: TwoWay, is_sent_whole: bool, is_announced: bool
) -> None:
    """The push has seen that the row is gone, and here the lead is as it was at the last exchange."""
    two_way.delete_there()
    if not is_sent_whole:
        two_way.edit(fonte="Feira")
    refuse_new(two_way)
    two_way.push(PushOptions(send_all=is_sent_whole))
    allow_new(two_way)
    two_way.edit(fonte="Site")
    two_way.make_there(nome="Ana de Lá", announce=is_announced)
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(etapa="Nova", age=20, fonte="Site")


def test_another_one_made_there_after_such_a_push_does_not_replace_ours(two_way: TwoWay) -> None:
    two_way.edit(criado=LONG_AGO)
    two_way.push()
    two_way.delete_there()
    refuse_new(two_way)
    two_way.push(PushOptions(send_all=True))
    allow_new(two_way)
    two_way.make_there(nome="Outra Pessoa", criado=datetime.now(UTC))
    for _ in range(2):
        two_way.drain()
        two_way.push(PushOptions(compare=True))
    assert two_way.both("name") == (PERSON, "Outra Pessoa")
    assert two_way.both("etapa") == ("Nova", None)


def test_an_edit_before_the_delete_that_is_announced_after_a_push(two_way: TwoWay) -> None:
    """The push has made the row again, without the edit."""
    row = two_way.edit_there(etapa="Ligou", announce=False)
    two_way.edit(name="Ana Daqui")
    two_way.delete_there()
    two_way.push(PushOptions(compare=True))
    two_way.are(name="Ana Daqui", etapa="Nova")
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_deleted_there_pushed_and_edited_there(two_way: TwoWay) -> None:
    row = two_way.edit_there(announce=False, etapa="Ligou")
    two_way.delete_there()
    two_way.push()
    two_way.are(etapa="Nova")
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(etapa="Ligou")
    two_way.edit_there(etapa="Agendada")
    two_way.is_quiet()
    two_way.are(etapa="Agendada")


@pytest.mark.parametrize("first", ["drain", "push"])
def test_deleted_here_and_edited_there(two_way: TwoWay, first: str) -> None:
    two_way.delete()
    two_way.edit_there(etapa="Ligou")
    getattr(two_way, first)()
    two_way.drain()
    two_way.push()
    assert two_way.installation.tab.execute("select from leads where id = %s", [LEAD]).fetchone() is None
    assert two_way.installation.there("etapa")[LEAD] == "Ligou"


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("is_drained", [True, False])
def test_deleted_here_edited_there_and_made_again_here(
    two_way: TwoWay, is_announced: bool, is_drained: bool
) -> None:
    two_way.delete()
    two_way.edit_there(announce=is_announced, etapa="Ligou", fonte=None)
    if is_drained:
        two_way.drain()
    two_way.installation.lead(1, datetime.now(UTC), etapa="Nova", age=21, fonte="Site")
    two_way.is_quiet()
    two_way.are(etapa="Ligou", age=21, fonte=None)
    assert two_way.conflicts == []


def test_deleted_on_both_sides_with_a_waiting_change(two_way: TwoWay) -> None:
    two_way.edit_there(etapa="Ligou")
    two_way.delete()
    two_way.delete_there()
    two_way.push()
    two_way.is_quiet()
    assert LEAD not in two_way.installation.there()
    assert two_way.installation.tab.execute("select from leads where id = %s", [LEAD]).fetchone() is None
    two_way.make_there(nome="Outra", etapa="Ligou")
    two_way.drain()
    two_way.push()
    assert two_way.installation.tab.execute("select from leads where id = %s", [LEAD]).fetchone() is None
    assert two_way.installation.there("nome")[LEAD] == "Outra"


def test_a_lead_of_theirs_that_is_deleted_there_before_and_after_the_drain(two_way: TwoWay) -> None:
    two_way.make_there(LEAD + 50, nome="Nova Lá", etapa="Ligou")
    two_way.delete_there(LEAD + 50)
    two_way.is_quiet()
    two_way.are(LEAD + 50, name="Nova Lá", etapa="Ligou")
    two_way.make_there(LEAD + 51, nome="Nova Lá", etapa="Ligou")
    two_way.drain()
    two_way.delete_there(LEAD + 51)
    two_way.is_quiet()
    two_way.are(LEAD + 51, name="Nova Lá", etapa="Ligou")


def test_a_choice_about_a_lead_that_is_gone(two_way: TwoWay) -> None:
    two_way.edit(etapa="Daqui")
    two_way.edit_there(etapa="Dela")
    two_way.drain()
    two_way.push()
    (number,) = two_way.installation.tab.execute("select id from sync_private.lead_conflicts").fetchone()
    assert two_way.conflicts == [("etapa", '"Daqui"', '"Dela"', "there")]
    two_way.delete_there()
    two_way.installation.reverse_sync().choose([number], "other")
    two_way.is_quiet()
    two_way.are(etapa="Daqui")


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("stamp", [None, "2062-11-30T12:00:00+00:00"])
def test_a_tool_there_that_writes_the_stamp_itself_makes_no_row_anew(
    two_way: TwoWay, stamp: str | None, is_announced: bool
) -> None:
    """The time of creation says that the row is the one that we have written: what is empty was emptied."""
    two_way.installation.tab.execute("update public.leads set criado = '2025-10-01 12:00:00.5-03'")
    two_way.push()
    two_way.edit(age=31)
    two_way.edit_there(announce=is_announced, etapa=None, fonte="Feira", last_sync_at=stamp)
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(etapa=None, fonte="Feira", age=31)
    assert two_way.conflicts == []


@pytest.mark.parametrize("compares", [True, False])
def test_an_export_of_some_fields_that_makes_a_lead_anew_empties_no_other(
    two_way: TwoWay, compares: bool
) -> None:
    def export() -> None:
        made = two_way.installation
        job = made.actions().create(made.push.today(), None, fields_selected=["name", "etapa"]).id
        made.run(job, options=PushOptions(compare=compares))

    two_way.edit(name="Ana")
    export()
    two_way.delete_there()
    if not compares:
        two_way.edit(name="Bia")
    export()
    assert two_way.both("fonte") == ("Site", None)
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(fonte="Site", age=20)


@pytest.mark.parametrize("is_announced", [True, False])
def test_an_import_there_of_some_columns_empties_nothing(two_way: TwoWay, is_announced: bool) -> None:
    """The row was deleted, and is made again with its time of creation."""
    two_way.installation.tab.execute("update public.leads set criado = '2025-10-01 12:00:00.5-03'")
    two_way.push()
    row = two_way.installation.there()[LEAD]
    two_way.delete_there()
    two_way.make_there(announce=is_announced, nome=row["nome"], criado=row["criado"])
    two_way.drain()
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(etapa="Nova", fonte="Site", age=20)
