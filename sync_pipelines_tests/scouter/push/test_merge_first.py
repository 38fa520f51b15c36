"""A push with the reverse sync on: it overwrites nothing at Gestão Scouter that it has not seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.installation import FIRST, Installation
from sync_pipelines_tests.scouter.interrupted import Interrupted
from sync_pipelines_tests.scouter.two_way import LEAD, LONG_AGO, TwoWay

PERSON = "Pessoa 1 ção 🙂"


def test_a_lead_with_a_waiting_change_is_left_for_the_drain(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    two_way.edit(LEAD + 1, name="Bia Daqui")
    two_way.edit_there(etapa="Ligou")
    two_way.push()
    total = two_way.installation.total()
    assert (total.accepted, total.unchanged_check.left) == (1, 1)
    assert "1 leads were changed there and wait for the reverse sync." in total.sentence()
    assert two_way.both("name") == ("Ana Daqui", PERSON)
    two_way.are(LEAD + 1, name="Bia Daqui")
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_an_edit_that_nobody_announced_is_merged_and_only_the_rest_is_written(two_way: TwoWay) -> None:
    watched = Interrupted(before="change")
    two_way.installation.use_client(transport=watched)
    two_way.edit(name="Ana Daqui")
    row = two_way.edit_there(announce=False, etapa="Ligou", age=None)
    two_way.push()
    two_way.are(name="Ana Daqui", etapa="Ligou", age=None)
    (request,) = watched.requests
    assert request.url.params["updated_at"] == f"eq.{row['updated_at']}"
    assert set(json.loads(request.content)) == {
        "nome",
        "updated_at",
        "sync_source",
        "sync_status",
        "last_sync_at",
    }
    assert two_way.installation.total().unchanged_check.merged == 1
    two_way.is_quiet()
    assert two_way.conflicts == []


def test_a_lead_that_is_equal_after_its_merge_is_not_sent(two_way: TwoWay) -> None:
    two_way.edit(address="Rua Nova", updated_at=LONG_AGO)
    two_way.edit(name="Ana Nova")
    two_way.edit_there(announce=False, nome="Ana Nova", etapa="Ligou")
    two_way.push()
    two_way.are(name="Ana Nova", etapa="Ligou")
    two_way.is_quiet()
    assert two_way.conflicts == []


def test_what_belongs_to_them_alone_needs_no_merge(two_way: TwoWay) -> None:
    watched = Interrupted(before="change")
    two_way.installation.use_client(transport=watched)
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, aprovado=True, email="ana@example.com")
    two_way.push()
    two_way.are(name="Ana Daqui")
    assert watched.requests == []
    row = two_way.installation.there()[LEAD]
    assert (row["aprovado"], row["email"]) == (True, "ana@example.com")
    two_way.is_quiet()


def test_both_changed_the_same_field_and_nobody_announced_it(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, nome="Ana de Lá")
    two_way.push()
    two_way.are(name="Ana de Lá")
    two_way.is_quiet()
    assert two_way.conflicts == [("nome", '"Ana Daqui"', '"Ana de Lá"', "there")]


@pytest.mark.parametrize("is_conditional", [False, True])
@pytest.mark.parametrize("body", ["return null;", "new.nome := old.nome;", "new.nome := upper(new.nome);"])
def test_a_trigger_there_that_changes_or_swallows_our_write_fails_the_proof(
    two_way: TwoWay, body: str, is_conditional: bool
) -> None:
    two_way.edit(name="Ana Daqui")
    if is_conditional:
        two_way.edit_there(announce=False, etapa="Ligou")
    with ruled_there(two_way.installation, body):
        job = two_way.push()
    assert job.status == "failed"
    assert "encontrou diferenças" in (job.pause_reason or "")
    assert two_way.both("name")[0] == "Ana Daqui"
    assert two_way.conflicts == [] or two_way.conflicts[0][3] == "here"
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou" if is_conditional else "Nova")


@contextmanager
def ruled_there(installation: Installation, body: str) -> Iterator[None]:
    installation.gestao.execute(
        f"create function public.rule() returns trigger language plpgsql as $$ begin {body} return new; end $$;"
        " create trigger z_rule before update on public.leads for each row execute function public.rule()".encode()
    )
    yield
    installation.gestao.execute("drop trigger z_rule on public.leads; drop function public.rule()")


def test_a_trigger_there_that_dates_every_row_is_no_failure(two_way: TwoWay) -> None:
    with ruled_there(two_way.installation, "new.updated_at := clock_timestamp();"):
        two_way.edit(name="Ana Daqui")
        two_way.push()
        two_way.are(name="Ana Daqui")
        two_way.edit_there(announce=False, etapa="Ligou")
        two_way.edit(name="Ana Depois")
        two_way.is_quiet()
    two_way.are(name="Ana Depois", etapa="Ligou")
    assert two_way.conflicts == []


def test_a_number_that_they_gave_to_another_lead_is_held_by_both_directions(two_way: TwoWay) -> None:
    installation = two_way.installation
    installation.lead(9, LONG_AGO, criado=LONG_AGO)
    installation.gestao.execute(
        "insert into public.leads (id, nome, criado, updated_at) values (%s, 'Cadastro local', now(), now())",
        [FIRST + 9],
    )
    two_way.push()
    (row,) = installation.errors()
    assert row["lead_id"] == FIRST + 9
    assert OVERWRITE in row["error_message"]
    two_way.edit_there(FIRST + 9, nome="Cadastro local editado")
    assert two_way.drain().rejected == {"id: the number belongs to another lead of TabuladorMax": 1}
    assert two_way.both("name", FIRST + 9) == ("Pessoa 9 ção 🙂", "Cadastro local editado")
    two_way.edit(FIRST + 9, name="Nona Pessoa")
    two_way.push()
    assert two_way.both("name", FIRST + 9) == ("Nona Pessoa", "Cadastro local editado")
    two_way.push(PushOptions(accepted=frozenset({OVERWRITE})))
    two_way.are(FIRST + 9, name="Nona Pessoa")
    two_way.edit_there(FIRST + 9, etapa="Ligou")
    two_way.is_quiet()
    two_way.are(FIRST + 9, name="Nona Pessoa", etapa="Ligou")


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_rejected_lead_that_is_sent_again_overwrites_nothing_either(
    two_way: TwoWay, is_announced: bool
) -> None:
    installation = two_way.installation
    with ruled_there(installation, "if new.age = 1999 then raise exception 'too old'; end if;"):
        two_way.edit(name="Ana Daqui", age=1999)
        assert two_way.push().error_leads == 1
    assert two_way.both("name") == ("Ana Daqui", PERSON)
    two_way.edit_there(announce=is_announced, etapa="Ligou")
    done = replay(installation.push, "replay")
    if is_announced:
        assert (done.accepted, two_way.both("name")[1], len(installation.errors())) == (0, PERSON, 1)
        two_way.drain()
        done = replay(installation.push, "replay")
    assert (done.accepted, installation.errors()) == (1, [])
    two_way.are(name="Ana Daqui", age=1999, etapa="Ligou")
    two_way.is_quiet()
    assert two_way.conflicts == []


def test_many_leads_cost_one_reading_a_page_and_no_merge(two_way: TwoWay) -> None:
    installation = two_way.installation
    installation.leads(range(100, 900), LONG_AGO)
    watched = Interrupted(before="read")
    installation.use_client(transport=watched)
    two_way.push()
    assert installation.total().accepted == 800
    before, proved = 2, 800 // 50  # 400 numbers in one query; each batch is read back
    assert len(watched.requests) <= before + proved + 2
    assert installation.ops.execute("select count(*) from ops.inbox").fetchone() == (0,)
