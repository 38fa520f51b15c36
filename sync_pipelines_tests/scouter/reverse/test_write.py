"""Fields that TabuladorMax cannot hold, or does not let through: those are rejected, and all others applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines_tests.scouter.pair import LEAD, NOWHERE, Pair

APPLIED = ("applied", None)
REST = "; the other fields were applied"
PROJECT = "00000000-0000-4000-8000-00000000beef"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("age", "trinta", "age: the value is no integer"),
        ("age", 2**31, "age: the value is no integer"),
        ("age", 1.5, "age: the value is no integer"),
        ("ficha_confirmada", "Sim, com certeza", "ficha_confirmada: the value is no boolean"),
        ("valor_ficha", 10**9, "valor_ficha: the value is no numeric(10,2)"),
        ("criado", "31/12/2025", "criado: the value is no timestamp with time zone"),
        ("criado", "2025-02-30T00:00:00Z", "criado: the value is no timestamp with time zone"),
        ("commercial_project_id", "segredo", "commercial_project_id: the value is no uuid"),
    ],
)
def test_an_announced_value_that_does_not_fit_rejects_its_field_and_no_other(
    pair: Pair, field: str, value: Any, reason: str
) -> None:
    pair.push(LEAD, LEAD + 1)
    before = pair.here()
    pair.receive(
        pair.announced(nome="Ana Nova", **{field: value}), pair.edit_there(LEAD + 1, nome="Bia Nova")
    )
    drained = pair.drain()
    assert pair.decided == [("rejected", reason + REST), APPLIED]
    assert drained.rejected == {reason + REST: 1}
    after = pair.here()
    changed = {name for name, was in before.items() if after[name] != was}
    assert changed - {"updated_at", "last_sync_at", "sync_source", "sync_status"} == {"name"}
    assert ("update", "gestao_scouter_to_supabase", LEAD, "error", reason + REST, 1) in pair.events


@pytest.mark.parametrize("column", ["ficha_confirmada", "commercial_project_id"])
def test_a_value_that_stands_there_and_fits_not_here_is_overwritten_by_the_next_push(
    pair: Pair, column: str
) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edit_there(nome="Ana Nova", **{column: "Sim, com certeza"}))
    pair.drain()
    assert (pair.here()["name"], pair.here()[column]) == ("Ana Nova", before[column])
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()[column] in (before[column], str(before[column]).lower())
    assert pair.push(LEAD) == []


def test_a_valid_change_is_not_lost_when_an_invalid_one_comes_after_it(pair: Pair) -> None:
    pair.push(LEAD)
    first = pair.announced(nome="Ana Nova")
    later = pair.announced()["updated_at"]
    pair.receive(first, {"id": LEAD, "age": "doze", "updated_at": later})
    pair.drain()
    assert pair.here()["name"] == "Ana Nova"
    assert pair.decided[1][0] == "rejected"
    Inbox(pair.ops, TOPIC).replay(None)
    pair.drain()
    assert pair.here()["name"] == "Ana Nova"


@pytest.mark.parametrize("date", ["ontem", "", 7, {"em": "breve"}])
def test_a_date_that_is_none_hinders_nothing(pair: Pair, date: Any) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova") | {"updated_at": date})
    pair.drain()
    assert (pair.here()["name"], pair.decided) == ("Ana Nova", [APPLIED])


def poisoned(pair: Pair) -> list[int]:
    """All leads with a new name there, of which three have a project that TabuladorMax does not know."""
    ids = [row[0] for row in pair.leads.execute("select id from public.leads order by id").fetchall()]
    pair.push(*ids)
    bad = {ids[3], ids[30], ids[31]}
    for number in ids:
        project = {"commercial_project_id": PROJECT.replace("beef", "dead")} if number in bad else {}
        pair.receive(pair.edit_there(number, nome="Nome Novo", **project))
    return sorted(bad)


def test_leads_that_the_table_refuses_are_found_in_their_batch(pair: Pair) -> None:
    bad = poisoned(pair)
    drained = pair.drain()
    assert (drained.updated, sum(drained.rejected.values())) == (57, 3)
    (reason,) = drained.rejected
    assert "23503" in reason
    assert "dead" not in reason
    names = pair.leads.execute("select distinct name from public.leads").fetchall()
    assert names == [("Nome Novo",)], "the other field of the three is applied"
    rejected = pair.ops.execute("select key::bigint from ops.inbox where status = 'rejected' order by 1")
    assert [row[0] for row in rejected] == bad
    assert pair.push(*bad) == bad
    assert {pair.there(number)["commercial_project_id"] for number in bad} == {
        pair.here(number)["commercial_project_id"] for number in bad
    }


@pytest.mark.parametrize("is_pushed", [True, False])
def test_a_rejected_field_is_taken_when_its_cause_is_mended(pair: Pair, is_pushed: bool) -> None:
    """Also after a push, which has put our value there again."""
    pair.push(LEAD)
    pair.receive(pair.edit_there(commercial_project_id=PROJECT))
    pair.drain()
    assert pair.decided[0][0] == "rejected"
    if is_pushed:
        assert pair.push(LEAD) == [LEAD]
    pair.leads.execute("insert into public.commercial_projects values (%s, 'Seletiva nova')", [PROJECT])
    assert Inbox(pair.ops, TOPIC).replay(None) == 1
    pair.drain()
    assert pair.decided == [APPLIED]
    assert pair.here()["commercial_project_id"] == PROJECT
    pair.push(LEAD)
    assert pair.there()["commercial_project_id"] == PROJECT
    assert pair.conflicts == []


def test_a_replayed_field_that_was_changed_here_meanwhile_is_a_conflict(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(commercial_project_id=PROJECT, updated_at=pair.there()["updated_at"]))
    pair.drain()
    pair.leads.execute("insert into public.commercial_projects values (%s, 'Seletiva nova')", [PROJECT])
    other = pair.leads.execute(
        "select id::text from public.commercial_projects where id::text not in (%s, %s) limit 1",
        [PROJECT, pair.here()["commercial_project_id"]],
    ).fetchone()
    assert other is not None
    pair.edit(commercial_project_id=other[0])
    Inbox(pair.ops, TOPIC).replay(None)
    pair.drain()
    assert pair.here()["commercial_project_id"] == other[0]
    assert [conflict[1:5] for conflict in pair.conflicts] == [
        ("commercial_project_id", f'"{other[0]}"', f'"{PROJECT}"', "here")
    ]


@contextmanager
def ruled(pair: Pair, body: str, *, kind: str = "trigger") -> Iterator[None]:
    """TabuladorMax with a rule of its own: what a trigger does before a row is written, or at the end."""
    when = "after" if kind == "constraint trigger" else "before"
    deferred = "deferrable initially deferred" if kind == "constraint trigger" else ""
    pair.leads.execute(
        f"create function public.rule() returns trigger language plpgsql as $$ begin {body} return new; end $$;"
        f" create {kind} z_rule {when} insert or update on public.leads {deferred}"
        " for each row execute function public.rule()".encode()
    )
    try:
        yield
    finally:
        pair.leads.execute("drop trigger z_rule on public.leads; drop function public.rule()")


@pytest.mark.parametrize("kind", ["trigger", "constraint trigger"])
def test_a_field_that_a_trigger_refuses_is_rejected_alone(pair: Pair, kind: str) -> None:
    pair.push(LEAD, LEAD + 1)
    before = pair.here()
    pair.receive(
        pair.edit_there(nome="Ana Nova", age=3, etapa="Ligou"), pair.edit_there(LEAD + 1, nome="Bia Nova")
    )
    with ruled(pair, "if new.age < 14 then raise exception 'too young: %', new.name; end if;", kind=kind):
        pair.drain()
    after = pair.here()
    assert (after["name"], after["etapa"], after["age"]) == ("Ana Nova", "Ligou", before["age"])
    assert pair.here(LEAD + 1)["name"] == "Bia Nova"
    (status, reason), other = pair.decided
    assert (status, other) == ("rejected", APPLIED)
    assert reason is not None
    assert reason.startswith("age: ")
    assert reason.endswith(REST)
    assert "Ana" not in reason
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["age"] == before["age"]
    assert pair.push(LEAD) == []


def test_a_lead_that_a_trigger_does_not_let_in_is_rejected_and_stays_there(pair: Pair) -> None:
    pair.gestao.execute("insert into public.leads (id, nome, age) values (%s, 'Ana Local', 3)", [NOWHERE])
    pair.receive(pair.there(NOWHERE))
    with ruled(pair, "if tg_op = 'INSERT' then raise exception 'closed'; end if;"):
        drained = pair.drain()
    assert (pair.decided[0][0], drained.created) == ("rejected", 0)
    assert pair.leads.execute("select from public.leads where id = %s", [NOWHERE]).fetchone() is None
    Inbox(pair.ops, TOPIC).replay(None)
    pair.drain()
    assert (pair.here(NOWHERE)["name"], pair.decided) == ("Ana Local", [APPLIED])


def test_a_new_lead_is_created_without_the_field_that_a_trigger_refuses(pair: Pair) -> None:
    pair.gestao.execute("insert into public.leads (id, nome, age) values (%s, 'Ana Local', 3)", [NOWHERE])
    pair.receive(pair.there(NOWHERE))
    with ruled(pair, "if new.age < 14 then raise exception 'too young'; end if;"):
        pair.drain()
    assert (pair.here(NOWHERE)["name"], pair.here(NOWHERE)["age"]) == ("Ana Local", None)
    assert pair.decided[0][0] == "rejected"
    assert pair.push(NOWHERE) == [NOWHERE]
    assert pair.there(NOWHERE)["age"] is None
    Inbox(pair.ops, TOPIC).replay(None)
    pair.drain()
    assert pair.here(NOWHERE)["age"] == 3
    assert pair.push(NOWHERE) == [NOWHERE]
    assert pair.there(NOWHERE)["age"] == 3


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("new.name := upper(new.name);", "ANA NOVA"),
        ("new.name := old.name;", None),
        ("return null;", None),
    ],
)
def test_a_field_that_a_trigger_changes_or_swallows_is_rejected_and_pushed(
    pair: Pair, body: str, kept: str | None
) -> None:
    pair.push(LEAD)
    before = pair.here()
    edit = pair.edit_there(nome="Ana Nova")
    pair.receive(edit)
    with ruled(pair, f"if tg_op = 'UPDATE' and new.name is distinct from old.name then {body} end if;"):
        drained = pair.drain()
    assert pair.here()["name"] == (kept or before["name"])
    assert pair.decided == [("rejected", "nome: TabuladorMax keeps another value")]
    assert drained.updated == 0
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["nome"] == (kept or before["name"])
    assert pair.push(LEAD) == []


def test_a_trigger_that_swallows_what_both_changed_keeps_ours_and_lists_it(pair: Pair) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.receive(pair.edit_there(nome="Ana de Lá"))
    with ruled(pair, "if new.name = 'Ana de Lá' then new.name := old.name; end if;"):
        pair.drain()
    assert pair.here()["name"] == "Ana Daqui"
    assert [conflict[1:6] for conflict in pair.conflicts] == [
        ("nome", '"Ana Daqui"', '"Ana de Lá"', "here", "TabuladorMax keeps another value")
    ]
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["nome"] == "Ana Daqui"


def test_another_field_that_a_trigger_derives_from_a_taken_one_travels(pair: Pair) -> None:
    pair.edit(ficha_confirmada=False)
    pair.push(LEAD)
    pair.receive(pair.edit_there(etapa="Confirmada"))
    with ruled(pair, "if new.etapa = 'Confirmada' then new.ficha_confirmada := true; end if;"):
        pair.drain()
    assert pair.decided == [APPLIED]
    assert pair.push(LEAD) == [LEAD]
    assert (pair.there()["etapa"], pair.there()["ficha_confirmada"]) == ("Confirmada", "true")
    assert pair.conflicts == []


def test_a_trigger_that_dates_rows_back_hides_no_difference_from_the_push(pair: Pair) -> None:
    """The lead differs and its date is old: its last-synced state says that it is to be sent."""
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.receive(pair.edit_there(etapa="Ligou"))
    long_ago = (pair.ops.execute("select now()").fetchone() or [None])[0] - timedelta(days=400)
    with ruled(pair, f"new.updated_at := '{long_ago.isoformat()}';"):
        pair.drain()
    assert pair.push(LEAD) == [LEAD]
    assert (pair.there()["nome"], pair.there()["etapa"]) == ("Ana Daqui", "Ligou")
