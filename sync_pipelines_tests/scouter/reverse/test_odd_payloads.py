"""Odd bodies of the webhook, as the inbox keeps them, and what a run says about people."""

from __future__ import annotations

import json
import logging

import pytest

from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.reverse.webhook import LeadChange, read_change
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

NAME, PHONE = "Zefirina Quintanilha", "(11) 97777-1234"


def receive(two_way: TwoWay, text: str) -> None:
    change = read_change(json.loads(text), text)
    assert isinstance(change, LeadChange)
    Inbox(two_way.installation.ops, TOPIC).add_many([Arrival(str(change.lead_id), change.source, text)])


def decided(two_way: TwoWay) -> list[tuple[str, str | None]]:
    return two_way.installation.ops.execute("select status, reason from ops.inbox order by id").fetchall()


BODIES = {
    "only the id": '{"lead": {"id": 600001}}',
    "the id as text": '{"lead": {"id": "600001"}}',
    "other case": '{"lead": {"id": 600001, "ETAPA": "Ligou", "Nome": "Outra"}}',
    "an object for a number": '{"lead": {"id": 600001, "age": {"a": 1}}}',
    "an array for a number": '{"lead": {"id": 600001, "age": [1]}}',
    "a fraction": '{"lead": {"id": 600001, "age": 20.5}}',
    "a date that is none": '{"lead": {"id": 600001, "updated_at": "ontem", "criado": "ontem"}}',
    "a date as number": '{"lead": {"id": 600001, "updated_at": 5, "last_sync_at": [1]}}',
    "a huge date": '{"lead": {"id": 600001, "updated_at": "999999-01-01", "last_sync_at": "-infinity"}}',
    "both infinite": '{"lead": {"id": 600001, "updated_at": "infinity", "last_sync_at": "infinity"}}',
    "true for a number": '{"lead": {"id": 600001, "age": true}}',
    "ficha": '{"ficha": {"id": 600001}, "source": "Gestao"}',
    "twice the same key": '{"lead": {"id": 600001, "etapa": "a", "etapa": "Nova"}}',
    "lead is null beside ficha": '{"lead": null, "ficha": {"id": 600001}}',
    "operation in lower case": '{"operation": "update", "lead": {"id": 600001}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_an_odd_body_changes_nothing_and_hinders_nothing(two_way: TwoWay, name: str) -> None:
    row = two_way.edit_there(LEAD + 1, announce=False, etapa="Ligou")
    receive(two_way, BODIES[name])
    two_way.announce(row)
    two_way.drain()
    two_way.is_quiet()
    two_way.are(name="Pessoa 1 ção 🙂", age=20, etapa="Nova", fonte="Site")
    two_way.are(LEAD + 1, etapa="Ligou")
    assert two_way.conflicts == []


PARTIAL = [
    '{"lead": {"id": 600001, "etapa": "Ligou", "updated_at": "%s"}}',
    '{"lead": {"id": "600001", "etapa": "Ligou"}}',
    '{"ficha": {"id": 600001, "etapa": "Ligou", "updated_at": "%s"}}',
]


@pytest.mark.parametrize("text", PARTIAL)
def test_a_partial_body_of_what_stands_there(two_way: TwoWay, text: str) -> None:
    row = two_way.edit_there(announce=False, etapa="Ligou")
    receive(two_way, text.replace("%s", row["updated_at"]))
    two_way.is_quiet()
    two_way.are(name="Pessoa 1 ção 🙂", age=20, etapa="Ligou", fonte="Site")
    assert two_way.conflicts == []


def test_a_reason_says_nothing_of_a_person(two_way: TwoWay, caplog: pytest.LogCaptureFixture) -> None:
    """Though a trigger here quotes all it knows."""
    installation = two_way.installation
    caplog.set_level(logging.DEBUG)
    installation.tab.execute(
        "create function say_it() returns trigger language plpgsql as $$ begin"
        " if new.name like 'Zefirina%' then raise exception 'no % %', new.name, new.celular; end if;"
        " return new; end $$;"
        " create trigger say_it before update on leads for each row execute function say_it()"
    )
    two_way.edit(celular=PHONE)
    two_way.edit_there(nome=NAME, telefone=PHONE)
    receive(two_way, json.dumps({"lead": {"id": LEAD + 1, NAME: PHONE, "age": PHONE, "criado": NAME}}))
    two_way.edit_there(LEAD + 2, nome=f"{NAME} 3", announce=False, telefone=PHONE)
    said: list[str] = []
    done = installation.reverse_sync().run("drain", log=said.append)
    assert done.drained.rejected.total() == 2
    two_way.edit(LEAD + 2, fonte="Feira")
    two_way.push()
    events = installation.tab.execute("select to_jsonb(e)::text from sync_events as e").fetchall()
    outcomes = (installation.outcomes, installation.failures)
    text = repr((done, said, caplog.text, decided(two_way), events, outcomes))
    assert [value for value in (NAME, PHONE) if value in text] == []
